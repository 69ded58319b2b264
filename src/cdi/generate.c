/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include <errno.h>

#include "cdi/generator.h"
#include "cdi/normalise.h"
#include "nv/imex.h"

#define JOBS_MANAGEMENT (CDI_JOB_SYMLINKS | CDI_JOB_CUDA_COMPAT | CDI_JOB_LDCACHE)

static const struct {
	char name[40];
	enum cdi_feature feature;
} features[] = {{"separate-hooks", CDI_FEATURE_SEPARATE_HOOKS},
		{"enable-explicit-driver-libraries", CDI_FEATURE_EXPLICIT_LIBRARIES},
		{"enable-coherent-annotations", CDI_FEATURE_COHERENT_ANNOTATIONS},
		{"no-additional-gids-for-device-nodes", CDI_FEATURE_NO_GIDS},
		{"disable-ipc-discoverer", CDI_FEATURE_NO_IPC},
		{"disable-nvsandboxutils", CDI_FEATURE_NO_SANDBOXUTILS},
		{"disable-multiple-csv-devices", CDI_FEATURE_NO_MULTIPLE_CSV}};

unsigned cdi_feature_of(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(features); i++)
		if (str_is(name, features[i].name))
			return features[i].feature;
	/* Once misspelt, and still accepted. */
	return str_is(name, "disable-nvsandbox-utils") ? CDI_FEATURE_NO_SANDBOXUTILS : 0;
}

const char *cdi_feature_name(size_t i)
{
	return i < COUNT_OF(features) ? features[i].name : NULL;
}

static void add_device(struct generator *g, struct cdi_spec *s, const char *name,
		       const struct cdi_edits *edits)
{
	struct cdi_device d = {.name = name, .edits = *edits};

	arena_push(g->a, &s->devices, d);
}

/* The name by one strategy, or NULL when the device has none. */
static const char *name_by(struct generator *g, const struct nv_device *d, enum cdi_naming by)
{
	const char *uuid = d->mig ? d->mig->uuid : d->gpu->uuid;
	const char *type = d->mig ? "mig" : "gpu";

	if (by == CDI_NAME_UUID)
		return uuid;
	if (by == CDI_NAME_INDEX)
		type = "";
	if (d->mig)
		return arena_printf(g->a, "%s%u:%u", type, d->gpu->index, d->mig->index);
	return arena_printf(g->a, "%s%u", type, d->gpu->index);
}

/* One entry per strategy. UUIDs of old MIG devices have slashes and cannot be names. */
static int add_named(struct generator *g, struct cdi_spec *s, const struct nv_device *d,
		     const struct cdi_edits *edits, struct err *e)
{
	static const enum cdi_naming strategies[] = {CDI_NAME_INDEX, CDI_NAME_TYPE_INDEX,
						     CDI_NAME_UUID};
	size_t before = s->devices.n;

	for (size_t i = 0; i < COUNT_OF(strategies); i++) {
		const char *name =
			g->o->naming & strategies[i] ? name_by(g, d, strategies[i]) : NULL;

		if (name && cdi_device_name_is_valid(str_of(name)))
			add_device(g, s, name, edits);
	}
	for (size_t i = before; i < s->devices.n; i++) {
		struct cdi_annotation note = {GENERATOR_COHERENT,
					      d->gpu->coherent == NV_YES ? "true" : "false"};

		if (!d->mig && (g->o->features & CDI_FEATURE_COHERENT_ANNOTATIONS))
			arena_push(g->a, &s->devices.v[i].annotations, note);
	}
	if (s->devices.n > before)
		return 0;
	return err_set(
		e, ENODEV,
		"GPU %u (%s)%s has no name by the chosen strategies: its UUID is not known or "
		"is no CDI name; add the strategy index",
		d->gpu->index, d->gpu->pci, d->mig ? ", MIG device," : "");
}

static int build_gpus(struct generator *g, const struct strv *ids, struct cdi_spec *s,
		      struct err *e)
{
	struct cdi_edits empty = {0};
	bool all = generator_has_id(ids, "all");
	struct nv_devices devices = {0};
	int r = generator_check_driver(g, e);

