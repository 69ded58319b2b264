/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ldconf: the directories that /etc/ld.so.conf and its includes name.
 *
 * Reads an untrusted image, so it belongs into the sandbox's child. Never
 * fails: what cannot be read, leads in a circle or goes beyond the bounds (256
 * files of 1 MiB, includes 8 deep, 4,096 names from patterns) is left out and
 * said in notes.
 */

#include "base/arena.h"
#include "base/vec.h"
#include "os/rootfs.h"

#define LDCONF_FILE	"/etc/ld.so.conf"
#define LDCONF_DIR	"/etc/ld.so.conf.d"
#define LDCONF_DRIVER	LDCONF_DIR "/00-nvcr.conf"
#define LDCONF_MAX_NAME 4095

struct ldconf {
	struct strv dirs; /* absolute, in the order of the configuration, not yet without doubles */
	/*
	 * How many of dirs come before what LDCONF_DRIVER names or would name; its own content is
	 * left out of dirs. 0 when no include reaches it.
	 */
	size_t driver_at;
	bool exists; /* there is an ld.so.conf */
	struct strv notes;
};

void ldconf_read(struct arena *a, const struct rootfs *root, struct ldconf *ret);

/* Whether a directory's name can stand in a configuration file of the loader's. */
bool ldconf_is_name(const char *path);
