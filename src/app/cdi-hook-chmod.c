/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "app/cdi-hook-commands.h"
#include "ctr/job.h"

struct options {
	const char *container_spec;
	uint32_t mode;
	struct strv paths;
};

static const struct cli_option rows[] = {
	{"path", CLI_ITEMS(struct options, paths), .value = "PATH",
	 .help = "A file or directory of the container; may be repeated"},
	{"mode", CLI_OCTAL(struct options, mode), .value = "OCTAL", .required = true,
	 .help = "The mode it gets"},
	CDI_HOOK_CONTAINER_SPEC(struct options),
};

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	AUTO(container_close) struct container c = {.root = ROOTFS_INIT};
	int r;

	if (o->mode > 07777)
		return err_set(e, EINVAL, "--mode %o is larger than 7777", o->mode);
	r = cdi_hook_open(call, o->container_spec, &c, e);
	return r < 0 ? r : job_chmod(&c, o->mode, &o->paths, e);
}

const struct cli_command cdi_hook_chmod = {
	"chmod",
	.summary = "Change the mode of files and directories of the container",
	.about = "Deprecated: no specification of ours asks for it.",
	CLI_OPTIONS(struct options, rows),
	.run = run,
};
