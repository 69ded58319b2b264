/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mig: a GPU's MIG devices, from /proc/driver/nvidia/capabilities/gpu<minor>/mig.
 *
 * Private to nv/gpu. There is a directory gi<G>/ci<C> for each compute
 * instance; NVML numbers them in the order of their GPU and compute instances.
 */

#include "nv/gpu.h"
#include "nv/nvcaps.h"

/*
 * Fills g->migs and g->mig_enabled. caps is loaded when it is first needed. An
 * instance whose capability has no minor is left out with a warning.
 */
int nv_mig_find(struct arena *a, const struct nv_host *host, struct nvcaps *caps, struct nv_gpu *g,
		struct err *e) MUST_USE;
