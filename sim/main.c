/* SPDX-License-Identifier: Apache-2.0 */
/* nvidia-gpu-sim; in place of runc or crun: the shim; called by them: its hook. */
#include <stdio.h>

#include "base/log.h"
#include "commands.h"
#include "shim.h"

static const struct cli_program program = {
	.title = "NVIDIA GPU Simulator",
	.root = {.names = "nvidia-gpu-sim",
		 .summary = "Run commands on a machine with simulated GPUs",
		 .about = "Everything that an NVIDIA driver shows of itself is there: procfs, "
			  "sysfs, "
			  "device nodes, libraries, programs. Nothing of it reaches the host, and "
			  "nothing is left when the command ends.",
		 CLI_COMMANDS(&command_run, &command_set, &command_exec, &command_list,
			      &command_show, &command_probe, &command_library)},
	.usage_status = 2,
	.unknown_status = 2,
};

static int complain(const char *who, const struct err *e)
{
	(void)fprintf(stderr, "%s: %s\n", who, e->text);
	return 1;
}

int main(int argc, char **argv)
{
	auto_free char *real = shim_real_runtime();
	struct err e = {""};

	if (argc == 3 && strcmp(argv[1], "hook") == 0)
		return shim_hook(argv[2], &e) < 0 ? complain("nvidia-gpu-sim hook", &e) : 0;
	if (real)
		return shim_run(real, argv, &e) < 0 ? complain("nvidia-gpu-sim", &e) : 0;
	log_set_program("nvidia-gpu-sim");
	return cli_main(&program, argv);
}
