/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* sandbox-filter: the system calls that the sandboxed child keeps. For os/sandbox.c alone. */

#include "base/macro.h"

/* Installs the filter for good; needs no_new_privs. 0 or -errno. */
int sandbox_filter(void) MUST_USE;
