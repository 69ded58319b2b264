/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * yaml-cache: CDI specs in YAML for programs that have no YAML reader (design.md 7).
 *
 * On the container-start path only JSON is read. "nvidia-ctk cdi to-json" of this
 * installation turns a spec into JSON: YAML on its standard input, compact JSON on its
 * standard output. The answer is kept below /run/nvidia-container-toolkit (for
 * rootless callers $XDG_RUNTIME_DIR/nvidia-container-toolkit), one file per
 * spec, and used as long as the spec has the same bytes. Where it cannot be kept
 * the conversion is made every time.
 */

#include "cdi/registry.h"

/* The YAML reader of cdi_registry_load() for such programs. */
cdi_yaml_reader yaml_cache_read;
