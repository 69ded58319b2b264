/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-hook.h"

#include <errno.h>

#include "app/cdi-hook-commands.h"
#include "base/log.h"
#include "os/start.h"

/* Where a hook waits for something for ever, the container fails instead (security.md 3.6). */
enum { DEADLINE_SECONDS = 10 };

struct global {
	bool debug, quiet;
};

static const struct cli_option global_options[] = {
	{"debug d", CLI_BOOL(struct global, debug), .env = "NVIDIA_CTK_DEBUG NVIDIA_CDI_DEBUG",
	 .help = "Log what is looked at and decided"},
	{"quiet", CLI_BOOL(struct global, quiet), .env = "NVIDIA_CTK_QUIET NVIDIA_CDI_QUIET",
	 .help = "Log errors only; wins over --debug"},
};

static void start_log(const void *options)
{
	const struct global *global = options;

	if (global->debug)
		log_threshold = LOG_DEBUG;
	if (global->quiet)
		log_threshold = LOG_ERROR;
}

/* First thing in nvidia-cdi-hook; nvidia-ctk does it once it knows that it is a hook. */
static void start_once(void)
{
	static const char *const keep[] = {"NVIDIA_CTK_DEBUG", "NVIDIA_CDI_DEBUG",
					   "NVIDIA_CTK_QUIET", "NVIDIA_CDI_QUIET", NULL};
	static bool started;

	if (!started)
		start_clean(keep, DEADLINE_SECONDS);
	started = true;
}

/* The working directory of a hook is the container's root under runc, the bundle elsewhere. */
static int check_absolute(const char *option, const char *path, struct err *e)
{
	if (path[0] != '/')
		return err_set(e, EINVAL, "%s \"%s\" is not an absolute path", option, path);
	return 0;
}

int cdi_hook_open(const struct cli_call *call, const char *container_spec, struct container *ret,
		  struct err *e)
{
	bool named = container_spec && strcmp(container_spec, "-") != 0;
	int r = named ? check_absolute("--container-spec", container_spec, e) : 0;

	start_once();
	return r < 0 ? r : container_open(call->arena, container_spec, ret, e);
}

int cdi_hook_open_root(const struct cli_call *call, const char *rootfs, struct container *ret,
		       struct err *e)
{
	int r = check_absolute("--container-root", rootfs, e);

	start_once();
	return r < 0 ? r : container_open_root(call->arena, rootfs, ret, e);
}

static int run_noop(const struct cli_call *call, struct err *e)
{
	(void)call, (void)e;
	return 0;
}

static const struct cli_command noop = {
	"noop",
	.summary = "Do nothing",
	.run = run_noop,
	.hidden = true,
};

static const struct cli_command *const hooks[] = {
	&cdi_hook_setup,
	&cdi_hook_create_symlinks,
	&cdi_hook_update_ldcache,
	&cdi_hook_enable_cuda_compat,
	&cdi_hook_disable_device_node_modification,
	&cdi_hook_update_application_profile,
	&cdi_hook_chmod,
	&noop,
	NULL,
};

const struct cli_command cdi_hook = {
	"hook",
	.summary = "Do what CDI specifications ask container runtimes to do",
	.commands = hooks,
	.usage_status = 1,
	.ignores_unknown = true,
};

static const struct cli_program program = {
	.title = "NVIDIA CDI Hook",
	.root = {"nvidia-cdi-hook",
		 .summary = "Do what CDI specifications ask container runtimes to do",
		 CLI_OPTIONS(struct global, global_options), .commands = hooks,
		 .ignores_unknown = true},
	.usage_status = 1,
	.unknown_status = 1,
	.start = start_log,
};

int cdi_hook_main(char **argv)
{
	start_once();
	log_set_program("nvidia-cdi-hook");
	return cli_main(&program, argv);
}
