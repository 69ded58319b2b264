/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * normalise: the one form of a generated spec (spec: ctk-cdi.md 3.11): nothing
 * twice, nothing in a device that all of them share, everything in order.
 */

#include "cdi/model.h"

/*
 * Nodes and mounts by depth of their container path, then by the path, stably;
 * group ids by value; what is there already is removed, the first stays.
 * Variables and hooks keep their order. Lists shared with other edits are copied.
 */
void cdi_edits_normalise(struct arena *a, struct cdi_edits *e);

/* Removes from e, in place, what common has. */
void cdi_edits_subtract(struct cdi_edits *e, const struct cdi_edits *common);

/*
 * All of it, for a whole spec; devices by name. A device that would have
 * neither node, variable, hook nor mount of its own left keeps what it shares.
 */
void cdi_spec_normalise(struct arena *a, struct cdi_spec *s);
