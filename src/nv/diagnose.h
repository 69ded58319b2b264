/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * diagnose: why there is no driver, in words that name the cure.
 *
 * Five situations hide behind "driver not loaded" and "library not found"
 * (users.md P08): no package, module not loaded, another driver holds the GPU,
 * secure boot refuses the module, wrong driver root.
 */

#include "base/err.h"
#include "nv/host.h"
#include "nv/root.h"

/* No driver in procfs. Returns -ENODEV. */
int nv_diagnose_module(struct arena *a, const struct nv_host *host, struct err *e);

/* No driver libraries below the root. Returns -ENOENT. */
int nv_diagnose_libraries(struct arena *a, const struct nv_host *host, const struct nv_root *root,
			  struct err *e);
