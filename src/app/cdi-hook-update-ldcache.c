/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "app/cdi-hook-commands.h"
#include "ctr/job.h"

struct options {
	const char *container_spec;
	const char *ldconfig;
	struct strv folders;
};

static const struct cli_option rows[] = {
	{"folder", CLI_ITEMS(struct options, folders), .value = "DIR",
	 .help = "A directory of the container with libraries of the driver; may be repeated"},
	{"ldconfig-path", CLI_STRING(struct options, ldconfig), .value = "FILE",
	 .help = "Accepted for older specifications; no ldconfig is run, the cache is written "
		 "here"},
	CDI_HOOK_CONTAINER_SPEC(struct options),
};

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	AUTO(container_close) struct container c = {.root = ROOTFS_INIT};
	int r;

	if (o->ldconfig && o->ldconfig[0] == '\0')
		return err_set(e, EINVAL, "--ldconfig-path is empty");
	r = cdi_hook_open(call, o->container_spec, &c, e);
	return r < 0 ? r : job_ldcache(&c, &o->folders, e);
}

const struct cli_command cdi_hook_update_ldcache = {
	"update-ldcache",
	.summary = "Make the container's loader find the driver's libraries",
	CLI_OPTIONS(struct options, rows),
	.run = run,
};
