/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-own: CDI files that nvidia-ctk of this project made (design.md 4.4, 4.8).
 *
 * One that still fits the machine is applied as it is, less what the container's driver
 * capabilities leave out. For one that does not, its devices are described anew from the
 * machine, for this container: what an upgrade left behind would surface as missing files and
 * wrong numbers. The file itself stays: it is the administrator's, and other engines read it.
 */

#include <errno.h>

#include "app/runtime-internal.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "os/devnode.h"

struct part {
	struct runtime *rt;
	const struct cdi_spec *spec;
	const struct cdi_own *own;
	struct cdi_edits edits; /* as the file has them */
	struct strv ids;	/* of its devices that are asked for; "none": the driver alone */
};

static void snapshot_query(const struct part *p, struct nv_snapshot_query *ret)
{
	runtime_snapshot_query(p->rt, ret);
	ret->driver.driver_root = p->own->driver_root;
	ret->driver.host.dev_root = p->own->dev_root;
}

/* Numbers in a file count only where the node was missing; majors change with every boot. */
static bool numbers_hold(const struct part *p, const struct cdi_node *n)
{
	const char *host = n->host_path ? n->host_path : n->path;
	struct devnode now;
	uint32_t major = 0;
	struct str text;

	if (n->major == 0)
		return true;
	if (devnode_stat(host, &now, NULL) == 0)
		return now.major == n->major && now.minor == n->minor;
	if (!path_is_below(n->path, "/dev/nvidia-caps") ||
	    fs_read(p->rt->arena, "/proc/devices", 1u << 20, &text, NULL) < 0)
		return true;
	return devnode_major(text, "nvidia-caps", &major) == 1 && major == n->major;
}

bool runtime_own_is_stale(struct runtime *rt, const struct cdi_own *own)
{
	const char *now;

	return nv_snapshot_fingerprint(rt->arena, own->driver_root, own->library, &now, NULL) < 0 ||
	       strcmp(now, own->fingerprint) != 0;
}

static bool is_stale(const struct part *p)
{
	if (runtime_own_is_stale(p->rt, p->own))
		return true;
	for (size_t i = 0; i < p->edits.nodes.n; i++)
		if (!numbers_hold(p, &p->edits.nodes.v[i]))
			return true;
	return false;
}

/* Facts for the devices, with NVML's where their names need them. */
static int get_facts(const struct part *p, struct nv_snapshot *s, struct err *e)
{
	struct nv_snapshot_query q;
	int r;

	snapshot_query(p, &q);
	r = nv_snapshot_get(p->rt->arena, &q, s, e);
	if (r == 0 && !s->has_facts && nv_select_needs_nvml(&s->gpus, &p->ids))
		r = nv_snapshot_need_nvml(p->rt->arena, &q, s, e);
	return r;
}

/* Of a spec for management "all" is the only device; one for GPUs names each. */
static bool is_management(const struct cdi_spec *s)
{
	return s->devices.n == 1 && strcmp(s->devices.v[0].name, "all") == 0;
}

static int generate_management(const struct part *p, struct cdi_generate_options *o,
			       const struct nv_snapshot *s, struct cdi_edits *ret, struct err *e)
{
	struct cdi_spec spec = {0};
	int r;

	o->mode = CDI_MODE_MANAGEMENT;
	r = cdi_generate_spec(p->rt->arena, o, s, &p->ids, &spec, e);
	if (r < 0)
		return r;
	*ret = spec.edits;
	for (size_t i = 0; i < spec.devices.n; i++)
		cdi_edits_add(p->rt->arena, ret, &spec.devices.v[i].edits);
	return 0;
}

