/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gpu: the GPUs of this machine, their MIG devices and their device nodes,
 * read from /proc/driver/nvidia, /proc/driver/nvidia-caps, /sys/bus/pci and /dev.
 *
 * Indices count GPUs in the order of their PCI addresses, as NVML does.
 * What only NVML knows (MIG UUIDs, architecture, brand) is filled in by
 * nv/facts; until then those members are NULL or unknown.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "nv/host.h"

struct nv_mig {
	uint32_t index; /* NVML's MIG index on its GPU: the j of "i:j" */
	uint32_t gi, ci;
	const char *uuid;	 /* "MIG-…" ; NULL until nv/facts knows */
	const char *profile;	 /* "1g.10gb", NULL when unknown */
	bool graphics;		 /* profile with the gfx attribute */
	uint32_t gi_cap, ci_cap; /* minors of nvidia-caps; the pair of access files */
};
struct nv_migs VEC(struct nv_mig);

enum nv_tristate { NV_UNKNOWN, NV_NO, NV_YES };

struct nv_gpu {
	uint32_t index;
	uint32_t minor;	  /* of /dev/nvidiaN */
	bool excluded;	  /* by the administrator: nv_gpu_find() does not list it */
	const char *uuid; /* "GPU-…"; NULL when procfs does not say (device not yet initialised) */
	const char *pci;  /* "0000:00:06.0" */
	const char *name;
	const char *node;      /* "/dev/nvidia0"; NULL when it could not be learned (sick) */
	struct strv drm;       /* "/dev/dri/card1", "/dev/dri/renderD128" */
	struct strv drm_links; /* pairs: link text, "/dev/dri/by-path/pci-…-card" */
	const char *sick; /* why it is left out of "all": "GPU is lost", "/dev/nvidia3 is missing";
			     NULL when healthy */
	enum nv_tristate mig_enabled; /* unknown: capable, and there is no MIG device */
	struct nv_migs migs;	      /* in the order of their instances */
	const char *arch, *brand;     /* "9.0", "NVIDIA"; NULL until nv/facts knows */
	enum nv_tristate coherent;
};
struct nv_gpus VEC(struct nv_gpu);

/*
 * Finds GPUs. No GPU is not an error; no driver is: -ENODEV with the cause and
 * the cure. A GPU whose entry cannot be read is in the list, as sick.
 */
int nv_gpu_find(struct arena *a, const struct nv_host *host, struct nv_gpus *ret,
		struct err *e) MUST_USE;

/* What one /proc/driver/nvidia/gpus/<address>/information says; -EBADMSG without a device minor. */
int nv_gpu_parse(struct arena *a, struct str information, struct nv_gpu *ret,
		 struct err *e) MUST_USE;

/*
 * What every GPU container gets, as far as the nodes exist, as container paths:
 * nvidia-modeset, nvidia-uvm-tools, nvidia-uvm, nvidiactl (nv/files.h says for which classes).
 */
void nv_gpu_control_nodes(struct arena *a, const struct nv_host *host, struct strv *ret);
