/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * image: what the environment, mounts and annotations of a container ask for
 * (spec: runtime.md 1.7, 1.12, 2.2; users.md P21).
 *
 * Everything here comes from an image or a request and is untrusted: variables
 * that we interpret are bounded (16 KiB, 1024 items of 256 bytes) and held to
 * a grammar; a violation is an error that names the variable.
 */

#include "base/arena.h"
#include "base/err.h"
#include "nv/request.h"
#include "oci/spec.h"

/* The site's rules, from config.toml. */
struct oci_image_policy {
	struct str swarm_resource; /* comma list, may be empty */
	bool accept_environment_when_unprivileged;
	bool accept_mounts;
	bool disable_require;
	bool ignore_imex;
	unsigned supported_capabilities;	/* classes */
	const struct strv *annotation_prefixes; /* NULL: annotations are not looked at */
	bool reference;				/* compat-level "reference" */
};

/*
 * 0 with ret->source NV_SOURCE_NONE when it is not a GPU container. Warnings
 * (ignored request, bad annotation) go to the log.
 */
int oci_image_request(struct arena *a, const struct oci_spec *spec,
		      const struct oci_image_policy *policy, struct nv_request *ret,
		      struct err *e) MUST_USE;
