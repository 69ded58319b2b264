/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-cdi: mode cdi. Devices come from CDI specs in the configured directories.
 *
 * Requests mean what they mean in every mode: a device is found by index, UUID,
 * a unique prefix of it, or PCI address, whatever names the spec was generated with.
 */

#include <errno.h>

#include "app/runtime-internal.h"
#include "app/yaml-cache.h"
#include "base/log.h"
#include "base/str.h"
#include "cdi/registry.h"
#include "oci/list.h"

struct lookup {
	struct runtime *rt;
	struct cdi_registry registry;
	struct strv known; /* sorted */
	struct nv_snapshot s;
	bool has_snapshot;
};

/*
 * Policy.
 */

/* "*" alone, at the end, or none. */
static bool pattern_matches(struct str pattern, struct str kind)
{
	if (!str_has_suffix(pattern, "*"))
		return str_eq(pattern, kind);
	return kind.n >= pattern.n - 1 && memcmp(kind.p, pattern.p, pattern.n - 1) == 0;
}

/* The last pattern that matches decides; one that begins with '!' forbids. */
static bool kind_is_allowed(const struct strv *patterns, struct str kind)
{
	bool allowed = false;

	for (size_t i = 0; i < patterns->n; i++) {
		struct str pattern = str_of(patterns->v[i]);
		bool forbids = str_has_prefix(pattern, "!");

		if (pattern_matches(str_sub(pattern, forbids, pattern.n), kind))
			allowed = !forbids;
	}
	return allowed;
}

/* An image may ask for GPUs; what else there is on the machine is not for it to choose. */
static int check_kinds(const struct runtime *rt, const struct strv *names, struct err *e)
{
	if (rt->request.source != NV_SOURCE_ENVIRONMENT)
		return 0;
	for (size_t i = 0; i < names->n; i++) {
		struct cdi_name name;

		if (cdi_name_parse(str_of(names->v[i]), &name) == 0 &&
		    !kind_is_allowed(&rt->config.runtime.cdi_allowed_kinds, name.kind))
			return err_set(e, EPERM,
				       "the environment may not ask for %s: kind %.*s is not in "
				       "nvidia-container-runtime.modes.cdi.allowed-kinds",
				       names->v[i], STR_ARG(name.kind));
	}
	return 0;
}

/*
 * Names.
 */

static bool is_known(const struct lookup *l, const char *name)
{
	size_t low = 0, high = l->known.n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(l->known.v[middle], name);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The device's names in the order of naming strategies. */
static const char *name_of_device(const struct lookup *l, const char *kind,
				  const struct nv_device *d)
{
	struct arena *a = l->rt->arena;
	const char *names[3] = {0};

	if (d->mig) {
		names[0] = d->mig->uuid;
		names[1] = arena_printf(a, "%u:%u", d->gpu->index, d->mig->index);
		names[2] = arena_printf(a, "mig%u:%u", d->gpu->index, d->mig->index);
	} else {
		names[0] = d->gpu->uuid;
		names[1] = arena_printf(a, "%u", d->gpu->index);
		names[2] = arena_printf(a, "gpu%u", d->gpu->index);
	}
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *name = names[i] ? arena_printf(a, "%s=%s", kind, names[i]) : NULL;

		if (name && is_known(l, name))
			return name;
	}
	return NULL;
}

static int get_snapshot(struct lookup *l, const struct strv *ids, struct err *e)
{
	struct nv_snapshot_query q;
	int r = 0;

	runtime_snapshot_query(l->rt, &q);
	if (!l->has_snapshot)
		r = nv_snapshot_get(l->rt->arena, &q, &l->s, e);
	if (r < 0)
		return r;
	l->has_snapshot = true;
	if (!l->s.has_facts && nv_select_needs_nvml(&l->s.gpus, ids))
		r = nv_snapshot_need_nvml(l->rt->arena, &q, &l->s, e);
	return r;
}

