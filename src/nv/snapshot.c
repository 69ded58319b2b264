/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/snapshot.h"

#include <errno.h>
#include <time.h>

#include "base/path.h"
#include "nv/snapshot-store.h"

#define SECOND	 1000000000ull
#define PATIENCE (2 * SECOND) /* for somebody else who makes the snapshot */

/* How long a failure of NVML, or an answer with one, is believed. */
#define FAILURE_LIFE (5 * SECOND)

/* Kernel times are as fine as its ticks; a change within this before looking may not show. */
#define TICK_NS 20000000u

/* A snapshot on its way: what is kept, and what the machine says now. */
struct work {
	struct arena *a;
	const struct nv_snapshot_query *q;
	struct nv_store store;
	struct nv_kept kept; /* zeroed when nothing was read */
	const char *module;
	char query_digest[NV_DIGEST_SIZE];
};

static void begin(struct work *w, struct arena *a, const struct nv_snapshot_query *q)
{
	struct nv_digest d;

	*w = (struct work){.a = a, .q = q};
	nv_store_open(a, q, &w->store);
	nv_digest_init(&d);
	nv_fingerprint_query(&q->driver, &d);
	nv_digest_print(&d, w->query_digest);
	w->module = nv_fingerprint_module(a, &q->driver.host);
}

static void print_files(const struct work *w, const struct strv *watched, char *to,
			struct timespec *newest)
{
	struct nv_digest d;

	nv_digest_init(&d);
	nv_digest_text(&d, w->module);
	nv_fingerprint_files(watched, &d, newest);
	nv_digest_print(&d, to);
}

static void print_gpus(const struct work *w, const struct nv_gpus *gpus,
		       const struct strv *instances, char *to)
{
	struct nv_digest d;

	nv_digest_init(&d);
	nv_digest_text(&d, w->module);
	nv_fingerprint_gpus(w->a, &w->q->driver.host, gpus, instances, &d);
	nv_digest_print(&d, to);
}

static bool files_hold(const struct work *w)
{
	char now[NV_DIGEST_SIZE];
	struct timespec newest;

	if (!w->kept.files_digest || w->kept.files_digest[0] == '\0' || w->kept.watched.n == 0)
		return false;
	print_files(w, &w->kept.watched, now, &newest);
	return strcmp(now, w->kept.files_digest) == 0;
}

static bool gpus_hold(const struct work *w)
{
	char now[NV_DIGEST_SIZE];

	if (!w->kept.gpus_digest || w->kept.gpus_digest[0] == '\0')
		return false;
	print_gpus(w, &w->kept.gpus, &w->kept.instances, now);
	return strcmp(now, w->kept.gpus_digest) == 0;
}

static bool answers_query(const struct work *w)
{
	return w->kept.query_digest && strcmp(w->kept.query_digest, w->query_digest) == 0;
}

/* Forgets what NVML said when it was believed for a time only. */
static void expire(struct nv_kept *k)
{
	if (k->state == NV_KEPT_UNASKED || k->until_ns == 0)
		return;
	/* A time of another boot may lie anywhere. */
	if (nv_store_now_ns() >= k->until_ns || nv_store_now_ns() < k->asked_ns) {
		k->state = NV_KEPT_UNASKED;
		k->facts = (struct nv_facts){0};
	}
}

static int make_files(struct work *w, struct err *e)
{
	char digest[NV_DIGEST_SIZE];
	struct timespec before, newest;
	struct nv_kept *k = &w->kept;
	int r;

	(void)clock_gettime(CLOCK_REALTIME, &before);
	r = nv_driver_find(w->a, &w->q->driver, &k->driver, e);
	if (r < 0)
		return r;
	nv_fingerprint_watch(w->a, &w->q->driver, &k->driver, &k->watched);
	print_files(w, &k->watched, digest, &newest);
	/* Something changed just now, perhaps after it was looked at: valid for this once. */
	if ((uint64_t)newest.tv_sec * SECOND + (uint64_t)newest.tv_nsec + TICK_NS >=
	    (uint64_t)before.tv_sec * SECOND + (uint64_t)before.tv_nsec)
		digest[0] = '\0';
	k->files_digest = arena_strdup(w->a, digest);
	k->query_digest = w->query_digest;
	return 0;
}

