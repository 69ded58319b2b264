/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mount: bind mounts between pinned descriptors (security.md 2.5 P4).
 *
 * open_tree, mount_setattr and move_mount (kernel 5.12); on older kernels mount(2)
 * through /proc/self/fd with a second remount, verified. No path below a
 * container's root is looked up here.
 */

#include <stddef.h>

#include "base/err.h"

enum mount_flags {
	MOUNT_READONLY = 1,
	MOUNT_NOSUID = 2,
	MOUNT_NODEV = 4,
	MOUNT_NOEXEC = 8,
	MOUNT_RECURSIVE = 16,
	MOUNT_NOSYMFOLLOW = 32,
};

/*
 * Mounts what source names on what target names, both O_PATH descriptors of
 * the same kind (file or directory), private. Attributes are in force before
 * the mount can be seen. names are for messages.
 */
int mount_bind(int source, int target, unsigned flags, const char *source_name,
	       const char *target_name, struct err *e) MUST_USE;

/* A detached, private tmpfs of at most size bytes: a directory descriptor to fill before use. */
int mount_tmpfs(size_t size, unsigned flags, struct err *e) MUST_USE;

/* Undoes a mount_bind() by the target's descriptor. */
int mount_undo(int target, const char *target_name, struct err *e) MUST_USE;