	generator_describe_driver(g);
	if (r == 0)
		r = generator_select(g, ids, &devices, e);
	if (r < 0)
		return r;
	if (r == 1) {
		arena_push(g->a, &empty.env, "NVCT_EMPTY_DEVICE=");
		add_device(g, s, "none", &empty);
	}
	for (size_t i = 0; i < devices.n; i++) {
		struct cdi_edits edits;

		r = generator_device(g, &devices.v[i], all, &edits, e);
		if (r == 0)
			r = add_named(g, s, &devices.v[i], &edits, e);
		if (r < 0)
			return r;
	}
	if (s->devices.n == 0)
		return generator_no_gpu(g, e);
	generator_add_common(g, &s->edits);
	return 0;
}

static int build_management(struct generator *g, struct cdi_spec *s, struct err *e)
{
	struct cdi_edits edits = {0};
	int r = generator_check_driver(g, e);

	generator_describe_driver(g);
	if (r == 0)
		r = generator_add_management(g, &edits, e);
	if (r < 0)
		return r;
	add_device(g, s, "all", &edits);
	generator_add_driver(g, &s->edits);
	generator_add_void(g, &s->edits);
	generator_add_hooks(g, &s->edits, JOBS_MANAGEMENT);
	return 0;
}

static int build_imex(struct generator *g, const struct strv *ids, struct cdi_spec *s,
		      struct err *e)
{
	struct imex_channels channels;
	int r = imex_select(g->a, &g->o->host, ids, &channels, e);

	if (r < 0)
		return r;
	if (channels.n == 0)
		return err_set(e, ENODEV,
			       "no IMEX channels were found: there is no "
			       "%s/dev/nvidia-caps-imex-channels/channel*",
			       nv_host_dev(&g->o->host));
	for (size_t i = 0; i < channels.n; i++) {
		struct cdi_edits edits = {0};

		generator_add_imex(g, &edits, channels.v[i]);
		add_device(g, s, arena_printf(g->a, "%u", channels.v[i]), &edits);
	}
	generator_add_void(g, &s->edits);
	return 0;
}

static int build_gated(struct generator *g, struct cdi_spec *s, struct err *e)
{
	struct cdi_edits edits = {0};
	int r = generator_add_gated(g, &edits, g->o->mode, e);

	if (r < 0)
		return r;
	add_device(g, s, "all", &edits);
	generator_add_void(g, &s->edits);
	return 0;
}

static int build(struct generator *g, const struct strv *ids, struct cdi_spec *s, struct err *e)
{
	switch (g->o->mode) {
	case CDI_MODE_NVML:
		return build_gpus(g, ids, s, e);
	case CDI_MODE_MANAGEMENT:
		return build_management(g, s, e);
	case CDI_MODE_IMEX:
		return build_imex(g, ids, s, e);
	case CDI_MODE_GDS:
	case CDI_MODE_MOFED:
	case CDI_MODE_GDRCOPY:
	case CDI_MODE_NVSWITCH:
		break;
	}
	return build_gated(g, s, e);
}

/* The device that is all the others together, unless there is one of that name. */
static void add_merged(struct arena *a, struct cdi_spec *s)
{
	struct cdi_device all = {.name = "all"};

	for (size_t i = 0; i < s->devices.n; i++) {
		if (strcmp(s->devices.v[i].name, "all") == 0)
			return;
		cdi_edits_add(a, &all.edits, &s->devices.v[i].edits);
	}
	arena_push(a, &s->devices, all);
}

int cdi_generate_spec(struct arena *a, const struct cdi_generate_options *o,
		      const struct nv_snapshot *s, const struct strv *ids, struct cdi_spec *ret,
		      struct err *e)
{
	struct generator g = {
		.a = a,
		.o = o,
		.s = s,
		/* Libraries for 32-bit programs are for who asks for them (users.md P17). */
		.classes = o->classes & ~(unsigned)NV_CLASS_COMPAT32,
	};
	struct cdi_spec spec = {.kind = arena_printf(a, "%s/%s", o->vendor, o->class)};
	struct strv every = {0};
	int r;

	arena_push(a, &every, "all");
	r = build(&g, ids && ids->n > 0 ? ids : &every, &spec, e);
	if (r < 0)
		return r;
	if (!o->no_all_device)
		add_merged(a, &spec);
	cdi_spec_normalise(a, &spec);
	spec.version = cdi_spec_minimum_version(&spec);
	*ret = spec;
	return 0;
}
