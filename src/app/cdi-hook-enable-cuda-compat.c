/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-hook-commands.h"
#include "ctr/job.h"

struct options {
	const char *container_spec;
	struct job_compat compat;
};

static const struct cli_option rows[] = {
	CDI_HOOK_COMPAT(struct options),
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
