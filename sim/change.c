/* SPDX-License-Identifier: Apache-2.0 */
#include "change.h"

#include <errno.h>

#include "codec/json.h"

struct edit {
	struct arena *a;
	struct json *top;
	struct str key, value;
	struct err *e;
};

static int refuse(const struct edit *edit, const char *why)
{
	return err_set(edit->e, EINVAL, "%.*s=%.*s: %s", STR_ARG(edit->key), STR_ARG(edit->value),
		       why);
}

/* true, 5, [1, 2]; whatever is no JSON is a string. */
static struct json *parse_value(struct arena *a, struct str text)
{
	struct json *value;

	if (json_parse(a, text, "value", NULL, &value, NULL) < 0)
		return json_new_str(a, text);
	return json_copy(a, value);
}

static struct json *nth(struct json *array, struct str index)
{
	struct json *child = array ? array->first : NULL;
	uint32_t n;

	if (str_to_u32(index, &n) < 0)
		return NULL;
	for (; child && n > 0; n--)
		child = child->next;
	return child;
}

static struct json *find_gpu(const struct edit *edit, struct str index)
{
	return nth(json_get(edit->top, "gpus"), index);
}

static int set_path(const struct edit *edit)
{
	struct json *at = edit->top;
	struct str rest = edit->key, name = {0};

	if (str_has_prefix(rest, "gpu."))
		rest = str_of(arena_printf(edit->a, "gpus%.*s", STR_ARG(str_sub(rest, 3, rest.n))));
	while (str_split(&rest, '.', &name) && rest.p) {
		at = json_is(at, JSON_ARRAY) ? nth(at, name)
					     : json_get(at, arena_str(edit->a, name));
		if (!at)
			return refuse(edit, "there is no such thing in this machine");
	}
	if (!json_is(at, JSON_OBJECT))
		return refuse(edit, "not a key of the description");
	json_set(edit->a, at, arena_str(edit->a, name), parse_value(edit->a, edit->value));
	return 0;
}

static int set_driver(const struct edit *edit)
{
	struct json *driver = json_need(edit->a, edit->top, "driver", JSON_OBJECT);
	struct json *cuda = json_get(driver, "cuda");

	json_set(edit->a, driver, "version", json_new_str(edit->a, edit->value));
	/* It follows from the version again. */
	if (cuda)
		json_remove(cuda);
	return 0;
}

/* The driver gives GPU instances of one size numbers from a range of their own. */
static int64_t first_gi(struct str profile)
{
	static const struct {
		char slices[3];
		int64_t first;
	} ranges[] = {{"7g", 0}, {"4g", 1}, {"3g", 1}, {"2g", 3}};

	for (size_t i = 0; i < COUNT_OF(ranges); i++)
		if (str_has_prefix(profile, ranges[i].slices))
			return ranges[i].first;
	return 7;
}

static struct json *make_instances(const struct edit *edit)
{
	struct json *list = json_new(edit->a, JSON_ARRAY);
	struct str rest = edit->value, profile;
	uint32_t used = 0;

	while (str_split(&rest, ',', &profile)) {
		struct json *mig = json_new(edit->a, JSON_OBJECT);
		int64_t gi = first_gi(profile);

		while (gi < MACHINE_MAX_GI && (used & 1u << gi))
			gi++;
		used |= 1u << gi;
		json_set(edit->a, mig, "gi", json_new_i64(edit->a, gi));
		json_set(edit->a, mig, "ci", json_new_i64(edit->a, 0));
		json_set(edit->a, mig, "profile", json_new_str(edit->a, profile));
		json_append(list, mig);
	}
	return list;
}

