/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * facts: what only NVML can say, asked through the program nvml-facts.
 *
 * nvml-facts is the one program that loads libnvidia-ml.so.1. It runs without
 * rights, with a deadline, chrooted into the driver root where there is one,
 * initialises NVML once and prints one JSON document. A hang, a crash, a missing symbol or a
 * version mismatch is therefore an ordinary error here, with a cure in its text.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "nv/gpu.h"

struct nv_fact_gpu {
	const char *uuid, *pci, *name, *brand, *arch; /* arch: compute capability "9.0" */
	uint32_t minor;
	enum nv_tristate mig_enabled, coherent;
	struct nv_migs migs; /* without capability minors */
	const char *failure; /* NVML's words when this GPU could not be asked: "GPU is lost" */
};
struct nv_fact_gpus VEC(struct nv_fact_gpu);

struct nv_facts {
	const char *driver_version; /* "580.159.04" */
	const char *cuda_version;   /* "13.0" */
	struct nv_fact_gpus gpus;
};

#define NV_FACTS_DEADLINE_NS (10ull * 1000 * 1000 * 1000)

/* Runs the program at `program` (absolute). -ETIMEDOUT, -ENOENT (no library), -EPROTO (bad answer),
 * -EIO (NVML's own error). */
int nv_facts_ask(struct arena *a, const char *program, const char *driver_root,
		 uint64_t deadline_ns, struct nv_facts *ret, struct err *e) MUST_USE;

/* The document nvml-facts prints. */
int nv_facts_parse(struct arena *a, struct str text, struct nv_facts *ret, struct err *e) MUST_USE;

/* Fills what procfs could not say into GPUs, matched by PCI address: UUIDs, MIG devices with their
 * capability minors, brand … */
int nv_facts_merge(struct arena *a, const struct nv_facts *facts, struct nv_gpus *gpus,
		   struct err *e) MUST_USE;
