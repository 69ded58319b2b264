/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-hook-commands.h"
#include "ctr/job.h"

struct options {
	const char *container_spec;
	struct strv links;
};

static const struct cli_option rows[] = {
	{"link", CLI_ITEMS(struct options, links), .value = "TARGET::PATH",
	 .help = "Make PATH in the container a symbolic link of this text; may be repeated"},
	CDI_HOOK_CONTAINER_SPEC(struct options),
};

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	AUTO(container_close) struct container c = {.root = ROOTFS_INIT};
	int r;

	if (o->links.n == 0)
		return 0;
	r = cdi_hook_open(call, o->container_spec, &c, e);
	return r < 0 ? r : job_symlinks(&c, &o->links, e);
}

const struct cli_command cdi_hook_create_symlinks = {
	"create-symlinks",
	.summary = "Make symbolic links in the container",
	CLI_OPTIONS(struct options, rows),
	.run = run,
};
