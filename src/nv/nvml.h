/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvml: libnvidia-ml, opened at run time. For the program nvml-facts alone.
 *
 * NVML is foreign code that may hang, crash or be damaged. So it is loaded by a
 * process of its own that has given up its rights first, is asked once, and is
 * given up by ending the process.
 */

#include "base/err.h"
#include "base/str.h"
#include "nv/nvml-api.h"

/*
 * Confines the process before NVML is loaded: enters driver_root (NULL: stays)
 * and gives up user, groups and capabilities. User 65534 where the device nodes
 * let everybody in; the nodes' group with it where they want one; user 0
 * without capabilities where they let in nobody else.
 */
int nvml_confine(const char *driver_root, struct err *e) MUST_USE;

/*
 * Loads the library (a path, or NULL: libnvidia-ml.so.1 as the loader finds it)
 * and initialises it. -ENOENT when there is no library or it cannot be loaded,
 * -EOPNOTSUPP when it lacks a function we cannot do without, -EIO when NVML
 * refuses to start; the text says what would cure it. There is no way back: the library stays until
 * the process ends.
 */
int nvml_open(const char *library, struct nvml *ret, struct err *e) MUST_USE;

/*
 * Asks everything and adds one JSON document to out (nv/facts.h reads it). What
 * goes wrong with one GPU is that GPU's "failure"; the others answer.
 */
int nvml_write_facts(const struct nvml *n, struct strbuf *out, struct err *e) MUST_USE;
