/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * request: what a container asks for, whoever asked: environment, annotations,
 * mount list, CDI names, or the command line of a tool.
 */

#include "base/vec.h"
#include "nv/class.h"

enum nv_request_source {
	NV_SOURCE_NONE, /* not a GPU container: nothing may be changed */
	NV_SOURCE_ANNOTATIONS,
	NV_SOURCE_MOUNTS,
	NV_SOURCE_ENVIRONMENT,
};

enum nv_gated { NV_GDS = 1, NV_MOFED = 2, NV_GDRCOPY = 4, NV_NVSWITCH = 8 };

struct nv_request {
	enum nv_request_source source;
	struct strv devices; /* as asked for, without duplicates: ids, "all", "none", qualified CDI
				names */
	bool capabilities_set;	       /* NVIDIA_DRIVER_CAPABILITIES was given a value */
	unsigned capabilities;	       /* then: the classes */
	struct strv requirements;      /* values of NVIDIA_REQUIRE_*, in the order of their names */
	struct strv requirement_names; /* parallel: the variables, for messages */
	struct strv mig_config, mig_monitor; /* ids of GPUs */
	struct strv imex_channels;
	unsigned gated;	 /* enum nv_gated */
	bool privileged; /* CAP_SYS_ADMIN in the bounding set */
};
