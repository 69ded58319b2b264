/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-conflict.h"

#include <stdlib.h>

/* Two files, the first device that both define, and how many follow it. */
struct conflict {
	const struct cdi_definition *first, *second;
	size_t more;
};
struct conflicts VEC(struct conflict);

static int compare(const void *x, const void *y)
{
	const struct cdi_definition *a = x, *b = y;
	int r = strcmp(a->kind, b->kind);

	if (r == 0)
		r = strcmp(a->name, b->name);
	if (r == 0)
		r = (a->priority > b->priority) - (a->priority < b->priority);
	return r != 0 ? r : strcmp(a->path, b->path);
}

static bool collide(const struct cdi_definition *a, const struct cdi_definition *b)
{
	return a->priority == b->priority && strcmp(a->kind, b->kind) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

static void add(struct arena *a, struct conflicts *list, const struct cdi_definition *first,
		const struct cdi_definition *second)
{
	for (size_t i = 0; i < list->n; i++) {
		struct conflict *c = &list->v[i];

		if (strcmp(c->first->path, first->path) == 0 &&
		    strcmp(c->second->path, second->path) == 0) {
			c->more++;
			return;
		}
	}
	arena_push(a, list, ((struct conflict){first, second, 0}));
}

static const char *place(struct arena *a, const struct cdi_definition *d)
{
	return d->line > 0 ? arena_printf(a, "%s:%u", d->path, d->line) : d->path;
}

void cdi_conflicts(struct arena *a, struct cdi_definitions *all, struct strv *ret)
{
	struct conflicts list = {0};

	if (all->n > 0)
		qsort(all->v, all->n, sizeof(*all->v), compare);
	for (size_t i = 1; i < all->n; i++)
		if (collide(&all->v[i - 1], &all->v[i]))
			add(a, &list, &all->v[i - 1], &all->v[i]);
	for (size_t i = 0; i < list.n; i++) {
		const struct conflict *c = &list.v[i];
		const char *more = c->more > 0 ? arena_printf(a, " and %zu more", c->more) : "";

		arena_push(a, ret,
			   arena_printf(a,
					"%s: %s=%s%s: defined in %s too, so that engines find "
					"neither; remove one of the files",
					place(a, c->second), c->second->kind, c->second->name, more,
					place(a, c->first)));
	}
}
