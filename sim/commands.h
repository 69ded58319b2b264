/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* commands: what nvidia-gpu-sim can be told to do, as rows for base/cli. */

#include "base/cli.h"

extern const struct cli_command command_run, command_set, command_exec, command_list, command_show,
	command_probe, command_library;
