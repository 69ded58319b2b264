/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cdi-hook: what container runtimes run for the CDI specifications that we
 * write (spec: ctk-cdi.md 5; design.md 4.3). One file per hook; the work is
 * ctr/job-*.
 *
 * Newer specifications may name hooks that this version does not know: those
 * are a warning and success, so that an older installation starts containers.
 */

#include "base/cli.h"

/* nvidia-cdi-hook as a whole; the exit status. */
int cdi_hook_main(char **argv) MUST_USE;

/* `nvidia-ctk hook`: the same hooks as sub-commands. */
extern const struct cli_command cdi_hook;
