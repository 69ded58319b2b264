/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * container: what a hook works on: the root, opened once, and how it got there.
 */

#include "base/arena.h"
#include "base/err.h"
#include "oci/state.h"
#include "os/rootfs.h"

struct container {
	struct rootfs root;
	const char *id; /* for messages; NULL when unknown */
};

/* From the state document on a descriptor, or the spec file at path (NULL or "-": standard input).
 */
int container_open(struct arena *a, const char *state_path, struct container *ret,
		   struct err *e) MUST_USE;

/* The same when the root directory is known already. */
int container_open_root(struct arena *a, const char *rootfs, struct container *ret,
			struct err *e) MUST_USE;

void container_close(struct container *c);
