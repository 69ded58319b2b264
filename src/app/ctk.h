/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ctk: nvidia-ctk, the tool of administrators (spec: ctk-cdi.md 2). One file
 * per sub-command; each defines its row of the command tree.
 */

#include "base/cli.h"

/* The whole program; the exit status. */
int ctk_main(char **argv) MUST_USE;

/* Options of the root, call->values[0] of every sub-command. */
struct ctk_global {
	bool debug, quiet;
	const char *config; /* NULL: the default path */
};

extern const struct cli_command ctk_cdi_generate;
extern const struct cli_command ctk_cdi_list;
extern const struct cli_command ctk_cdi_to_json;
extern const struct cli_command ctk_cdi_transform_root;
extern const struct cli_command ctk_cdi_validate;
