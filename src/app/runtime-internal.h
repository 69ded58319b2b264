/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* runtime-internal: what the parts of the wrapper share. */

#include "app/config.h"
#include "cdi/generate.h"
#include "cdi/own.h"
#include "cdi/registry.h"
#include "nv/request.h"
#include "nv/select.h"
#include "nv/snapshot.h"
#include "oci/runtime.h"
#include "oci/spec.h"

enum runtime_mode { RUNTIME_AUTO, RUNTIME_CDI, RUNTIME_CSV, RUNTIME_JIT_CDI, RUNTIME_LEGACY };

/* One create or run. */
struct runtime {
	struct arena *arena;
	struct oci_command command;
	struct config config;
	const char *low_level;	/* the low-level runtime's path */
	const char *bundle;	/* absolute */
	enum runtime_mode mode; /* as configured; resolved by runtime_request() */
	unsigned supported;	/* supported-driver-capabilities, as classes */
	bool reference;		/* compat-level */
	struct oci_spec spec;
	struct nv_request request;
};

/* Reads mode, compat-level and the other values of the configuration that have a choice. */
int runtime_settings(struct runtime *rt, const char *forced_mode, struct err *e) MUST_USE;

/*
 * The container's request, and with it the mode, "auto" resolved. A request of
 * NV_SOURCE_NONE leaves the mode alone: nothing of the machine has been looked at.
 */
int runtime_request(struct runtime *rt, struct err *e) MUST_USE;

/* The edits of each mode. */
int runtime_cdi_edits(struct runtime *rt, struct cdi_edits *ret, struct err *e) MUST_USE;

/* ids: as requested, without vendor and class. */
int runtime_jit_edits(struct runtime *rt, const struct strv *ids, struct cdi_edits *ret,
		      struct err *e) MUST_USE;

/*
 * Adds what the request asks for beside GPUs: IMEX channels, MIG capabilities, gated features.
 * ids: the GPUs of the request, as far as this machine's own names say.
 */
int runtime_add_extras(struct runtime *rt, const struct strv *ids, struct cdi_edits *edits,
		       struct err *e) MUST_USE;

/*
 * The edits of a spec of ours for those of its devices that were found, none for the driver
 * alone: from the file, or made anew where it does not fit the machine any more.
 */
int runtime_own_edits(struct runtime *rt, const struct cdi_own *own, const struct cdi_spec *spec,
		      const struct cdi_founds *founds, struct cdi_edits *ret,
		      struct err *e) MUST_USE;

/* Whether driver or GPUs are others now than the spec was made for. */
bool runtime_own_is_stale(struct runtime *rt, const struct cdi_own *own);

/* Takes out of the edits of a spec of ours what these capability classes do not need. */
void runtime_filter_edits(struct arena *a, const struct nv_driver *driver, unsigned classes,
			  struct cdi_edits *edits);

/* How edits are generated for this container: what jit-cdi does. */
void runtime_generate_options(struct runtime *rt, struct cdi_generate_options *ret);

/* The container's root, for the hook; NULL where it is no use to it. */
const char *runtime_container_root(struct runtime *rt);

/* Facts about driver and GPUs as this configuration finds them. */
void runtime_snapshot_query(struct runtime *rt, struct nv_snapshot_query *ret);

/*
 * Whether the machine meets NVIDIA_REQUIRE_*, for each GPU of the devices.
 * 0, or -EINVAL with a text that says what is missing and how to go on; what
 * cannot be evaluated is a warning.
 */
int runtime_check_requirements(struct runtime *rt, const struct nv_snapshot_query *q,
			       struct nv_snapshot *s, const struct nv_devices *devices,
			       struct err *e) MUST_USE;

/* The names that stand for a container's devices in jit-cdi: "runtime.nvidia.com/gpu=0". */
#define RUNTIME_VENDOR "runtime.nvidia.com"
#define RUNTIME_CLASS  "gpu"
