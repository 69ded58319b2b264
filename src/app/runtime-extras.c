/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-extras: what a container asks for beside GPUs, for requests whose GPUs come from
 * CDI files: those say nothing about IMEX channels, MIG capabilities and features behind a
 * variable.
 */

#include "app/runtime-internal.h"

int runtime_add_extras(struct runtime *rt, const struct strv *ids, struct cdi_edits *edits,
		       struct err *e)
{
	struct nv_request request = rt->request;
	struct cdi_generate_options o;
	struct cdi_edits extras = {0};
	struct nv_snapshot s = {0};
	struct nv_snapshot_query q;
	int r = 0;

	runtime_generate_options(rt, &o);
	request.devices = *ids;
	/* The right to configure MIG goes with the GPUs as they are now. */
	if (request.mig_config.n + request.mig_monitor.n > 0) {
		runtime_snapshot_query(rt, &q);
		r = nv_snapshot_get(rt->arena, &q, &s, e);
	}
	if (r == 0)
		r = cdi_generate_extras(rt->arena, &o, &s, &request, &extras, e);
	if (r == 0)
		cdi_edits_add(rt->arena, edits, &extras);
	return r;
}
