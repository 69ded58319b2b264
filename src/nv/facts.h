/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * facts: what only NVML can say, asked through the program nvml-facts.
 *
 * nvml-facts is the one program that loads libnvidia-ml.so.1. It gives up its
 * rights, has a deadline, enters the driver root where there is one,
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
	const char *failure; /* NVML's words when this GPU could not be asked: "handle: GPU is
				lost"; what could be asked before is there all the same */
};
struct nv_fact_gpus VEC(struct nv_fact_gpu);

struct nv_facts {
	const char *driver_version; /* "580.159.04" */
	const char *cuda_version;   /* "13.0"; NULL when NVML does not say */
	struct nv_fact_gpus gpus;   /* in NVML's order */
};

#define NV_FACTS_DEADLINE_NS (10ull * 1000 * 1000 * 1000)

struct nv_facts_query {
	const char *program;	 /* nvml-facts: absolute, trusted */
	const char *driver_root; /* NULL or "/": none */
	const char *library; /* libnvidia-ml as it lies on the host; NULL: as the loader finds it */
	uint64_t deadline_ns;
};

/*
 * Runs the program. -ETIMEDOUT; -ENOENT, no library; -EPROTO, an answer that
 * cannot be understood; -EIO, NVML's own error, a crash included.
 */
int nv_facts_ask(struct arena *a, const struct nv_facts_query *q, struct nv_facts *ret,
		 struct err *e) MUST_USE;

/*
 * Reads the document that nvml-facts prints. It comes from foreign code, so
 * UUIDs, addresses and names are checked: they end up in specs. -EPROTO.
 */
int nv_facts_parse(struct arena *a, struct str text, struct nv_facts *ret, struct err *e) MUST_USE;

/*
 * Fills what procfs could not say into GPUs, matched by PCI address: UUIDs,
 * brand, architecture, and of each MIG device its UUID, profile and NVML's index (they are
 * sorted by it). A GPU that NVML could not ask becomes sick. A MIG device that only one
 * side knows was made or removed meanwhile, and is left as it is.
 */
void nv_facts_merge(struct arena *a, const struct nv_facts *facts, struct nv_gpus *gpus);

/* Whether some GPU could not be asked: an answer that may be another one soon. */
bool nv_facts_has_failure(const struct nv_facts *facts);
