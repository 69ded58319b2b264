/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include "cdi/generator.h"
#include "cdi/normalise.h"

/* Takes the annotation off a device; its value, or NULL when it had none. */
static const char *take(struct cdi_device *d)
{
	const char *value = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < d->annotations.n; i++) {
		if (strcmp(d->annotations.v[i].key, GENERATOR_COHERENT) == 0)
			value = d->annotations.v[i].value;
		else
			d->annotations.v[kept++] = d->annotations.v[i];
	}
	d->annotations.n = kept;
	return value;
}

static void add(struct arena *a, struct cdi_spec *to, const struct cdi_device *d)
{
	cdi_edits_add(a, &to->devices.v[0].edits, &d->edits);
	arena_push(a, &to->devices, *d);
}

size_t cdi_generate_coherent(struct arena *a, struct cdi_spec *s, struct cdi_spec ret[2])
{
	static const char suffixes[2][12] = {"coherent", "noncoherent"};
	const struct cdi_device all = {.name = "all"};
	struct cdi_spec parts[2] = {0};
	bool has_all = false;
	size_t n = 0;

	/* Each begins with a merged device of its own. */
	for (size_t i = 0; i < 2; i++) {
		parts[i].kind = arena_printf(a, "%s.%s", s->kind, suffixes[i]);
		cdi_edits_add(a, &parts[i].edits, &s->edits);
		arena_push(a, &parts[i].devices, all);
	}
	for (size_t i = 0; i < s->devices.n; i++) {
		const char *value = take(&s->devices.v[i]);

		has_all = has_all || strcmp(s->devices.v[i].name, "all") == 0;
		if (value)
			add(a, &parts[strcmp(value, "true") == 0 ? 0 : 1], &s->devices.v[i]);
	}
	for (size_t i = 0; i < 2; i++) {
		if (parts[i].devices.n == 1)
			continue;
		if (!has_all)
			parts[i].devices.v[0] = parts[i].devices.v[--parts[i].devices.n];
		cdi_spec_normalise(a, &parts[i]);
		parts[i].version = cdi_spec_minimum_version(&parts[i]);
		ret[n++] = parts[i];
	}
	return n;
}
