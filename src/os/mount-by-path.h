/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mount-by-path: what os/mount needs mount(2) and umount(2) for: unmounting, and kernels before
 * 5.12. These calls take paths, so the working directory is the verified procfs while they run.
 * For os/mount.c alone.
 */

#include "os/mount.h"

/*
 * As mount_bind(), for kernels before 5.2 and for filters that refuse their calls. cover is a mount
 * on the target's directory that is taken away, closed and set to -1 as soon as the source was
 * mounted from it: the new mount is found by its name. -1: none.
 */
int mount_by_path_bind(const struct mount_end *source, const struct mount_end *target,
		       unsigned flags, int *cover, struct err *e) MUST_USE;

/* An empty tmpfs with mount(2) options on the directory target: its root's descriptor. */
int mount_by_path_tmpfs(const struct mount_end *target, const char *options,
			struct err *e) MUST_USE;

/* Gives an attached mount its attributes; what is mounted below it keeps its own. */
int mount_by_path_restrict(int mount, unsigned flags, const char *name, struct err *e) MUST_USE;

int mount_by_path_detach(int mount, const char *name, struct err *e) MUST_USE;
