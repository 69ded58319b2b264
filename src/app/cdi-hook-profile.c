/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-hook-commands.h"
#include "ctr/job.h"

struct options {
	const char *container_spec;
};

static const struct cli_option rows[] = {CDI_HOOK_CONTAINER_SPEC(struct options)};

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	AUTO(container_close) struct container c = {.root = ROOTFS_INIT};
	int r = cdi_hook_open(call, o->container_spec, &c, e);

	return r < 0 ? r : job_profile(&c, e);
}

const struct cli_command cdi_hook_update_application_profile = {
	"update-application-profile",
	.summary = "Tell EGL which GPUs the container has",
	CLI_OPTIONS(struct options, rows),
	.run = run,
};
