/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * own: what a spec that cdi/generate made says about how it was made.
 *
 * No annotation marks it, so that old readers accept the file (design.md 4.4):
 * a spec is ours when its own edits hold the hook "setup" with the digest of
 * what it was made from. One made with separate hooks is like anybody's.
 */

#include "cdi/model.h"

struct cdi_own {
	size_t hook;		 /* its place in the spec's own hooks */
	const char *fingerprint; /* nv_snapshot_fingerprint() of root and library at that time */
	const char *driver_root; /* "/" or a path */
	const char *dev_root;	 /* what the nodes' host paths say; "/" or a path */
	const char *library;	 /* NULL: none */
	unsigned jobs;		 /* enum cdi_job: what the hook does not skip */
};

/* Whether s is ours; ret borrows from it. */
bool cdi_own_find(struct arena *a, const struct cdi_spec *s, struct cdi_own *ret);

/* The arguments that say how the spec was made, not what is to be done in a container. */
bool cdi_own_is_note(struct str argument);

/*
 * The identifier that a device's name stands for, whatever the naming strategy:
 * "1" for "gpu1", "0:1" for "mig0:1".
 */
const char *cdi_own_id(const char *name);