/*
 * A name under which the spec knows what id means on this machine; the usual
 * name when the machine does not help, so that the registry says what is wrong.
 */
static const char *find_name(struct lookup *l, const char *kind, const char *id)
{
	struct arena *a = l->rt->arena;
	const char *usual = arena_printf(a, "%s=%s", kind, id), *name = NULL;
	struct nv_devices devices = {0};
	struct strv ids = {0};
	struct err bad;

	if (l->rt->reference || is_known(l, usual))
		return usual;
	arena_push(a, &ids, id);
	if (get_snapshot(l, &ids, &bad) < 0 ||
	    nv_select(a, &l->s.gpus, &ids, 0, &devices, &bad) < 0) {
		log_debug("%s", bad.text);
		return usual;
	}
	if (devices.n == 1)
		name = name_of_device(l, kind, &devices.v[0]);
	return name ? name : usual;
}

/* Requested devices as qualified names, "none" left out. */
static void qualify(struct lookup *l, struct strv *ret)
{
	const struct strv *devices = &l->rt->request.devices;
	const char *kind = l->rt->config.runtime.cdi_default_kind;

	for (size_t i = 0; i < devices->n; i++) {
		const char *name = devices->v[i];

		if (strcmp(name, "none") == 0)
			continue;
		if (!cdi_name_is_qualified(str_of(name)))
			name = find_name(l, kind, name);
		arena_push(l->rt->arena, ret, name);
	}
	oci_list_unique(ret);
}

/*
 * Edits.
 */

static int load_registry(struct lookup *l, struct err *e)
{
	const struct config *c = &l->rt->config;
	int r = cdi_registry_load(l->rt->arena, &c->runtime.cdi_spec_dirs, yaml_cache_read, true,
				  &l->registry, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < l->registry.problems.n; i++)
		log_warn("%s, ignored", l->registry.problems.v[i].text);
	cdi_registry_names(l->rt->arena, &l->registry, &l->known);
	return 0;
}

/* "none": the driver without a GPU, which is what a spec holds besides its devices. */
static int add_driver_only(const struct lookup *l, struct cdi_edits *ret, struct err *e)
{
	const char *kind = l->rt->config.runtime.cdi_default_kind;
	const struct cdi_founds none = {0};

	for (size_t i = l->registry.specs.n; i > 0; i--) {
		const struct cdi_spec *spec = &l->registry.specs.v[i - 1];
		struct cdi_own own;

		if (strcmp(spec->kind, kind) != 0)
			continue;
		if (cdi_own_find(l->rt->arena, spec, &own))
			return runtime_own_edits(l->rt, &own, spec, &none, ret, e);
		cdi_edits_add(l->rt->arena, ret, &spec->edits);
		return 0;
	}
	return err_set(
		e, ENOENT,
		"no CDI spec of kind %s gives the driver that NVIDIA_VISIBLE_DEVICES=none asks "
		"for: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml makes one",
		kind);
}

/* Edits in the order of the names; those of a spec of ours all stand at its first. */
static int add_found(const struct lookup *l, const struct cdi_founds *founds, size_t i,
		     struct cdi_edits *to, struct err *e)
{
	const struct cdi_found *found = &founds->v[i];
	struct cdi_edits part = {0};
	struct cdi_own own;
	int r;

	if (!cdi_own_find(l->rt->arena, found->spec, &own)) {
		cdi_found_edits(l->rt->arena, found, to);
		return 0;
	}
	if (!found->first)
		return 0;
	r = runtime_own_edits(l->rt, &own, found->spec, founds, &part, e);
	if (r == 0)
		cdi_edits_add(l->rt->arena, to, &part);
	return r;
}

static int add_all(const struct lookup *l, const struct cdi_founds *founds, struct cdi_edits *to,
		   struct err *e)
{
	int r = 0;

	if (founds->n == 0)
		return add_driver_only(l, to, e);
	for (size_t i = 0; i < founds->n && r == 0; i++)
		r = add_found(l, founds, i, to, e);
	return r;
}

