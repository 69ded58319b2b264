/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * runtime: the OCI wrapper (spec: runtime.md 1; design.md 3, 4.1).
 *
 * Called by an engine in place of runc. create and run of a container that
 * asks for GPUs edit the bundle's config.json first; everything else becomes the
 * low-level runtime at once. Because of that the wrapper leaves its working
 * directory, descriptors, umask, limits, signals and environment as it found
 * them, and says nothing on standard error unless it fails: engines read what a
 * runtime prints.
 */

/*
 * Does the work of the program. mode is forced by the program's name ("cdi",
 * "legacy") or NULL: the configuration's. Returns only on failure: the exit
 * status, 1.
 */
int runtime_main(int argc, char *const *argv, const char *mode);
