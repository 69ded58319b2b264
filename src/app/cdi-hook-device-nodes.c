/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-hook-commands.h"
#include "ctr/job.h"

struct options {
	const char *container_spec;
};

static const struct cli_option rows[] = {CDI_HOOK_CONTAINER_SPEC(struct options)};

static int run(const struct cli_call *call, struct err *e)
{
	static const struct nv_host host = {0};
	const struct options *o = call->options;
	AUTO(container_close) struct container c = {.root = ROOTFS_INIT};
	int r = cdi_hook_open(call, o->container_spec, &c, e);

	return r < 0 ? r : job_device_nodes(&c, &host, e);
}

const struct cli_command cdi_hook_disable_device_node_modification = {
	"disable-device-node-modification",
	.summary = "Keep the driver's libraries from making device nodes in the container",
	CLI_OPTIONS(struct options, rows),
	.run = run,
};
