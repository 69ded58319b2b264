/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/facts.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/path.h"
#include "base/proc.h"
#include "codec/json.h"
#include "nv/pci.h"

#define MAX_ANSWER (4u << 20)
#define NO_LIBRARY 3 /* exit status of nvml-facts */

/* Letters, digits and what stands between them in UUIDs, versions and profiles. */
static bool is_plain(struct str s)
{
	static const char others[] = "-._+/";

	if (s.n == 0 || s.n > 96)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      memchr(others, c, sizeof(others) - 1)))
			return false;
	}
	return true;
}

/* A member that is plain text; NULL when it is absent. */
static int plain(struct arena *a, const struct json *o, const char *key, const char **ret,
		 struct err *e)
{
	struct str s = json_str(json_get(o, key));

	*ret = NULL;
	if (!json_get(o, key))
		return 0;
	if (!is_plain(s))
		return err_set(e, EPROTO, "\"%s\" is no plain text", key);
	*ret = arena_str(a, s);
	return 0;
}

/* A member that is text for people, with control characters made visible; NULL when absent. */
static const char *words(struct arena *a, const struct json *o, const char *key)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct str s = json_str(json_get(o, key));

	if (!s.p)
		return NULL;
	strbuf_escape(&b, str_sub(s, 0, 256));
	return arena_str(a, strbuf_str(&b));
}

static int number(const struct json *o, const char *key, uint32_t *ret, struct err *e)
{
	uint64_t n;

	if (json_u64(json_get(o, key), &n) < 0 || n > UINT32_MAX)
		return err_set(e, EPROTO, "\"%s\" is no number", key);
	*ret = (uint32_t)n;
	return 0;
}

static enum nv_tristate tristate(const struct json *o, const char *key)
{
	const struct json *j = json_get(o, key);

	if (!json_is(j, JSON_BOOL))
		return NV_UNKNOWN;
	return json_bool(j, false) ? NV_YES : NV_NO;
}

static int read_mig(struct arena *a, const struct json *o, struct nv_mig *ret, struct err *e)
{
	struct nv_mig m = {.graphics = json_bool(json_get(o, "graphics"), false)};
	int r = number(o, "index", &m.index, e);

	if (r == 0)
		r = number(o, "gi", &m.gi, e);
	if (r == 0)
		r = number(o, "ci", &m.ci, e);
	if (r == 0)
		r = plain(a, o, "uuid", &m.uuid, e);
	if (r == 0)
		r = plain(a, o, "profile", &m.profile, e);
	if (r == 0 && (!m.uuid || !str_has_prefix(str_of(m.uuid), "MIG-")))
		r = err_set(e, EPROTO, "a MIG device without UUID");
	if (r == 0)
		*ret = m;
	return r;
}

static int read_pci(struct arena *a, const struct json *o, const char **ret, struct err *e)
{
	const struct json *j = json_get(o, "pci");
	struct nv_pci at;

	if (!j)
		return 0;
	if (nv_pci_parse(json_str(j), &at) < 0)
		return err_set(e, EPROTO, "\"pci\" is no PCI address");
	*ret = nv_pci_text(a, &at);
	return 0;
}

static int read_gpu(struct arena *a, const struct json *o, struct nv_fact_gpu *ret, struct err *e)
{
	struct nv_fact_gpu g = {
		.name = words(a, o, "name"),
		.failure = words(a, o, "failure"),
		.mig_enabled = tristate(o, "mig_enabled"),
		.coherent = tristate(o, "coherent"),
	};
	int r = read_pci(a, o, &g.pci, e);

	if (r == 0)
		r = plain(a, o, "uuid", &g.uuid, e);
	if (r == 0)
		r = plain(a, o, "brand", &g.brand, e);
	if (r == 0)
		r = plain(a, o, "arch", &g.arch, e);
	if (r == 0 && json_get(o, "minor"))
		r = number(o, "minor", &g.minor, e);
	if (r == 0 && !g.failure && (!g.pci || !g.uuid))
		r = err_set(e, EPROTO, "a GPU without address or UUID");
	if (r < 0)
		return r;
	json_each (item, json_get(o, "migs")) {
		struct nv_mig m;

		r = read_mig(a, item, &m, e);
		if (r < 0)
			return r;
		arena_push(a, &g.migs, m);
	}
	*ret = g;
	return 0;
}

int nv_facts_parse(struct arena *a, struct str text, struct nv_facts *ret, struct err *e)
{
	static const struct json_limits limits = {
		.max_size = MAX_ANSWER, .max_string = 4096, .max_nodes = 100000, .max_depth = 8};
	struct nv_facts f = {0};
	struct json *root;
	int r = json_parse(a, text, "answer", &limits, &root, e);

	if (r < 0)
		return err_in(e, -EPROTO, "nvml-facts");
	r = plain(a, root, "driver_version", &f.driver_version, e);
	if (r == 0)
		r = plain(a, root, "cuda_version", &f.cuda_version, e);
	if (r == 0 && (!f.driver_version || !json_is(json_get(root, "gpus"), JSON_ARRAY)))
		r = err_set(e, EPROTO, "no \"driver_version\" or no \"gpus\" in the answer");
	if (r < 0)
		return err_in(e, r, "nvml-facts");
	json_each (item, json_get(root, "gpus")) {
		struct nv_fact_gpu g;

		r = read_gpu(a, item, &g, e);
		if (r < 0)
			return err_in(e, r, "nvml-facts: GPU %zu", f.gpus.n);
		arena_push(a, &f.gpus, g);
	}
	*ret = f;
	return 0;
}

static bool exists(struct arena *a, const char *dir, const char *path)
{
	return access(arena_printf(a, "%s%s", dir, path), F_OK) == 0;
}

