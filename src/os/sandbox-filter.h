/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sandbox-filter: the system calls that the sandboxed child keeps, and the files it
 * may use them on. For os/sandbox.c alone.
 */

#include "base/macro.h"

/* Installs the filter for good; needs no_new_privs. 0 or -errno. */
int sandbox_filter(void) MUST_USE;

/*
 * Leaves files below the directory for reading, and no others, by whatever path or descriptor;
 * needs no_new_privs. The second line behind the filter and the new root: a kernel without
 * Landlock does without.
 */
void sandbox_files(int root);
