/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-extras: what a container asks for beside GPUs, for requests whose GPUs come from
 * CDI files: those say nothing about IMEX channels and features behind a variable.
 */

#include <errno.h>

#include "app/runtime-internal.h"
#include "cdi/generate.h"

/* The devices of one of the small generators; a machine without any of the kind adds nothing. */
static int add(struct runtime *rt, enum cdi_mode mode, const struct strv *ids, bool needed,
	       struct cdi_edits *edits, struct err *e)
{
	struct cdi_generate_options o = {
		.mode = mode,
		.vendor = RUNTIME_VENDOR,
		.class = RUNTIME_CLASS,
		.naming = CDI_NAME_INDEX,
		.features = runtime_features(rt),
		.driver_root = rt->config.cli.root,
		.host = {.dev_root = rt->config.cli.root},
		.no_all_device = mode == CDI_MODE_IMEX,
	};
	struct cdi_spec spec = {0};
	int r = cdi_generate_spec(rt->arena, &o, NULL, ids, &spec, e);

	if (r == -ENODEV && !needed)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < spec.devices.n; i++)
		cdi_edits_add(rt->arena, edits, &spec.devices.v[i].edits);
	cdi_edits_add(rt->arena, edits, &spec.edits);
	return 0;
}

int runtime_add_extras(struct runtime *rt, struct cdi_edits *edits, struct err *e)
{
	static const struct {
		enum nv_gated bit;
		enum cdi_mode mode;
	} gated[] = {
		{NV_GDS, CDI_MODE_GDS},
		{NV_MOFED, CDI_MODE_MOFED},
		{NV_GDRCOPY, CDI_MODE_GDRCOPY},
		{NV_NVSWITCH, CDI_MODE_NVSWITCH},
	};
	struct strv all = {0};
	int r = 0;

	for (size_t i = 0; r == 0 && i < COUNT_OF(gated); i++)
		if (rt->request.gated & gated[i].bit)
			r = add(rt, gated[i].mode, &all, false, edits, e);
	if (r == 0 && rt->request.imex_channels.n > 0)
		r = add(rt, CDI_MODE_IMEX, &rt->request.imex_channels, true, edits, e);
	return r;
}
