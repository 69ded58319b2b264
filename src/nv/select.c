/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/select.h"

#include <errno.h>

#include "base/log.h"
#include "nv/pci.h"

struct selection {
	struct arena *a;
	const struct nv_gpus *gpus;
	unsigned flags;
	struct nv_devices found;
};

/* How an identifier is written. */
enum kind { KIND_NONE, KIND_INDEX, KIND_PAIR, KIND_GPU, KIND_MIG, KIND_OLD_MIG, KIND_PCI };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool has_prefix_nocase(struct str s, struct str prefix)
{
	if (s.n < prefix.n)
		return false;
	for (size_t i = 0; i < prefix.n; i++)
		if (lower(s.p[i]) != lower(prefix.p[i]))
			return false;
	return true;
}

static enum kind kind_of(struct str id)
{
	struct nv_pci pci;
	uint32_t n;

	if (str_to_u32(id, &n) == 0)
		return KIND_INDEX;
	if (has_prefix_nocase(id, STR("MIG-GPU-")))
		return KIND_OLD_MIG;
	if (has_prefix_nocase(id, STR("MIG-")) && id.n > 4)
		return KIND_MIG;
	if (has_prefix_nocase(id, STR("GPU-")) && id.n > 4)
		return KIND_GPU;
	if (nv_pci_parse(id, &pci) == 0)
		return KIND_PCI;
	if (str_to_u32(str_sub(id, 0, str_find(id, ':')), &n) == 0 &&
	    str_to_u32(str_sub(id, str_find(id, ':') + 1, id.n), &n) == 0)
		return KIND_PAIR;
	return KIND_NONE;
}

/* What was asked for, fit for a message. */
static const char *quoted(struct arena *a, struct str id)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	strbuf_escape(&b, str_sub(id, 0, 80));
	return arena_printf(a, "\"%s\"%s", b.p ? b.p : "", id.n > 80 ? "…" : "");
}

/* "this machine has 8 GPUs (0 to 7) and 3 MIG devices" */
static const char *what_there_is(struct selection *s)
{
	const char *gpus = "no GPU";
	size_t n = s->gpus->n, migs = 0;

	for (size_t i = 0; i < n; i++)
		migs += s->gpus->v[i].migs.n;
	if (n == 1)
		gpus = arena_printf(s->a, "one GPU (0, %s)",
				    s->gpus->v[0].uuid ? s->gpus->v[0].uuid : s->gpus->v[0].pci);
	else if (n > 1)
		gpus = arena_printf(s->a, "%zu GPUs (0 to %zu)", n, n - 1);
	if (migs == 0)
		return arena_printf(s->a, "this machine has %s", gpus);
	return arena_printf(s->a, "this machine has %s and %zu MIG device%s", gpus, migs,
			    migs == 1 ? "" : "s");
}

static void add(struct selection *s, const struct nv_gpu *gpu, const struct nv_mig *mig)
{
	struct nv_device d = {gpu, mig};

	for (size_t i = 0; i < s->found.n; i++)
		if (s->found.v[i].gpu == gpu && s->found.v[i].mig == mig)
			return;
	arena_push(s->a, &s->found, d);
}

static int no_such(struct selection *s, struct str id, struct err *e)
{
	return err_set(e, ENODEV, "there is no device %s: %s", quoted(s->a, id), what_there_is(s));
}

static int add_named(struct selection *s, struct str id, const struct nv_gpu *gpu,
		     const struct nv_mig *mig, struct err *e)
{
	if (gpu->sick)
		return err_set(e, EIO, "device %s (GPU %u, %s) cannot be used: %s",
			       quoted(s->a, id), gpu->index, gpu->pci, gpu->sick);
	add(s, gpu, mig);
	return 0;
}

static int select_index(struct selection *s, struct str id, struct err *e)
{
	uint32_t n;

	if (str_to_u32(id, &n) < 0 || n >= s->gpus->n)
		return no_such(s, id, e);
	return add_named(s, id, &s->gpus->v[n], NULL, e);
}

static int select_pair(struct selection *s, struct str id, struct err *e)
{
	size_t colon = str_find(id, ':');
	uint32_t i, j;

	if (str_to_u32(str_sub(id, 0, colon), &i) < 0 ||
	    str_to_u32(str_sub(id, colon + 1, id.n), &j) < 0 || i >= s->gpus->n)
		return no_such(s, id, e);
	for (size_t k = 0; k < s->gpus->v[i].migs.n; k++)
		if (s->gpus->v[i].migs.v[k].index == j)
			return add_named(s, id, &s->gpus->v[i], &s->gpus->v[i].migs.v[k], e);
	return no_such(s, id, e);
}

/* A whole UUID, or the beginning of just one. */
struct match {
	const struct nv_gpu *gpu, *second;
	const struct nv_mig *mig;
	bool exact;
};

static void try_uuid(struct match *m, struct str id, const struct nv_gpu *gpu,
		     const struct nv_mig *mig)
{
	struct str uuid = str_of(mig ? mig->uuid : gpu->uuid);

	if (m->exact || !uuid.p || !has_prefix_nocase(uuid, id))
		return;
	if (m->gpu)
		m->second = gpu;
	if (!m->gpu || uuid.n == id.n) {
		m->gpu = gpu;
		m->mig = mig;
	}
	m->exact = uuid.n == id.n;
}