static bool is_same_list(const struct nv_gpus *x, const struct nv_gpus *y)
{
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++)
		if (strcmp(x->v[i].pci, y->v[i].pci) != 0 || x->v[i].minor != y->v[i].minor)
			return false;
	return true;
}

static int make_gpus(struct work *w, struct err *e)
{
	const struct nv_host *host = &w->q->driver.host;
	struct nv_kept *k = &w->kept;
	char digest[NV_DIGEST_SIZE];
	struct nv_fingerprint_list listed;
	int r;

	/* The digest is of the time before: what changes while we look shows the next time. */
	nv_fingerprint_list(w->a, host, &listed);
	print_gpus(w, &listed.gpus, &listed.instances, digest);
	r = nv_gpu_find(w->a, host, &k->gpus, e);
	if (r < 0)
		return r;
	nv_gpu_control_nodes(w->a, host, &k->control_nodes);
	if (!is_same_list(&listed.gpus, &k->gpus))
		digest[0] = '\0';
	/* What NVML said was about the GPUs as they were. */
	if (!k->gpus_digest || strcmp(k->gpus_digest, digest) != 0) {
		k->state = NV_KEPT_UNASKED;
		k->facts = (struct nv_facts){0};
	}
	k->instances = listed.instances;
	k->gpus_digest = arena_strdup(w->a, digest);
	return 0;
}

/* The file that stands for the driver: a driver without compute has no libcuda. */
static const char *key_library(const struct nv_driver *d)
{
	const char *library = nv_driver_library(d, "libcuda");

	return library ? library : nv_driver_library(d, "libnvidia-ml");
}

static const char *spec_fingerprint(struct arena *a, const struct nv_host *host,
				    const char *library)
{
	char text[NV_DIGEST_SIZE];
	struct nv_digest d;

	nv_digest_init(&d);
	nv_fingerprint_spec(a, host, library, &d);
	nv_digest_print(&d, text);
	return arena_strdup(a, text);
}

/* Makes what does not hold. */
static int make(struct work *w, bool files, bool gpus, struct err *e)
{
	int r = files ? make_files(w, e) : 0;

	if (r == 0 && gpus)
		r = make_gpus(w, e);
	if (r < 0)
		return r;
	w->kept.boot_id = nv_store_boot_id(w->a);
	w->kept.fingerprint =
		spec_fingerprint(w->a, &w->q->driver.host, key_library(&w->kept.driver));
	return 0;
}

/* 1 when what is kept holds, 0 when something has to be made: the two say what. */
static int look(struct work *w, bool *ret_files, bool *ret_gpus)
{
	w->kept = (struct nv_kept){0};
	if (nv_store_read(w->a, &w->store, &w->kept) < 0)
		w->kept = (struct nv_kept){0};
	*ret_files = !answers_query(w) || !files_hold(w);
	*ret_gpus = !gpus_hold(w);
	expire(&w->kept);
	return !*ret_files && !*ret_gpus;
}

static int bring_up(struct work *w, struct err *e)
{
	auto_close int lock = -1;
	bool files, gpus;
	int r;

	if (look(w, &files, &gpus) == 1)
		return 0;
	/* Of a hundred that start together one makes it, and the others read. */
	lock = nv_store_lock(&w->store, "make", PATIENCE);
	if (lock >= 0 && look(w, &files, &gpus) == 1)
		return 0;
	r = make(w, files, gpus, e);
	if (r == 0)
		nv_store_write(&w->store, &w->kept);
	return r;
}

static void hand_out(struct work *w, struct nv_snapshot *ret)
{
	struct nv_kept *k = &w->kept;

	*ret = (struct nv_snapshot){
		.driver = k->driver,
		.gpus = k->gpus,
		.control_nodes = k->control_nodes,
		.has_facts = k->state == NV_KEPT_ANSWER,
		.facts = k->facts,
		.fingerprint = k->fingerprint,
		.key_library = key_library(&k->driver),
	};
	if (ret->has_facts)
		nv_facts_merge(w->a, &ret->facts, &ret->gpus);
}

int nv_snapshot_get(struct arena *a, const struct nv_snapshot_query *q, struct nv_snapshot *ret,
		    struct err *e)
{
	struct work w;
	int r;

	begin(&w, a, q);
	r = bring_up(&w, e);
	if (r == 0)
		hand_out(&w, ret);
	return r;
}

