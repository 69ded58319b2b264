/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mount: mounts between pinned descriptors (security.md 2.5 P4).
 *
 * open_tree, mount_setattr and move_mount (kernel 5.12): attributes are in force before the mount
 * can be seen, and no name is looked up. Older kernels get mount(2) through procfs and a second
 * remount of what is then found to be mounted there; until it, the mount is writable. A mount is
 * private from its birth, and none is made where it would show elsewhere too: -EPERM where the
 * target lies on a shared mount.
 */

#include "base/err.h"
#include "base/str.h"

enum mount_flags {
	MOUNT_READONLY = 1,
	MOUNT_NOSUID = 2,
	MOUNT_NODEV = 4,
	MOUNT_NOEXEC = 8,
	MOUNT_RECURSIVE = 16,
	MOUNT_NOSYMFOLLOW = 32, /* left out before kernel 5.12 */
};

/* An O_PATH descriptor, and what to call it in messages. Both borrowed. */
struct mount_end {
	int fd;
	const char *name;
};

/*
 * Mounts what source names on what target names: both files (of any kind) or both directories,
 * never links. A descriptor of the new mount, for mount_undo(), or a negative errno.
 */
int mount_bind(const struct mount_end *source, const struct mount_end *target, unsigned flags,
	       struct err *e) MUST_USE;

/*
 * Mounts a file of that text on target, a file in the directory dir; read-only, and nothing else of
 * the file system that holds it can be reached. A descriptor of the new mount.
 */
int mount_text(struct str text, int dir, const struct mount_end *target, struct err *e) MUST_USE;

/* Takes away the mount that a descriptor of the functions above names; closes it in any case. */
int mount_undo(int mount, const char *name, struct err *e) MUST_USE;
