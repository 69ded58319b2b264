/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must be true of every TOML document: setting a key gives that key that
 * value, leaves every other value, and changes one place of the text alone;
 * removing a key removes it and nothing else.
 */

#include "codec/toml.h"
#include "fuzz.h"

static size_t common_prefix(struct str x, struct str y)
{
	size_t n = 0;

	while (n < x.n && n < y.n && x.p[n] == y.p[n])
		n++;
	return n;
}

static size_t common_suffix(struct str x, struct str y)
{
	size_t n = 0;

	while (n < x.n && n < y.n && x.p[x.n - 1 - n] == y.p[y.n - 1 - n])
		n++;
	return n;
}

/* The nth value that a dotted key can name, with that key in path. */
static const struct json *nth(const struct json *j, uint32_t *n, struct strbuf *path)
{
	size_t before = path->n;
	const struct json *hit = NULL;

	for (const struct json *child = j->type == JSON_OBJECT ? j->first : NULL; child && !hit;
	     child = child->next) {
		if (before > 0)
			strbuf_addc(path, '.');
		json_quote(path, child->key);
		hit = (*n)-- == 0 ? child : nth(child, n, path);
		if (!hit)
			path->n = before;
	}
	if (path->p)
		path->p[path->n] = '\0';
	return hit;
}

/* Sets key, then removes what (it or the table that was made for it): all is as it was. */
static void check_new_key(struct arena *a, struct toml *t, const char *key, const char *what)
{
	struct json *value = json_new_str(a, STR("x\"\x7f\n"));
	const struct json *was = json_copy(a, toml_root(t));
	struct str old = toml_text(t), now;
	struct err e = {0};
	size_t same;

	if (toml_get(t, key) || toml_set(t, key, value, &e) < 0)
		return;
	now = toml_text(t);
	FUZZ_CHECK(json_equal(toml_get(t, key), value));
	same = common_prefix(old, now) + common_suffix(old, now);
	FUZZ_CHECK(same >= old.n);
	FUZZ_CHECK(toml_remove(t, what, &e) == 1);
	FUZZ_CHECK(json_equal(toml_root(t), was));
}

static void check_edits(struct arena *a, struct toml *t, uint32_t seed)
{
	AUTO(strbuf_done) struct strbuf key = {0};
	const struct json *old;
	struct json *value = json_new_i64(a, seed);
	struct str before = toml_text(t), now;
	uint32_t n = seed % 32;
	const char *inside;
	struct err e = {0};

	old = nth(toml_root(t), &n, &key);
	check_new_key(a, t, "fuzz-1.fuzz-2", "fuzz-1");
	if (!old)
		return;
	inside = arena_printf(a, "%s.fuzz", key.p);
	check_new_key(a, t, inside, inside);
	before = toml_text(t);
	if (seed & 0x100) {
		FUZZ_CHECK(toml_remove(t, key.p, &e) == 1);
		FUZZ_CHECK(!toml_get(t, key.p));
	} else if (toml_set(t, key.p, value, &e) == 0) {
		now = toml_text(t);
		FUZZ_CHECK(json_equal(toml_get(t, key.p), value));
		FUZZ_CHECK(common_prefix(before, now) >= old->start || before.n != now.n ||
			   json_equal(old, value));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	uint32_t seed = 2166136261u;
	struct toml *t = NULL;
	struct err e = {0};

	if (toml_parse(&a, fuzz_input(data, n), "in", &t, &e) < 0) {
		FUZZ_CHECK(str_has_prefix(str_of(e.text), "in:"));
		return 0;
	}
	FUZZ_CHECK(str_eq(toml_text(t), fuzz_input(data, n)));
	for (size_t i = 0; i < n; i++)
		seed = (seed ^ data[i]) * 16777619u;
	check_edits(&a, t, seed);
	return 0;
}
