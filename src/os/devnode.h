/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* devnode: character devices of the host and the majors of /proc/devices. */

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct devnode {
	char type; /* 'c', 'b', 'p' */
	uint32_t major, minor;
	mode_t mode; /* permission bits */
	uid_t uid;
	gid_t gid;
};

/* lstat; -ENODEV when the path is not a device or FIFO. */
int devnode_stat(const char *path, struct devnode *ret, struct err *e) MUST_USE;

bool devnode_is_char(const char *path);

/* The character major with that name in the text of /proc/devices; 1, or 0 when there is none. */
int devnode_major(struct str proc_devices, const char *name, uint32_t *ret);
