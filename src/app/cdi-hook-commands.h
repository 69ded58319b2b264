/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* cdi-hook-commands: the rows of the hooks, and what their files share. For app/cdi-hook*.c. */

#include "base/cli.h"
#include "ctr/container.h"

extern const struct cli_command cdi_hook_chmod;
extern const struct cli_command cdi_hook_create_symlinks;
extern const struct cli_command cdi_hook_disable_device_node_modification;
extern const struct cli_command cdi_hook_enable_cuda_compat;
extern const struct cli_command cdi_hook_setup;
extern const struct cli_command cdi_hook_update_application_profile;
extern const struct cli_command cdi_hook_update_ldcache;

/* --container-spec of a hook whose struct has the member container_spec. */
#define CDI_HOOK_CONTAINER_SPEC(type)                                                              \
	{                                                                                          \
		"container-spec", CLI_STRING(type, container_spec),                                \
			.value = "FILE", .otherwise = "standard input",                            \
			.help = "Read the OCI state of the container from this file"               \
	}

/* What job_cuda_compat() is told; compat is a struct job_compat in the struct. */
#define CDI_HOOK_COMPAT(type)                                                                      \
	{"host-driver-version", CLI_STRING(type, compat.host_driver_version), .value = "VERSION",  \
	 .help = "The version of the host's driver"},                                              \
		{"host-cuda-version", CLI_STRING(type, compat.host_cuda_version),                  \
		 .value = "VERSION", .help = "The CUDA version that the host's driver supports"},  \
	{                                                                                          \
		"cuda-compat-container-root", CLI_STRING(type, compat.compat_root),                \
			.value = "DIR", .otherwise = "/usr/local/cuda/compat",                     \
			.help = "Where the container has its CUDA compatibility libraries"         \
	}

/*
 * Brings the process into a known state, unless that was done, and opens the
 * container whose OCI state stands in the file (NULL or "-": standard input).
 */
int cdi_hook_open(const struct cli_call *call, const char *container_spec, struct container *ret,
		  struct err *e) MUST_USE;

/* The same for a container root that is known already. */
int cdi_hook_open_root(const struct cli_call *call, const char *rootfs, struct container *ret,
		       struct err *e) MUST_USE;