/*
 * Whether NVML can work inside the driver root: it needs the device nodes and
 * procfs there, as a driver container has them. Where the root only holds
 * files, the library is loaded from outside.
 */
static bool may_enter(struct arena *a, const char *root)
{
	return root && strcmp(root, "/") != 0 && root[0] != '\0' && geteuid() == 0 &&
	       exists(a, root, "/dev/nvidiactl") && exists(a, root, "/proc/driver/nvidia");
}

static void make_arguments(struct arena *a, const struct nv_facts_query *q, struct strv *argv)
{
	bool enter = may_enter(a, q->driver_root);

	arena_push(a, argv, path_base(q->program));
	if (enter)
		arena_push(a, argv, arena_printf(a, "--driver-root=%s", q->driver_root));
	if (q->library)
		arena_push(a, argv,
			   arena_printf(a, "--library=%s",
					enter ? path_strip_root(q->library, q->driver_root)
					      : q->library));
	arena_push(a, argv, NULL);
}

/* What the program left on stderr, as one line without its own name. */
static const char *last_words(struct arena *a, struct str err)
{
	static const char prefix[] = "nvml-facts: ";
	AUTO(strbuf_done) struct strbuf b = {0};
	struct str s = str_trim(err);

	if (str_has_prefix(s, prefix))
		s = str_sub(s, sizeof(prefix) - 1, s.n);
	strbuf_escape(&b, str_sub(s, 0, 800));
	return arena_str(a, strbuf_str(&b));
}

/* An exit status other than 0, as an error. */
static int explain(struct arena *a, const struct proc_result *got, struct err *e)
{
	const char *said = last_words(a, got->err);

	if (got->status > 128)
		return err_set(e, EIO,
			       "libnvidia-ml crashed (%s): the driver's installation is damaged or "
			       "a GPU is in trouble; look into dmesg, and install the driver again "
			       "if nvidia-smi crashes as well",
			       strsignal(got->status - 128));
	if (said[0] == '\0')
		said = arena_printf(a, "nvml-facts ended with status %d and said nothing",
				    got->status);
	return err_set(e, got->status == NO_LIBRARY ? ENOENT : EIO, "%s", said);
}

int nv_facts_ask(struct arena *a, const struct nv_facts_query *q, struct nv_facts *ret,
		 struct err *e)
{
	struct proc_options o = {
		.path = q->program, .deadline_ns = q->deadline_ns, .max_output = MAX_ANSWER};
	struct strv argv = {0};
	struct proc_result got;
	int r;

	make_arguments(a, q, &argv);
	o.argv = argv.v;
	r = proc_run(a, &o, &got, e);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT,
			       "NVML gave no answer in %.3g s: a GPU or the driver hangs; look for "
			       "Xid and NVRM lines in dmesg",
			       (double)q->deadline_ns / 1e9);
	if (r < 0)
		return r == -EFBIG ? err_set(e, EPROTO, "the answer of %s is too long", q->program)
				   : r;
	if (got.status != 0)
		return explain(a, &got, e);
	return nv_facts_parse(a, got.out, ret, e);
}

static int by_index(const void *x, const void *y)
{
	const struct nv_mig *a = x, *b = y;

	return (a->index > b->index) - (a->index < b->index);
}

static void merge_migs(struct arena *a, const struct nv_fact_gpu *f, struct nv_gpu *g)
{
	struct nv_migs merged = {0};
	uint32_t after = 0;

	for (size_t i = 0; i < f->migs.n; i++)
		after = f->migs.v[i].index >= after ? f->migs.v[i].index + 1 : after;
	for (size_t i = 0; i < g->migs.n; i++) {
		struct nv_mig m = g->migs.v[i];
		bool hit = false;

		for (size_t k = 0; k < f->migs.n && !hit; k++) {
			const struct nv_mig *n = &f->migs.v[k];

			hit = n->gi == m.gi && n->ci == m.ci;
			if (!hit)
				continue;
			m.index = n->index;
			m.uuid = n->uuid;
			m.profile = n->profile;
			m.graphics = n->graphics;
		}
		/* What NVML does not know comes last, so that no number means two devices. */
		if (!hit)
			m.index = after++;
		arena_push(a, &merged, m);
	}
	if (merged.n > 1)
		qsort(merged.v, merged.n, sizeof(*merged.v), by_index);
	g->migs = merged;
}

static void merge_gpu(struct arena *a, const struct nv_fact_gpu *f, struct nv_gpu *g)
{
	if (!g->uuid)
		g->uuid = f->uuid;
	if (!g->name)
		g->name = f->name;
	g->brand = f->brand;
	g->arch = f->arch;
	g->coherent = f->coherent;
	if (f->mig_enabled != NV_UNKNOWN)
		g->mig_enabled = f->mig_enabled;
	if (f->failure && !g->sick)
		g->sick = arena_printf(a, "NVML cannot ask it: %s", f->failure);
	if (!f->failure)
		merge_migs(a, f, g);
}

void nv_facts_merge(struct arena *a, const struct nv_facts *facts, struct nv_gpus *gpus)
{
	for (size_t i = 0; i < gpus->n; i++) {
		struct nv_gpu *g = &gpus->v[i];
		const struct nv_fact_gpu *hit = NULL;

		for (size_t k = 0; k < facts->gpus.n && !hit; k++)
			if (facts->gpus.v[k].pci && strcmp(facts->gpus.v[k].pci, g->pci) == 0)
				hit = &facts->gpus.v[k];
		if (hit)
			merge_gpu(a, hit, g);
		else
			log_debug("NVML does not know GPU %s", g->pci);
	}
}

bool nv_facts_has_failure(const struct nv_facts *facts)
{
	for (size_t i = 0; i < facts->gpus.n; i++)
		if (facts->gpus.v[i].failure)
			return true;
	return false;
}
