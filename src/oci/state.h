/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * state: the OCI state document that a runtime writes to a hook's standard
 * input (runtime-spec 1.3, runtime.md "State"), at most OCI_STATE_MAX bytes,
 * depth 16.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* It holds the annotations, of which Kubernetes allows 256 KiB and CRI-O keeps a second copy. */
#define OCI_STATE_MAX ((size_t)1 << 20)

struct oci_state {
	const char *id, *bundle; /* NULL when absent */
	const char *root;	 /* crun adds it; NULL elsewhere */
	int64_t pid;		 /* 0 when absent */
};

int oci_state_parse(struct arena *a, struct str text, const char *name, struct oci_state *ret,
		    struct err *e) MUST_USE;

/*
 * The container's root as a host path: state.root, else root.path of
 * <bundle>/config.json; relative ones are joined to the bundle. -EINVAL when
 * neither is known or the bundle is relative.
 */
int oci_state_rootfs(struct arena *a, const struct oci_state *s, const char **ret,
		     struct err *e) MUST_USE;
