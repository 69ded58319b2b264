/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * snapshot: facts about driver and GPUs, kept between container starts.
 *
 * One file per driver root below /run/nvidia-container-toolkit (for rootless
 * callers $XDG_RUNTIME_DIR/nvidia-container-toolkit), with the fingerprint of what it was
 * made from (design.md 4.2). A caller sees only facts: valid ones are read,
 * others are made anew under a lock and written. A snapshot that cannot be
 * written is no error, only slow.
 */

#include "base/arena.h"
#include "base/err.h"
#include "nv/driver.h"
#include "nv/facts.h"
#include "nv/gpu.h"

struct nv_snapshot_query {
	struct nv_driver_query driver; /* its host.dev_root is where GPUs' nodes are */
	const char *nvml_program;      /* absolute path of nvml-facts */
	uint64_t nvml_deadline_ns;     /* 0: NV_FACTS_DEADLINE_NS */
	const char *store_dir;	       /* where the file is kept; NULL: as said above */
	bool no_store;		       /* neither read nor write the kept file */
};

struct nv_snapshot {
	struct nv_driver driver;
	struct nv_gpus gpus;
	struct strv control_nodes;
	bool has_facts;		 /* NVML was asked and answered */
	struct nv_facts facts;	 /* then */
	const char *fingerprint; /* nv_snapshot_fingerprint() of it: the argument of hooks */
	const char
		*key_library; /* on the host: the file of the driver that it covers; NULL: none */
};

/*
 * Driver files and GPUs, without asking NVML; what it answered before and still
 * holds is there. Errors as nv_driver_find() and nv_gpu_find().
 */
int nv_snapshot_get(struct arena *a, const struct nv_snapshot_query *q, struct nv_snapshot *ret,
		    struct err *e) MUST_USE;

/*
 * Adds NVML's facts to s, from the kept file or by asking; the answer is kept,
 * a failure for a few seconds, so that a hundred starts at once do not wait one
 * deadline each. Only this function ever waits for NVML. Errors as nv_facts_ask().
 */
int nv_snapshot_need_nvml(struct arena *a, const struct nv_snapshot_query *q, struct nv_snapshot *s,
			  struct err *e) MUST_USE;

/*
 * The fingerprint that a spec carries, as of now: driver version, GPUs, MIG layout, size and
 * time of one library of the driver, wherever it was found. Without what changes at every boot
 * (boot id, device majors), so that a spec outlives a reboot.
 */
int nv_snapshot_fingerprint(struct arena *a, const char *driver_root, const char *library,
			    const char **ret, struct err *e) MUST_USE;
