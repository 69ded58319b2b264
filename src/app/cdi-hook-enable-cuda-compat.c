/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-hook-commands.h"
#include "ctr/job.h"

struct options {
	const char *container_spec;
	struct job_compat compat;
};

static const struct cli_option rows[] = {
	{"host-driver-version", CLI_STRING(struct options, compat.host_driver_version),
	 .value = "VERSION", .help = "The version of the host's driver"},
	{"host-cuda-version", CLI_STRING(struct options, compat.host_cuda_version),
	 .value = "VERSION", .help = "The CUDA version that the host's driver supports"},
	{"cuda-compat-container-root", CLI_STRING(struct options, compat.compat_root),
	 .value = "DIR", .otherwise = "/usr/local/cuda/compat",
	 .help = "Where the container has its CUDA compatibility libraries"},
	CDI_HOOK_CONTAINER_SPEC(struct options),
};

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	AUTO(container_close) struct container c = {.root = ROOTFS_INIT};
	int r;

	/* Nothing to compare with. */
	if (!o->compat.host_driver_version && !o->compat.host_cuda_version)
		return 0;
	r = cdi_hook_open(call, o->container_spec, &c, e);
	return r < 0 ? r : job_cuda_compat(&c, &o->compat, e);
}

const struct cli_command cdi_hook_enable_cuda_compat = {
	"enable-cuda-compat",
	.summary = "Prefer the image's CUDA compatibility libraries where they are newer",
	CLI_OPTIONS(struct options, rows),
	.run = run,
};
