/* SPDX-License-Identifier: Apache-2.0 */
#include "app/ctk.h"

#include <unistd.h>

#include "app/cdi-hook.h"
#include "base/log.h"

static const struct cli_option global_options[] = {
	{"debug d", CLI_BOOL(struct ctk_global, debug), .env = "NVIDIA_CTK_DEBUG",
	 .help = "Log what is looked at and decided"},
	{"quiet", CLI_BOOL(struct ctk_global, quiet), .env = "NVIDIA_CTK_QUIET",
	 .help = "Log errors only; wins over --debug"},
	{"config", CLI_STRING(struct ctk_global, config), .value = "FILE",
	 .env = "NVIDIA_CTK_CONFIG", .otherwise = "/etc/nvidia-container-runtime/config.toml",
	 .help = "Take the driver root from this configuration file"},
};

static const struct cli_command cdi_transform = {
	"transform",
	.summary = "Change a CDI specification",
	CLI_COMMANDS(&ctk_cdi_transform_root),
};

static const struct cli_command cdi = {
	"cdi",
	.summary = "Write, list and check CDI specifications",
	.about = "A CDI specification (Container Device Interface) tells container engines "
		 "what a container needs to use a device: device nodes, files, environment, "
		 "hooks. Engines read them from /etc/cdi and /var/run/cdi.",
	CLI_COMMANDS(&ctk_cdi_generate, &ctk_cdi_list, &ctk_cdi_validate, &cdi_transform,
		     &ctk_cdi_to_json),
};

static const struct cli_command info = {
	"info",
	.summary = "Show this help",
};

static const struct cli_command runtime = {"runtime", .hidden = true, .comes_later = true};
static const struct cli_command config = {"config", .hidden = true, .comes_later = true};
static const struct cli_command system_command = {"system", .hidden = true, .comes_later = true};

static void start(const void *options)
{
	const struct ctk_global *global = options;

	if (global->debug)
		log_threshold = LOG_DEBUG;
	if (global->quiet)
		log_threshold = LOG_ERROR;
}

static const struct cli_program program = {
	.title = "NVIDIA Container Toolkit CLI",
	.root = {"nvidia-ctk", .summary = "Set up and inspect GPU support for containers",
		 CLI_OPTIONS(struct ctk_global, global_options),
		 CLI_COMMANDS(&cdi, &cdi_hook, &info, &runtime, &config, &system_command)},
	.usage_status = 1,
	.unknown_status = 3,
	.start = start,
};

int ctk_main(char **argv)
{
	log_set_program("nvidia-ctk");
	log_clear();
	log_add_stderr(isatty(STDERR_FILENO) ? LOG_PLAIN : LOG_TEXT);
	return cli_main(&program, argv);
}
