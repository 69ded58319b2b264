/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/snapshot-file.h"

#include <errno.h>
#include <inttypes.h>

#define MAGIC "nvidia-container-toolkit snapshot " VERSION

static void put_text(struct strbuf *b, const char *s)
{
	strbuf_addc(b, s ? '=' : '-');
	if (s)
		strbuf_adds(b, s);
	strbuf_addc(b, '\0');
}

static void put_number(struct strbuf *b, uint64_t n)
{
	char digits[21];
	size_t at = sizeof(digits);

	digits[--at] = '\0';
	do {
		digits[--at] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	strbuf_add(b, (struct str){digits + at, sizeof(digits) - at});
}

static void put_list(struct strbuf *b, const struct strv *list)
{
	put_number(b, list->n);
	for (size_t i = 0; i < list->n; i++)
		put_text(b, list->v[i]);
}

static void put_migs(struct strbuf *b, const struct nv_migs *migs)
{
	put_number(b, migs->n);
	for (size_t i = 0; i < migs->n; i++) {
		const struct nv_mig *m = &migs->v[i];

		put_number(b, m->index);
		put_number(b, m->gi);
		put_number(b, m->ci);
		put_text(b, m->uuid);
		put_text(b, m->profile);
		put_number(b, m->graphics);
		put_number(b, m->gi_cap);
		put_number(b, m->ci_cap);
	}
}

static void put_driver(struct strbuf *b, const struct nv_driver *d)
{
	put_text(b, d->root);
	put_text(b, d->version);
	put_number(b, d->loaded);
	put_text(b, d->module_version);
	put_list(b, &d->library_dirs);
	put_number(b, d->files.n);
	for (size_t i = 0; i < d->files.n; i++) {
		const struct nv_file *f = &d->files.v[i];

		put_number(b, f->kind);
		put_number(b, f->classes);
		put_text(b, f->host);
		/* Most files keep their path: then it is not written twice. */
		put_text(b, strcmp(f->path, f->host) == 0 ? NULL : f->path);
		put_text(b, f->soname);
		put_number(b, f->bits);
		put_number(b, f->is_dir);
		put_number(b, f->platform);
	}
	put_number(b, d->links.n);
	for (size_t i = 0; i < d->links.n; i++) {
		const struct nv_link *l = &d->links.v[i];

		put_number(b, l->group);
		put_number(b, l->classes);
		put_number(b, l->bits);
		put_number(b, l->added);
		put_text(b, l->target);
		put_text(b, l->path);
	}
	put_list(b, &d->missing);
}

static void put_gpus(struct strbuf *b, const struct nv_gpus *gpus)
{
	put_number(b, gpus->n);
	for (size_t i = 0; i < gpus->n; i++) {
		const struct nv_gpu *g = &gpus->v[i];

		put_number(b, g->index);
		put_number(b, g->minor);
		put_text(b, g->uuid);
		put_text(b, g->pci);
		put_text(b, g->name);
		put_text(b, g->node);
		put_list(b, &g->drm);
		put_list(b, &g->drm_links);
		put_text(b, g->sick);
		put_number(b, g->mig_enabled);
		put_migs(b, &g->migs);
	}
}

static void put_facts(struct strbuf *b, const struct nv_facts *f)
{
	put_text(b, f->driver_version);
	put_text(b, f->cuda_version);
	put_number(b, f->gpus.n);
	for (size_t i = 0; i < f->gpus.n; i++) {
		const struct nv_fact_gpu *g = &f->gpus.v[i];

		put_text(b, g->uuid);
		put_text(b, g->pci);
		put_text(b, g->name);
		put_text(b, g->brand);
		put_text(b, g->arch);
		put_number(b, g->minor);
		put_number(b, g->mig_enabled);
		put_number(b, g->coherent);
		put_migs(b, &g->migs);
		put_text(b, g->failure);
	}
}

void nv_kept_write(const struct nv_kept *k, struct strbuf *out)
{
	strbuf_adds(out, MAGIC);
	strbuf_addc(out, '\0');
	put_text(out, k->boot_id);
	put_text(out, k->query_digest);
	put_text(out, k->files_digest);
	put_list(out, &k->watched);
	put_driver(out, &k->driver);
	put_text(out, k->gpus_digest);
	put_list(out, &k->instances);
	put_gpus(out, &k->gpus);
	put_list(out, &k->control_nodes);
	put_text(out, k->fingerprint);
	put_number(out, k->state);
	put_number(out, k->asked_ns);
	put_number(out, k->until_ns);
	put_facts(out, &k->facts);
	put_number(out, (unsigned)k->failure_code);
	put_text(out, k->failure);
	put_text(out, "end");
}

/* Reading: what is wrong turns `bad` on, and everything read after that is empty. */
struct reader {
	struct arena *a;
	const char *p, *end;
	bool bad;
};

static const char *field(struct reader *r)
{
	const char *s = r->p;
	const char *nul = r->bad ? NULL : memchr(s, '\0', (size_t)(r->end - s));

	if (!nul) {
		r->bad = true;
		return "";
	}
	r->p = nul + 1;
	return s;
}

static const char *get_text(struct reader *r)
{
	const char *s = field(r);

	if (s[0] == '=')
		return s + 1;
	if (s[0] != '-' || s[1] != '\0')
		r->bad = true;
	return NULL;
}

/* A text that must be there. */
static const char *need_text(struct reader *r)
{
	const char *s = get_text(r);

	if (!s)
		r->bad = true;
	return s ? s : "";
}

static uint64_t get_u64(struct reader *r, uint64_t max)
{
	uint64_t n = 0;

	if (str_to_u64(str_of(field(r)), &n) < 0 || n > max) {
		r->bad = true;
		return 0;
	}
	return n;
}

static uint32_t get_u32(struct reader *r)
{
	return (uint32_t)get_u64(r, UINT32_MAX);
}

/* A number of elements, each of which takes a byte at least. */
static size_t get_count(struct reader *r)
{
	return get_u64(r, (uint64_t)(r->end - r->p));
}

static struct strv get_list(struct reader *r)
{
	size_t n = get_count(r);
	struct strv list = {0};

	for (size_t i = 0; i < n && !r->bad; i++)
		arena_push(r->a, &list, need_text(r));
	return list;
}

static enum nv_tristate get_tristate(struct reader *r)
{
	return (enum nv_tristate)get_u64(r, NV_YES);
}

static struct nv_migs get_migs(struct reader *r)
{
	size_t n = get_count(r);
	struct nv_migs migs = {0};

	for (size_t i = 0; i < n && !r->bad; i++) {
		struct nv_mig m = {0};

		m.index = get_u32(r);
		m.gi = get_u32(r);
		m.ci = get_u32(r);
		m.uuid = get_text(r);
		m.profile = get_text(r);
		m.graphics = get_u64(r, 1);
		m.gi_cap = get_u32(r);
		m.ci_cap = get_u32(r);
		arena_push(r->a, &migs, m);
	}
	return migs;
}

static struct nv_files get_files(struct reader *r)
{
	size_t n = get_count(r);
	struct nv_files files = {0};

	for (size_t i = 0; i < n && !r->bad; i++) {
		struct nv_file f = {0};

		f.kind = (enum nv_file_kind)get_u64(r, NV_FILE_XORG);
		f.classes = (unsigned)get_u64(r, NV_CLASS_ALL);
		f.host = need_text(r);
		f.path = get_text(r);
		if (!f.path)
			f.path = f.host;
		f.soname = get_text(r);
		f.bits = (unsigned)get_u64(r, 64);
		f.is_dir = get_u64(r, 1);
		f.platform = get_u64(r, 1);
		arena_push(r->a, &files, f);
	}
	return files;
}

static struct nv_driver get_driver(struct reader *r)
{
	struct nv_driver d = {0};
	size_t n;

	d.root = need_text(r);
	d.version = get_text(r);
	d.loaded = get_u64(r, 1);
	d.module_version = get_text(r);
	d.library_dirs = get_list(r);
	d.files = get_files(r);
	n = get_count(r);
	for (size_t i = 0; i < n && !r->bad; i++) {
		struct nv_link l = {0};

		l.group = (enum nv_link_group)get_u64(r, NV_LINK_DRIVER);
		l.classes = (unsigned)get_u64(r, NV_CLASS_ALL);
		l.bits = (unsigned)get_u64(r, 64);
		l.added = get_u64(r, 1);
		l.target = need_text(r);
		l.path = need_text(r);
		arena_push(r->a, &d.links, l);
	}
	d.missing = get_list(r);
	return d;
}

static struct nv_gpus get_gpus(struct reader *r)
{
	size_t n = get_count(r);
	struct nv_gpus gpus = {0};

	for (size_t i = 0; i < n && !r->bad; i++) {
		struct nv_gpu g = {0};

		g.index = get_u32(r);
		g.minor = get_u32(r);
		g.uuid = get_text(r);
		g.pci = need_text(r);
		g.name = get_text(r);
		g.node = get_text(r);
		g.drm = get_list(r);
		g.drm_links = get_list(r);
		g.sick = get_text(r);
		g.mig_enabled = get_tristate(r);
		g.migs = get_migs(r);
		if (g.drm_links.n % 2 != 0 || (!g.node && !g.sick))
			r->bad = true;
		arena_push(r->a, &gpus, g);
	}
	return gpus;
}

static struct nv_facts get_facts(struct reader *r)
{
	struct nv_facts f = {0};
	size_t n;

	f.driver_version = get_text(r);
	f.cuda_version = get_text(r);
	n = get_count(r);
	for (size_t i = 0; i < n && !r->bad; i++) {
		struct nv_fact_gpu g = {0};

		g.uuid = get_text(r);
		g.pci = get_text(r);
		g.name = get_text(r);
		g.brand = get_text(r);
		g.arch = get_text(r);
		g.minor = get_u32(r);
		g.mig_enabled = get_tristate(r);
		g.coherent = get_tristate(r);
		g.migs = get_migs(r);
		g.failure = get_text(r);
		arena_push(r->a, &f.gpus, g);
	}
	return f;
}

int nv_kept_read(struct arena *a, struct str bytes, struct nv_kept *ret)
{
	struct reader r = {.a = a, .p = bytes.p, .end = bytes.p + bytes.n};
	struct nv_kept k = {0};

	if (strcmp(field(&r), MAGIC) != 0)
		return -EBADMSG;
	k.boot_id = need_text(&r);
	k.query_digest = need_text(&r);
	k.files_digest = need_text(&r);
	k.watched = get_list(&r);
	k.driver = get_driver(&r);
	k.gpus_digest = need_text(&r);
	k.instances = get_list(&r);
	k.gpus = get_gpus(&r);
	k.control_nodes = get_list(&r);
	k.fingerprint = need_text(&r);
	k.state = (enum nv_kept_state)get_u64(&r, NV_KEPT_FAILURE);
	k.asked_ns = get_u64(&r, UINT64_MAX);
	k.until_ns = get_u64(&r, UINT64_MAX);
	k.facts = get_facts(&r);
	k.failure_code = (int)get_u64(&r, 4095);
	k.failure = get_text(&r);
	for (size_t i = 0; i < k.watched.n; i++)
		if (k.watched.v[i][0] != '=' && k.watched.v[i][0] != '~')
			r.bad = true;
	if (k.state == NV_KEPT_FAILURE && (!k.failure || k.failure_code == 0))
		r.bad = true;
	if (k.state == NV_KEPT_ANSWER && !k.facts.driver_version)
		r.bad = true;
	if (strcmp(need_text(&r), "end") != 0 || r.bad || r.p != r.end)
		return -EBADMSG;
	*ret = k;
	return 0;
}
