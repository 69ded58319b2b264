/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * shim: the driver's procfs in containers.
 *
 * A real driver shows /proc/driver/nvidia in every procfs; the simulated one
 * shows only where it is mounted. So every runc and crun of the machine is
 * covered by this program, which puts one hook in front of the others in the
 * config.json of create and run and then becomes the real runtime. The hook
 * (shim_hook()) clones /proc/driver and /proc/devices into the container's
 * procfs before any other hook looks there.
 */

#include "base/err.h"

/* The real runtime that this process was started in place of, or NULL. */
char *shim_real_runtime(void) MUST_USE;

/* Edits the bundle and becomes the runtime at real; returns only on failure. */
int shim_run(const char *real, char **argv, struct err *e) MUST_USE;

/* The hook: rootfs is the container's, its state comes on standard input. */
int shim_hook(const char *rootfs, struct err *e) MUST_USE;
