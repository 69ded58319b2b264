/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * apply: CDI edits onto an OCI spec (spec: runtime.md 1.16, ctk-cdi.md 6.4).
 *
 * Order: environment, device nodes, net devices, mounts, hooks, intelRdt,
 * groups. Environment variables replace one of the same name in place (S30); a
 * device or mount that is there already stays as it is, and cgroup rules are
 * not repeated; when a mount was added all are sorted by depth, stably. Missing
 * objects are made. Mounts get no idmap option in user namespaces: what we
 * mount is readable by everybody, and runtimes before runc 1.2 do not know it.
 *
 * The document is changed only when everything could be computed; it is not
 * written.
 */

#include "base/arena.h"
#include "base/err.h"
#include "cdi/model.h"
#include "oci/spec.h"

/*
 * -ENOENT, -EINVAL: a node cannot be looked at or is not what the edit says;
 * -EBADMSG: a part of the document is not what it should be. The text names it.
 */
int cdi_apply(struct oci_spec *spec, const struct cdi_edits *edits, struct err *e) MUST_USE;
