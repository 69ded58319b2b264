/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * generate: from a machine's driver and GPUs to CDI edits (spec: ctk-cdi.md 3).
 *
 * The same code makes the specs that nvidia-ctk writes and the edits of
 * jit-cdi; nothing is executed and nothing is written.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "cdi/model.h"
#include "nv/request.h"
#include "nv/select.h"
#include "nv/snapshot.h"

enum cdi_mode {
	CDI_MODE_NVML,
	CDI_MODE_MANAGEMENT,
	CDI_MODE_GDS,
	CDI_MODE_MOFED,
	CDI_MODE_GDRCOPY,
	CDI_MODE_NVSWITCH,
	CDI_MODE_IMEX,
};

/* How devices are named; a set. */
enum cdi_naming { CDI_NAME_INDEX = 1, CDI_NAME_UUID = 2, CDI_NAME_TYPE_INDEX = 4 };

enum cdi_feature {
	CDI_FEATURE_EXPLICIT_LIBRARIES = 1 << 0, /* enable-explicit-driver-libraries */
	CDI_FEATURE_NO_SANDBOXUTILS =
		1 << 1, /* disable-nvsandboxutils: accepted, nothing to turn off */
	CDI_FEATURE_COHERENT_ANNOTATIONS = 1 << 2, /* enable-coherent-annotations */
	CDI_FEATURE_NO_MULTIPLE_CSV = 1 << 3,	   /* disable-multiple-csv-devices */
	CDI_FEATURE_NO_GIDS = 1 << 4,		   /* no-additional-gids-for-device-nodes */
	CDI_FEATURE_NO_IPC = 1 << 5,		   /* disable-ipc-discoverer */
	CDI_FEATURE_SEPARATE_HOOKS = 1 << 6,	   /* separate-hooks: one hook per job */
};

/* Hook jobs, in the order in which they run. */
enum cdi_job {
	CDI_JOB_SYMLINKS = 1 << 0,
	CDI_JOB_CUDA_COMPAT = 1 << 1,
	CDI_JOB_LDCACHE = 1 << 2,
	CDI_JOB_DEVICE_NODES = 1 << 3,
	CDI_JOB_PROFILE = 1 << 4,
	CDI_JOB_CHMOD = 1 << 5,
	CDI_JOB_ALL = (1 << 6) - 1,
};

struct cdi_generate_options {
	enum cdi_mode mode;
	const char *vendor, *class;
	unsigned naming;       /* enum cdi_naming */
	unsigned features;     /* enum cdi_feature */
	unsigned jobs;	       /* those whose hooks are wanted */
	unsigned classes;      /* driver capability classes to include; compat32 comes only from a
				  request that names it */
	unsigned select;       /* enum nv_select_flags */
	const char *hook_path; /* nvidia-cdi-hook or nvidia-ctk */
	const char *ldconfig_path; /* NULL: not given to the hook */
	const char *driver_root;   /* "" or "/" or a path */
	struct nv_host host;	   /* dev_root: as given, "" or "/" or a path */
	bool no_all_device;
	bool node_numbers;	    /* write major and minor though the node exists */
	bool fingerprint;	    /* give the hook --fingerprint (design.md 4.4) */
	const char *container_root; /* given to the hook, which then need not read its input; NULL:
				       not known */
};

/* Features and jobs as users write them: bits of a name, 0 when it is unknown ("all" is every job);
 * the i-th name, NULL behind the last. */
unsigned cdi_feature_of(struct str name);
const char *cdi_feature_name(size_t i);
unsigned cdi_job_of(struct str name);
const char *cdi_job_name(size_t i);

/* The jobs that are of use to a container with these classes; --skip=… for a hook that does only
 * `jobs`, NULL when it skips none. */
unsigned cdi_jobs_for(unsigned classes);
const char *cdi_jobs_skip(struct arena *a, unsigned jobs);

/*
 * A whole spec for the ids (empty: all), named by the strategies, with the
 * merged device "all" unless turned off; normalised and versioned as ctk-cdi.md 3.11, 3.12.
 * The snapshot is looked at in modes nvml and management (there only its driver);
 * the others take NULL. -ENODEV when the machine has nothing of the kind: the text
 * begins "no GPU was found", "no GDS devices were found" …
 */
int cdi_generate_spec(struct arena *a, const struct cdi_generate_options *o,
		      const struct nv_snapshot *s, const struct strv *ids, struct cdi_spec *ret,
		      struct err *e) MUST_USE;

/*
 * One container's edits for a request: devices, gated features, IMEX channels,
 * MIG capabilities, then what all of them share, in the order of runtime.md 1.10. "none" gives
 * driver files and control nodes, no GPU.
 */
int cdi_generate_edits(struct arena *a, const struct cdi_generate_options *o,
		       const struct nv_snapshot *s, const struct nv_request *request,
		       struct cdi_edits *ret, struct err *e) MUST_USE;

/*
 * What such a request asks for beside GPUs, for containers whose GPUs come from elsewhere: gated
 * features, IMEX channels, MIG capabilities. The snapshot is looked at for the last alone.
 */
int cdi_generate_extras(struct arena *a, const struct cdi_generate_options *o,
			const struct nv_snapshot *s, const struct nv_request *request,
			struct cdi_edits *ret, struct err *e) MUST_USE;

/*
 * Coherent annotations: takes them off the devices of s and gives 0 to 2 more
 * specs of the devices that had them, one per value (ctk-cdi.md 3.8). Returns how many.
 */
size_t cdi_generate_coherent(struct arena *a, struct cdi_spec *s, struct cdi_spec ret[2]);
