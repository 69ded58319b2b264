/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * select: what a list of identifiers means on this machine, the same in every mode.
 *
 * index ("0", "00") · "i:j" (MIG device j of GPU i) · GPU UUID or a unique
 * prefix of it ("GPU-fef8089b") · "MIG-<uuid>" or a unique prefix ·
 * "MIG-GPU-<uuid>/<gi>/<ci>" · PCI address ("0000:00:06.0", "00000000:00:06.0",
 * "00:06.0") · "all" · "none". Duplicates count once. UUIDs and PCI addresses
 * are compared without regard to case.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "nv/gpu.h"

struct nv_device {
	const struct nv_gpu *gpu;
	const struct nv_mig *mig; /* NULL: the whole GPU */
};
struct nv_devices VEC(struct nv_device);

enum nv_select_flags {
	NV_SELECT_NO_PREFIX = 1, /* compat-level "reference": no UUID prefixes */
	NV_SELECT_NO_PCI = 2,	 /* and no PCI addresses */
	NV_SELECT_QUIET = 4, /* sick GPUs are left out of "all" without a word: who asks twice */
};

/*
 * "all": every healthy GPU without MIG, and every MIG device of the others; sick
 * ones are logged as a warning and left out. "none" gives no device. A
 * sick device asked for by name is -EIO, an unknown one -ENODEV, a prefix of
 * several -ENOTUNIQ, what is no identifier at all -EINVAL; the text names it, the
 * cause, and what there is. Of "all" and "none" the first decides and the rest of
 * the list says nothing.
 */
int nv_select(struct arena *a, const struct nv_gpus *gpus, const struct strv *ids, unsigned flags,
	      struct nv_devices *ret, struct err *e) MUST_USE;

/* Whether answering needs what only NVML knows (MIG UUIDs; GPU UUIDs that procfs withholds). */
bool nv_select_needs_nvml(const struct nv_gpus *gpus, const struct strv *ids);
