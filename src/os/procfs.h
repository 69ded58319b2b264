/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * procfs: a verified view of /proc that nobody else can reach.
 *
 * Own instance (fsopen with subset=pid, kernel 5.8), else a clone of /proc,
 * else /proc itself; checked by magic number and root inode (security.md 2.5 P6).
 */

#include <stddef.h>

#include "base/err.h"

/* A directory descriptor, opened once per process and kept. */
int procfs_fd(struct err *e) MUST_USE;

/*
 * Opens what an O_PATH descriptor names, through procfs (fd/N is a magic link,
 * so no name is looked up again), with O_CLOEXEC added.
 */
int procfs_reopen(int fd, int flags, struct err *e) MUST_USE;

/*
 * Where the kernel says a descriptor lies, as this process sees it: for messages and for
 * translating into a container's view, never for opening. " (deleted)" ends it when it has no name
 * any more.
 */
int procfs_name_of(int fd, char *ret, size_t size, struct err *e) MUST_USE;
