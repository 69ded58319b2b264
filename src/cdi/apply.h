/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * apply: CDI edits onto an OCI spec (spec: runtime.md 1.16, ctk-cdi.md 6.4).
 *
 * Order: environment, device nodes, net devices, mounts, hooks, intelRdt,
 * groups. Environment variables replace one of the same name in place (S30);
 * cgroup rules are not repeated; mounts are sorted by depth, stably. Missing
 * objects are made. The document is changed only when everything could be
 * computed; it is not written.
 */

#include "base/arena.h"
#include "base/err.h"
#include "cdi/model.h"
#include "oci/spec.h"

/* -ENOENT, -EINVAL: a node cannot be looked at or is not what the edit says; the text names it. */
int cdi_apply(struct oci_spec *spec, const struct cdi_edits *edits, struct err *e) MUST_USE;