static int generate(const struct part *p, struct cdi_edits *ret, struct err *e)
{
	struct nv_request request = {
		.devices = p->ids,
		.capabilities_set = p->rt->request.capabilities_set,
		.capabilities = p->rt->request.capabilities,
	};
	struct cdi_generate_options o;
	struct nv_snapshot s = {0};
	int r = get_facts(p, &s, e);

	if (r < 0)
		return r;
	runtime_generate_options(p->rt, &o);
	/* Devices of a file are known by their names in it; what it leaves out stays out. */
	o.select = 0;
	o.jobs = p->own->jobs;
	o.hook_path = p->spec->edits.hooks.v[p->own->hook].path;
	o.driver_root = p->own->driver_root;
	o.host.dev_root = p->own->dev_root;
	if (is_management(p->spec))
		return generate_management(p, &o, &s, ret, e);
	return cdi_generate_edits(p->rt->arena, &o, &s, &request, ret, e);
}

static int make_anew(const struct part *p, struct cdi_edits *ret, struct err *e)
{
	const char *path = p->spec->path;
	struct err why;
	int r = generate(p, ret, &why);

	if (r < 0)
		return err_set(e, -r,
			       "%s was made for another driver or other GPUs than this machine has "
			       "now, where %s; run nvidia-ctk cdi generate --output=%s",
			       path, why.text, path);
	log_warn("%s was made for another driver or other GPUs than this machine has now: its "
		 "devices are described anew for this container; run nvidia-ctk cdi generate "
		 "--output=%s",
		 path, path);
	return 0;
}

/* It need not look again at what has just been looked at, nor read where the root is. */
static void finish_hook(const struct part *p, struct cdi_hook *hook, unsigned jobs)
{
	struct arena *a = p->rt->arena;
	const char *root = runtime_container_root(p->rt);
	/* Names that only a newer hook knows stay where nothing else is to be skipped. */
	const char *skip = jobs != p->own->jobs ? cdi_jobs_skip(a, jobs) : NULL;
	struct strv args = {0};

	for (size_t i = 0; i < hook->args.n; i++) {
		struct str arg = str_of(hook->args.v[i]);

		if (!cdi_own_is_note(arg) && !(skip && str_has_prefix(arg, "--skip=")))
			arena_push(a, &args, hook->args.v[i]);
	}
	if (skip)
		arena_push(a, &args, skip);
	if (root)
		arena_push(a, &args, arena_printf(a, "--container-root=%s", root));
	hook->args = args;
}

/* Capabilities that were not set mean all that the site supports, here as in jit-cdi. */
static int apply(struct part *p, struct cdi_edits *ret, struct err *e)
{
	unsigned classes = p->rt->reference ? NV_CLASS_ALL : p->rt->request.capabilities;
	unsigned jobs = p->own->jobs;
	struct nv_snapshot s = {0};
	struct nv_snapshot_query q;

	/* Files for 32-bit programs are in no file of ours. */
	if ((classes | NV_CLASS_COMPAT32) != NV_CLASS_ALL) {
		int r;

		snapshot_query(p, &q);
		r = nv_snapshot_get(p->rt->arena, &q, &s, e);
		if (r < 0)
			return r;
		runtime_filter_edits(p->rt->arena, &s.driver, classes, &p->edits);
		jobs &= cdi_jobs_for(classes);
	}
	/* The spec's own edits come first. */
	finish_hook(p, &p->edits.hooks.v[p->own->hook], jobs);
	*ret = p->edits;
	return 0;
}

int runtime_own_edits(struct runtime *rt, const struct cdi_own *own, const struct cdi_spec *spec,
		      const struct cdi_founds *founds, struct cdi_edits *ret, struct err *e)
{
	struct part p = {.rt = rt, .spec = spec, .own = own};

	cdi_edits_add(rt->arena, &p.edits, &spec->edits);
	for (size_t i = 0; i < founds->n; i++) {
		if (founds->v[i].spec != spec)
			continue;
		cdi_edits_add(rt->arena, &p.edits, &founds->v[i].device->edits);
		arena_push(rt->arena, &p.ids, cdi_own_id(founds->v[i].device->name));
	}
	if (p.ids.n == 0)
		arena_push(rt->arena, &p.ids, "none");
	return is_stale(&p) ? make_anew(&p, ret, e) : apply(&p, ret, e);
}
