/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mount-peers: whether a mount would show elsewhere too.
 *
 * What is mounted on a shared mount appears on all its peers, those of the host among them: on the
 * host's own procfs when a container was given that (security.md F4). For os/mount.c alone.
 */

#include "os/mount.h"

/*
 * -EPERM when the mount on which target lies, or that of the descriptor also (-1: none), is shared
 * with other mounts.
 */
int mount_check_peers(const struct mount_end *target, int also, struct err *e) MUST_USE;

/* Whether a line of mountinfo is that of the mount id, and shared. For the test. */
bool mount_line_is_shared(struct str line, struct str id);
