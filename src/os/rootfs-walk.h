/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * rootfs-walk: what openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, O_PATH) does, for
 * kernels and system call filters without it. For os/rootfs.c alone.
 */

#include "base/macro.h"

/*
 * An O_PATH descriptor of path below the directory root, or a negative errno.
 * With nofollow a link in the last component is opened itself, unless slashes
 * follow it.
 */
int rootfs_walk(int root, const char *path, bool nofollow) MUST_USE;