/* What specs of ours call their devices means something on this machine. */
static void list_ids(const struct lookup *l, const struct cdi_founds *founds, struct strv *ret)
{
	struct cdi_own own;

	for (size_t i = 0; i < founds->n; i++)
		if (cdi_own_find(l->rt->arena, founds->v[i].spec, &own))
			arena_push(l->rt->arena, ret, cdi_own_id(founds->v[i].device->name));
}

static bool is_own(const char *name)
{
	return str_has_prefix(str_of(name), RUNTIME_VENDOR "/" RUNTIME_CLASS "=");
}

/* All of them ours: jit-cdi by another name. Some of them: an error. 0 when none is. */
static int own_names(const struct strv *names, struct err *e)
{
	size_t own = 0;

	for (size_t i = 0; i < names->n; i++)
		own += is_own(names->v[i]);
	if (own > 0 && own < names->n)
		return err_set(e, EINVAL,
			       "requesting a CDI device with vendor '" RUNTIME_VENDOR
			       "' is not supported when requesting other CDI devices");
	return own > 0;
}

/* A static spec says nothing of the machine it is applied on; requirements do. */
static int check_requirements(struct lookup *l, const struct strv *ids, struct err *e)
{
	struct nv_devices devices = {0};
	struct nv_snapshot_query q;
	struct err bad;

	if (l->rt->request.requirements.n == 0)
		return 0;
	if (get_snapshot(l, ids, &bad) < 0) {
		log_warn("NVIDIA_REQUIRE_* is not checked: %s", bad.text);
		return 0;
	}
	/* A device that is gone is an error where its edits are made. */
	if (nv_select(l->rt->arena, &l->s.gpus, ids, NV_SELECT_QUIET, &devices, &bad) < 0)
		log_debug("%s", bad.text);
	runtime_snapshot_query(l->rt, &q);
	return runtime_check_requirements(l->rt, &q, &l->s, &devices, e);
}

/* A device that no file has may have come after the file was made. */
static int unresolved(const struct lookup *l, int r, struct err *e)
{
	const struct cdi_spec *specs = l->registry.specs.v;
	struct err said = *e;
	struct cdi_own own;

	for (size_t i = 0; i < l->registry.specs.n; i++)
		if (cdi_own_find(l->rt->arena, &specs[i], &own) &&
		    runtime_own_is_stale(l->rt, &own))
			return err_set(e, -r,
				       "%s; %s was made for another driver or other GPUs than this "
				       "machine has now: run nvidia-ctk cdi generate --output=%s",
				       said.text, specs[i].path, specs[i].path);
	return r;
}

static int compute(struct lookup *l, const struct strv *names, struct cdi_edits *ret, struct err *e)
{
	struct cdi_founds founds = {0};
	struct strv ids = {0};
	int r = cdi_registry_resolve(l->rt->arena, &l->registry, names, &founds, e);

	if (r < 0)
		return unresolved(l, r, e);
	list_ids(l, &founds, &ids);
	r = check_requirements(l, &ids, e);
	if (r == 0)
		r = add_all(l, &founds, ret, e);
	return r < 0 ? r : runtime_add_extras(l->rt, &ids, ret, e);
}

int runtime_cdi_edits(struct runtime *rt, struct cdi_edits *ret, struct err *e)
{
	struct lookup l = {.rt = rt};
	struct strv names = {0};
	struct cdi_edits edits = {0};
	int r = own_names(&rt->request.devices, e);

	if (r < 0)
		return r;
	if (r == 1)
		return runtime_jit_edits(rt, &rt->request.devices, ret, e);
	r = load_registry(&l, e);
	if (r < 0)
		return r;
	qualify(&l, &names);
	r = check_kinds(rt, &names, e);
	if (r == 0)
		r = compute(&l, &names, &edits, e);
	if (r < 0)
		return err_in(e, r, "failed to inject CDI devices");
	*ret = edits;
	return 0;
}