static int set_mig(const struct edit *edit)
{
	struct json *gpu = find_gpu(edit, str_sub(edit->key, strlen("mig."), edit->key.n)), *mig;
	bool on = str_is(edit->value, "on"), off = str_is(edit->value, "off");

	if (!gpu)
		return refuse(edit, "there is no such GPU");
	mig = json_need(edit->a, gpu, "mig", JSON_OBJECT);
	if (!json_bool(json_get(mig, "capable"), false))
		return refuse(edit, "this GPU has no MIG mode");
	json_set(edit->a, mig, "enabled", json_new_bool(edit->a, !off));
	json_set(edit->a, mig, "instances",
		 on || off ? json_new(edit->a, JSON_ARRAY) : make_instances(edit));
	return 0;
}

static int set_missing(const struct edit *edit, bool missing)
{
	struct json *list = json_need(edit->a, edit->top, "missing", JSON_ARRAY), *next;

	if (!str_has_prefix(edit->value, "/"))
		return refuse(edit, "not an absolute path");
	for (struct json *path = list->first; path; path = next) {
		next = path->next;
		if (str_eq(json_str(path), edit->value))
			json_remove(path);
	}
	if (missing)
		json_append(list, json_new_str(edit->a, edit->value));
	return 0;
}

static int set_fault(const struct edit *edit)
{
	struct json *list = json_need(edit->a, edit->top, "faults", JSON_ARRAY);
	struct json *fault = json_new(edit->a, JSON_OBJECT);
	size_t colon = str_find(edit->value, ':');
	struct str rest = str_sub(edit->value, colon + 1, edit->value.n), word;

	if (str_is(edit->value, "none")) {
		json_set(edit->a, edit->top, "faults", json_new(edit->a, JSON_ARRAY));
		return 0;
	}
	if (colon == edit->value.n)
		return refuse(edit, "say what happens: CALL:return=18, CALL:gpu=1,hang …");
	json_set(edit->a, fault, "call", json_new_str(edit->a, str_sub(edit->value, 0, colon)));
	while (str_split(&rest, ',', &word)) {
		size_t equals = str_find(word, '=');
		const char *name = arena_str(edit->a, str_sub(word, 0, equals));

		json_set(edit->a, fault, name,
			 equals < word.n ? parse_value(edit->a, str_sub(word, equals + 1, word.n))
					 : json_new_bool(edit->a, true));
	}
	json_append(list, fault);
	return 0;
}

static int apply_one(const struct edit *edit)
{
	if (str_is(edit->key, "driver"))
		return set_driver(edit);
	if (str_has_prefix(edit->key, "mig."))
		return set_mig(edit);
	if (str_is(edit->key, "remove") || str_is(edit->key, "restore"))
		return set_missing(edit, str_is(edit->key, "remove"));
	if (str_is(edit->key, "fault"))
		return set_fault(edit);
	return set_path(edit);
}

/* The changed description is nobody's file: its lines mean nothing, the change does. */
static int blame(const struct strv *changes, int code, struct err *e)
{
	const char *cause = strstr(e->text, ": ");
	struct err why;

	if (changes->n != 1 || !cause)
		return code;
	why = *e;
	return err_set(e, -code, "%s: %s", changes->v[0], why.text + (cause + 2 - e->text));
}

int change_apply(struct arena *a, struct str description, const struct strv *changes,
		 struct machine *ret, struct err *e)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	struct edit edit = {.a = a, .e = e};
	int code = json_parse(a, description, "the machine", NULL, &edit.top, e);

	for (size_t i = 0; code == 0 && i < changes->n; i++) {
		struct str text = str_of(changes->v[i]);
		size_t equals = str_find(text, '=');

		if (equals == text.n)
			return err_set(e, EINVAL, "\"%s\" is no change: write KEY=VALUE",
				       changes->v[i]);
		edit.key = str_sub(text, 0, equals);
		edit.value = str_sub(text, equals + 1, text.n);
		code = apply_one(&edit);
	}
	if (code < 0)
		return code;
	json_write_indented(edit.top, 2, &out);
	code = machine_parse(a, str_of(arena_strdup(a, out.p)), "the changed machine", ret, e);
	return code < 0 ? blame(changes, code, e) : 0;
}
