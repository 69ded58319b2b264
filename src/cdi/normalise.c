/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/normalise.h"

#include <stdint.h>

#include "base/mem.h"

/* How far back an equal neighbour may be: entries of one path that differ otherwise lie between. */
#define NEAR 8

static bool same_text(const char *a, const char *b)
{
	return (!a || !b) ? a == b : strcmp(a, b) == 0;
}

static bool same_list(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

static bool same_env(const char *const *a, const char *const *b)
{
	return strcmp(*a, *b) == 0;
}

static bool same_optional(bool has_a, uint32_t a, bool has_b, uint32_t b)
{
	return has_a == has_b && (!has_a || a == b);
}

static bool same_node(const struct cdi_node *a, const struct cdi_node *b)
{
	return same_text(a->path, b->path) && same_text(a->host_path, b->host_path) &&
	       same_text(a->type, b->type) && same_text(a->permissions, b->permissions) &&
	       a->major == b->major && a->minor == b->minor &&
	       same_optional(a->has_file_mode, a->file_mode, b->has_file_mode, b->file_mode) &&
	       same_optional(a->has_uid, a->uid, b->has_uid, b->uid) &&
	       same_optional(a->has_gid, a->gid, b->has_gid, b->gid);
}

static bool same_mount(const struct cdi_mount *a, const struct cdi_mount *b)
{
	return same_text(a->host_path, b->host_path) &&
	       same_text(a->container_path, b->container_path) && same_text(a->type, b->type) &&
	       same_list(&a->options, &b->options);
}

static bool same_hook(const struct cdi_hook *a, const struct cdi_hook *b)
{
	return same_text(a->name, b->name) && same_text(a->path, b->path) &&
	       same_list(&a->args, &b->args) && same_list(&a->env, &b->env) &&
	       a->timeout == b->timeout;
}

static bool same_net_device(const struct cdi_net_device *a, const struct cdi_net_device *b)
{
	return same_text(a->host_name, b->host_name) && same_text(a->name, b->name);
}

static bool same_gid(const uint32_t *a, const uint32_t *b)
{
	return *a == *b;
}

/* Keeps of list what is not before it in the list. Compares with the last `reach` kept ones. */
#define KEEP_UNIQUE(list, same, reach)                                                             \
	do {                                                                                       \
		size_t kept_ = 0;                                                                  \
		for (size_t i_ = 0; i_ < (list)->n; i_++) {                                        \
			bool known_ = false;                                                       \
			for (size_t k_ = kept_; k_ > 0 && kept_ - k_ < (reach) && !known_; k_--)   \
				known_ = same(&(list)->v[k_ - 1], &(list)->v[i_]);                 \
			if (!known_)                                                               \
				(list)->v[kept_++] = (list)->v[i_];                                \
		}                                                                                  \
		(list)->n = kept_;                                                                 \
	} while (0)

/* Keeps of list what is not in other. */
#define KEEP_OTHERS(list, other, same)                                                             \
	do {                                                                                       \
		size_t kept_ = 0;                                                                  \
		for (size_t i_ = 0; i_ < (list)->n; i_++) {                                        \
			bool known_ = false;                                                       \
			for (size_t k_ = 0; k_ < (other)->n && !known_; k_++)                      \
				known_ = same(&(other)->v[k_], &(list)->v[i_]);                    \
			if (!known_)                                                               \
				(list)->v[kept_++] = (list)->v[i_];                                \
		}                                                                                  \
		(list)->n = kept_;                                                                 \
	} while (0)

/* A copy of the array, so that changing it in place changes nobody else's. */
#define OWN(a, list)                                                                               \
	do {                                                                                       \
		if ((list)->n > 0) {                                                               \
			void *copy_ =                                                              \
				arena_alloc((a), mem_array_size((list)->n, sizeof(*(list)->v)));   \
			memcpy(copy_, (list)->v, (list)->n * sizeof(*(list)->v));                  \
			(list)->v = copy_;                                                         \
		}                                                                                  \
		(list)->size = (list)->n;                                                          \
	} while (0)

static void own(struct arena *a, struct cdi_edits *e)
{
	OWN(a, &e->env);
	OWN(a, &e->nodes);
	OWN(a, &e->net_devices);
	OWN(a, &e->mounts);
	OWN(a, &e->hooks);
	OWN(a, &e->gids);
}

/* Where an element belongs: qsort() is not stable, so the old place decides at last. */
struct key {
	const char *path;
	size_t depth, at;
};

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int by_key(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int r;

	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	r = strcmp(x->path, y->path);
	return r != 0 ? r : (x->at > y->at) - (x->at < y->at);
}

/* Sorts by a path; the array has been owned. */
#define SORT(a, list, path_member)                                                                 \
	do {                                                                                       \
		__typeof__((list)->v) old_ = (list)->v;                                            \
		struct key *keys_;                                                                 \
		if ((list)->n < 2)                                                                 \
			break;                                                                     \
		keys_ = arena_array((a), struct key, (list)->n);                                   \
		for (size_t i_ = 0; i_ < (list)->n; i_++)                                          \
			keys_[i_] = (struct key){old_[i_].path_member,                             \
						 depth(old_[i_].path_member), i_};                 \
		qsort(keys_, (list)->n, sizeof(*keys_), by_key);                                   \
		(list)->v = arena_alloc((a), mem_array_size((list)->n, sizeof(*old_)));            \
		for (size_t i_ = 0; i_ < (list)->n; i_++)                                          \
			(list)->v[i_] = old_[keys_[i_].at];                                        \
	} while (0)

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void cdi_edits_normalise(struct arena *a, struct cdi_edits *e)
{
	own(a, e);
	SORT(a, &e->nodes, path);
	SORT(a, &e->mounts, container_path);
	KEEP_UNIQUE(&e->env, same_env, SIZE_MAX);
	/* In order, equal ones are neighbours: an all-GPU container has hundreds of nodes. */
	KEEP_UNIQUE(&e->nodes, same_node, NEAR);
	KEEP_UNIQUE(&e->mounts, same_mount, NEAR);
	KEEP_UNIQUE(&e->net_devices, same_net_device, SIZE_MAX);
	KEEP_UNIQUE(&e->hooks, same_hook, SIZE_MAX);
	if (e->gids.n > 1)
		qsort(e->gids.v, e->gids.n, sizeof(*e->gids.v), by_value);
	KEEP_UNIQUE(&e->gids, same_gid, NEAR);
}

void cdi_edits_subtract(struct cdi_edits *e, const struct cdi_edits *common)
{
	KEEP_OTHERS(&e->env, &common->env, same_env);
	KEEP_OTHERS(&e->nodes, &common->nodes, same_node);
	KEEP_OTHERS(&e->net_devices, &common->net_devices, same_net_device);
	KEEP_OTHERS(&e->mounts, &common->mounts, same_mount);
	KEEP_OTHERS(&e->hooks, &common->hooks, same_hook);
	KEEP_OTHERS(&e->gids, &common->gids, same_gid);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct cdi_device *)a)->name, ((const struct cdi_device *)b)->name);
}

void cdi_spec_normalise(struct arena *a, struct cdi_spec *s)
{
	cdi_edits_normalise(a, &s->edits);
	for (size_t i = 0; i < s->devices.n; i++) {
		struct cdi_edits *e = &s->devices.v[i].edits;
		struct cdi_edits left;

		cdi_edits_normalise(a, e);
		left = *e;
		own(a, &left);
		cdi_edits_subtract(&left, &s->edits);
		/* A device needs something of its own. */
		if (left.nodes.n + left.env.n + left.hooks.n + left.mounts.n > 0)
			*e = left;
	}
	if (s->devices.n > 1)
		qsort(s->devices.v, s->devices.n, sizeof(*s->devices.v), by_name);
}