static int select_uuid(struct selection *s, struct str id, bool mig, struct err *e)
{
	struct match m = {0};

	for (size_t i = 0; i < s->gpus->n; i++) {
		const struct nv_gpu *gpu = &s->gpus->v[i];

		if (!mig)
			try_uuid(&m, id, gpu, NULL);
		for (size_t k = 0; mig && k < gpu->migs.n; k++)
			try_uuid(&m, id, gpu, &gpu->migs.v[k]);
	}
	if (!m.gpu || (!m.exact && (s->flags & NV_SELECT_NO_PREFIX)))
		return no_such(s, id, e);
	if (!m.exact && m.second)
		return err_set(
			e, ENOTUNIQ,
			"%s is the beginning of more than one UUID (GPU %u and GPU %u): write "
			"more of it",
			quoted(s->a, id), m.gpu->index, m.second->index);
	return add_named(s, id, m.gpu, m.mig, e);
}

/* "MIG-GPU-<uuid>/<gi>/<ci>", as drivers before 470 wrote it. */
static int select_old_mig(struct selection *s, struct str id, struct err *e)
{
	struct str rest = str_sub(id, 4, id.n), uuid, gi_text, ci_text;
	uint32_t gi, ci;

	if (!str_split(&rest, '/', &uuid) || !str_split(&rest, '/', &gi_text) ||
	    !str_split(&rest, '/', &ci_text) || rest.p || str_to_u32(gi_text, &gi) < 0 ||
	    str_to_u32(ci_text, &ci) < 0)
		return no_such(s, id, e);
	for (size_t i = 0; i < s->gpus->n; i++) {
		const struct nv_gpu *gpu = &s->gpus->v[i];

		if (!gpu->uuid || !str_is_nocase(uuid, gpu->uuid))
			continue;
		for (size_t k = 0; k < gpu->migs.n; k++)
			if (gpu->migs.v[k].gi == gi && gpu->migs.v[k].ci == ci)
				return add_named(s, id, gpu, &gpu->migs.v[k], e);
	}
	return no_such(s, id, e);
}

static int select_pci(struct selection *s, struct str id, struct err *e)
{
	struct nv_pci wanted, at;

	if (nv_pci_parse(id, &wanted) < 0 || (s->flags & NV_SELECT_NO_PCI))
		return no_such(s, id, e);
	for (size_t i = 0; i < s->gpus->n; i++)
		if (nv_pci_parse(str_of(s->gpus->v[i].pci), &at) == 0 &&
		    nv_pci_compare(&wanted, &at) == 0)
			return add_named(s, id, &s->gpus->v[i], NULL, e);
	return no_such(s, id, e);
}

static int select_one(struct selection *s, struct str id, struct err *e)
{
	switch (kind_of(id)) {
	case KIND_INDEX:
		return select_index(s, id, e);
	case KIND_PAIR:
		return select_pair(s, id, e);
	case KIND_GPU:
		return select_uuid(s, id, false, e);
	case KIND_MIG:
		return select_uuid(s, id, true, e);
	case KIND_OLD_MIG:
		return select_old_mig(s, id, e);
	case KIND_PCI:
		return select_pci(s, id, e);
	case KIND_NONE:
		break;
	}
	return err_set(e, EINVAL,
		       "%s is not a device: write an index, a UUID, a PCI address, \"all\" or "
		       "\"none\"",
		       quoted(s->a, id));
}

/* The card that drives the display of a DGX Station computes nothing. */
static bool is_display_only(const struct nv_gpu *g)
{
	return g->name &&
	       (strcmp(g->name, "DGX Display") == 0 || strcmp(g->name, "NVIDIA DGX Display") == 0);
}

static void select_all(struct selection *s)
{
	for (size_t i = 0; i < s->gpus->n; i++) {
		const struct nv_gpu *g = &s->gpus->v[i];

		if (g->sick && !(s->flags & NV_SELECT_QUIET))
			log_warn("GPU %u (%s) is left out: %s", g->index, g->pci, g->sick);
		else if (!g->sick && g->mig_enabled != NV_YES && !is_display_only(g))
			add(s, g, NULL);
	}
	for (size_t i = 0; i < s->gpus->n; i++) {
		const struct nv_gpu *g = &s->gpus->v[i];

		for (size_t k = 0; !g->sick && g->mig_enabled == NV_YES && k < g->migs.n; k++)
			add(s, g, &g->migs.v[k]);
	}
}

int nv_select(struct arena *a, const struct nv_gpus *gpus, const struct strv *ids, unsigned flags,
	      struct nv_devices *ret, struct err *e)
{
	struct selection s = {.a = a, .gpus = gpus, .flags = flags};
	bool all = false, none = false;

	for (size_t i = 0; i < ids->n && !all && !none; i++) {
		all = strcmp(ids->v[i], "all") == 0;
		none = strcmp(ids->v[i], "none") == 0;
	}
	if (all)
		select_all(&s);
	for (size_t i = 0; i < ids->n && !all && !none; i++) {
		int r = select_one(&s, str_of(ids->v[i]), e);

		if (r < 0)
			return r;
	}
	*ret = s.found;
	return 0;
}

bool nv_select_needs_nvml(const struct nv_gpus *gpus, const struct strv *ids)
{
	bool by_gpu = false, by_mig = false;

	for (size_t i = 0; i < ids->n; i++) {
		enum kind kind = kind_of(str_of(ids->v[i]));

		by_gpu = by_gpu || kind == KIND_GPU || kind == KIND_OLD_MIG;
		by_mig = by_mig || kind == KIND_MIG;
	}
	for (size_t i = 0; i < gpus->n; i++) {
		const struct nv_gpu *g = &gpus->v[i];

		if (by_gpu && !g->uuid && !g->sick)
			return true;
		for (size_t k = 0; by_mig && k < g->migs.n; k++)
			if (!g->migs.v[k].uuid)
				return true;
	}
	return false;
}