static uint64_t deadline(const struct nv_snapshot_query *q)
{
	return q->nvml_deadline_ns > 0 ? q->nvml_deadline_ns : NV_FACTS_DEADLINE_NS;
}

/* Asks, and remembers the answer or the failure in w->kept. */
static int ask(struct work *w, struct err *e)
{
	struct nv_facts_query f = {
		.program = w->q->nvml_program,
		.driver_root = w->kept.driver.root,
		.library = nv_driver_library(&w->kept.driver, "libnvidia-ml"),
		.deadline_ns = deadline(w->q),
	};
	struct nv_kept *k = &w->kept;
	struct err said = {""};
	int r = nv_facts_ask(w->a, &f, &k->facts, &said);

	k->asked_ns = nv_store_now_ns();
	k->until_ns = 0;
	k->state = NV_KEPT_ANSWER;
	if (r < 0) {
		k->state = NV_KEPT_FAILURE;
		k->facts = (struct nv_facts){0};
		k->failure_code = -r;
		k->failure = arena_strdup(w->a, said.text);
		(void)err_set(e, -r, "%s", said.text);
	}
	/* Trouble that passes, a reset or a rule that is mended, changes no fingerprint. */
	if (r < 0 || nv_facts_has_failure(&k->facts))
		k->until_ns = k->asked_ns + FAILURE_LIFE;
	return r;
}

/* Adds what NVML said to the kept file, if that is still about the same GPUs. */
static void keep_answer(const struct work *w)
{
	auto_close int lock = -1;
	struct nv_kept k;

	lock = nv_store_lock(&w->store, "make", PATIENCE);
	if (nv_store_read(w->a, &w->store, &k) < 0 || w->kept.gpus_digest[0] == '\0' ||
	    strcmp(k.gpus_digest, w->kept.gpus_digest) != 0)
		return;
	k.state = w->kept.state;
	k.asked_ns = w->kept.asked_ns;
	k.until_ns = w->kept.until_ns;
	k.facts = w->kept.facts;
	k.failure_code = w->kept.failure_code;
	k.failure = w->kept.failure;
	nv_store_write(&w->store, &k);
}

static int remembered_failure(const struct nv_kept *k, struct err *e)
{
	uint64_t now = nv_store_now_ns();

	return err_set(e, k->failure_code, "%s (asked %.1f s ago; NVML is asked again in %.1f s)",
		       k->failure, (double)(now - k->asked_ns) / 1e9,
		       now < k->until_ns ? (double)(k->until_ns - now) / 1e9 : 0.0);
}

int nv_snapshot_need_nvml(struct arena *a, const struct nv_snapshot_query *q, struct nv_snapshot *s,
			  struct err *e)
{
	auto_close int lock = -1;
	struct work w;
	int r;

	if (s->has_facts)
		return 0;
	begin(&w, a, q);
	/* One asks; those that come meanwhile get its answer. */
	lock = nv_store_lock(&w.store, "nvml", deadline(q) + PATIENCE);
	r = bring_up(&w, e);
	if (r < 0)
		return r;
	if (w.kept.state == NV_KEPT_FAILURE)
		return remembered_failure(&w.kept, e);
	if (w.kept.state == NV_KEPT_UNASKED) {
		r = ask(&w, e);
		keep_answer(&w);
	}
	if (r == 0)
		hand_out(&w, s);
	return r;
}

/* Whether the kept fingerprint is of that file: a spec may be of another driver below the root. */
static bool is_of(const struct nv_kept *k, const char *library)
{
	const char *own = key_library(&k->driver);

	return own && library ? strcmp(own, library) == 0 : own == library;
}

int nv_snapshot_fingerprint(struct arena *a, const char *driver_root, const char *library,
			    const char **ret, struct err *e)
{
	const struct nv_snapshot_query q = {.driver = {.driver_root = driver_root}};
	bool files, gpus;
	struct work w;

	(void)e;
	begin(&w, a, &q);
	(void)look(&w, &files, &gpus);
	/* Whatever was asked for when it was made, it is of this driver and these GPUs. */
	if (w.kept.fingerprint && is_of(&w.kept, library) && files_hold(&w) && !gpus)
		*ret = w.kept.fingerprint;
	else
		*ret = spec_fingerprint(a, &q.driver.host, library);
	return 0;
}
