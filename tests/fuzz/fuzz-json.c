/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must be true of every JSON document: untouched it is written byte for
 * byte; written anew, in either form, it means the same; and after an edit the
 * text that is written means what the tree says.
 */

#include "codec/json.h"
#include "fuzz.h"

/* Edits may reach a little over the limits of the input. */
static const struct json_limits wide = {
	.max_size = 1u << 30,
	.max_string = 1u << 30,
	.max_nodes = 1u << 24,
	.max_depth = 128,
	.free_map = "annotations",
};

static void check_means(struct arena *a, const struct strbuf *text, const struct json *j)
{
	struct json *again = NULL;
	struct err e = {0};
	int r = json_parse(a, strbuf_str(text), "again", &wide, &again, &e);

	if (r < 0)
		(void)fprintf(stderr, "%s in %s\n", e.text, text->p);
	FUZZ_CHECK(r == 0);
	FUZZ_CHECK(json_equal(j, again));
}

static struct json *nth(struct json *j, uint32_t *n)
{
	struct json *hit = *n == 0 ? j : NULL;

	(*n)--;
	for (struct json *child = j->first; child && !hit; child = child->next)
		hit = nth(child, n);
	return hit;
}

static struct json *new_value(struct arena *a, uint32_t kind)
{
	struct json *j;

	if (kind % 2 == 0)
		return json_new_str(a, STR("a\n\"b\xc3\xa9"));
	j = json_new(a, JSON_OBJECT);
	json_append(json_need(a, j, "list", JSON_ARRAY), json_new_i64(a, -1));
	json_set(a, j, "flag", json_new_bool(a, true));
	return j;
}

/* One of the edits on one of the values, both chosen by seed. */
static void edit(struct arena *a, struct json *root, uint32_t seed)
{
	uint32_t count = seed >> 8 & 0x3f;
	struct json *j = nth(root, &count);

	if (!j)
		j = root;
	if (j->type == JSON_OBJECT && seed % 3 == 0)
		json_set(a, j, "fuzz", new_value(a, seed >> 4));
	else if (j->type == JSON_ARRAY && seed % 3 == 0)
		json_append(j, new_value(a, seed >> 4));
	else if (j->parent && seed % 3 == 1)
		json_remove(j);
	else if (j->parent)
		json_replace(j, new_value(a, seed >> 4));
	if (j->parent && j->parent->type == JSON_ARRAY)
		json_insert_before(j, new_value(a, seed >> 5));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	AUTO(strbuf_done) struct strbuf text = {0}, compact = {0}, indented = {0}, edited = {0};
	uint32_t seed = 2166136261u;
	struct json *j = NULL;
	struct err e = {0};

	if (json_parse(&a, fuzz_input(data, n), "in", NULL, &j, &e) < 0) {
		FUZZ_CHECK(str_has_prefix(str_of(e.text), "in:"));
		return 0;
	}
	json_write(j, &text);
	FUZZ_CHECK(str_eq(strbuf_str(&text), fuzz_input(data, n)));

	json_write_compact(j, &compact);
	check_means(&a, &compact, j);
	json_write_indented(j, 2, &indented);
	check_means(&a, &indented, j);
	FUZZ_CHECK(json_equal(j, json_copy(&a, j)));
	FUZZ_CHECK(!json_changed(j));

	for (size_t i = 0; i < n; i++)
		seed = (seed ^ data[i]) * 16777619u;
	for (unsigned i = 0; i < 3; i++) {
		edit(&a, j, seed);
		seed = seed * 1664525u + 1013904223u;
	}
	json_write(j, &edited);
	check_means(&a, &edited, j);
	return 0;
}
