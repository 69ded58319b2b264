/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/spec.h"

#include <errno.h>

#include "base/fs.h"
#include "base/path.h"
#include "base/str.h"

#define CONFIG_SIZE_MAX ((size_t)16 << 20)

static const struct json *member(const struct oci_spec *s, const char *object, const char *name)
{
	return json_field(json_field(s->root, object), name);
}

/* What we read or edit is of the right type, or absent: nothing further down checks again. */
static int check_types(const struct oci_spec *s, struct err *e)
{
	const struct {
		const struct json *value;
		const char *name;
		enum json_type type;
	} parts[] = {
		{json_field(s->root, "process"), "process", JSON_OBJECT},
		{member(s, "process", "env"), "process.env", JSON_ARRAY},
		{json_field(s->root, "root"), "root", JSON_OBJECT},
		{json_field(s->root, "mounts"), "mounts", JSON_ARRAY},
		{json_field(s->root, "hooks"), "hooks", JSON_OBJECT},
		{json_field(s->root, "annotations"), "annotations", JSON_OBJECT},
		{json_field(s->root, "linux"), "linux", JSON_OBJECT},
	};

	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		const struct json *value = parts[i].value;

		if (value && value->type != JSON_NULL && value->type != parts[i].type)
			return err_set(e, EBADMSG, "%s:%u:%u: %s is not %s", s->path, value->line,
				       value->column, parts[i].name,
				       parts[i].type == JSON_ARRAY ? "a list" : "an object");
	}
	return 0;
}

int oci_spec_parse(struct arena *a, struct str text, const char *path, struct oci_spec *ret,
		   struct err *e)
{
	struct oci_spec s = {.path = arena_strdup(a, path), .arena = a};
	int r = json_parse(a, text, path, NULL, &s.root, e);

	if (r < 0)
		return r;
	if (!json_is(s.root, JSON_OBJECT))
		return err_set(e, EBADMSG, "%s:1:1: not an object", path);
	r = check_types(&s, e);
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int oci_spec_load(struct arena *a, const char *path, struct oci_spec *ret, struct err *e)
{
	struct str text;
	int r = fs_read(a, path, CONFIG_SIZE_MAX, &text, e);

	return r < 0 ? r : oci_spec_parse(a, text, path, ret, e);
}

int oci_spec_save(struct oci_spec *s, struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	int r;

	if (!json_changed(s->root))
		return 0;
	json_write(s->root, &text);
	/* A bundle does not outlive a crash of the machine, so the disk need not be waited for. */
	r = fs_write_atomic(s->path, strbuf_str(&text), 0644, FS_KEEP_OWNER | FS_NO_SYNC, e);
	return r < 0 ? r : 1;
}

const struct json *oci_spec_environ(const struct oci_spec *s)
{
	const struct json *env = member(s, "process", "env");

	return json_is(env, JSON_ARRAY) ? env : NULL;
}

bool oci_env_split(const struct json *entry, struct str *ret_name, struct str *ret_value)
{
	struct str text = json_str(entry);
	size_t end = str_find(text, '=');

	if (!text.p || end == text.n)
		return false;
	*ret_name = str_sub(text, 0, end);
	*ret_value = str_sub(text, end + 1, text.n);
	return true;
}

static struct json *last_entry(const struct oci_spec *s, const char *name, struct str *ret_value)
{
	struct json *found = NULL;
	const struct json *env = oci_spec_environ(s);

	json_each (entry, env) {
		struct str key, value;

		if (oci_env_split(entry, &key, &value) && str_is(key, name)) {
			found = entry;
			*ret_value = value;
		}
	}
	return found;
}

struct str oci_spec_env(const struct oci_spec *s, const char *name)
{
	struct str value = {0};

	return last_entry(s, name, &value) ? value : (struct str){0};
}

void oci_spec_set_env(struct oci_spec *s, const char *name, struct str value)
{
	const char *text = arena_printf(s->arena, "%s=%.*s", name, STR_ARG(value));
	struct json *entry = json_new_str(s->arena, str_of(text));
	struct str old;
	struct json *last = last_entry(s, name, &old);

	if (last && str_eq(old, value))
		return;
	if (last) {
		json_replace(last, entry);
		return;
	}
	json_append(json_need(s->arena, json_need(s->arena, s->root, "process", JSON_OBJECT), "env",
			      JSON_ARRAY),
		    entry);
}

bool oci_spec_has_bounding(const struct oci_spec *s, const char *capability)
{
	const struct json *set = member(s, "process", "capabilities");

	if (json_is(set, JSON_OBJECT))
		set = json_field(set, "bounding");
	if (!json_is(set, JSON_ARRAY))
		return false;
	json_each (c, set)
		if (str_is(json_str(c), capability))
			return true;
	return false;
}

struct str oci_spec_root_path(const struct oci_spec *s)
{
	return json_str(member(s, "root", "path"));
}

/* By base name, as the original; ".real" is what the GPU operator's installer appends. */
static bool is_nvidia_hook(const struct json *hook)
{
	struct str path = json_str(json_field(hook, "path"));
	struct str base = path;

	while (str_find(base, '/') < base.n)
		base = str_sub(base, str_find(base, '/') + 1, base.n);
	if (str_has_suffix(base, ".real"))
		base = str_sub(base, 0, base.n - strlen(".real"));
	return str_is(base, "nvidia-container-runtime-hook") ||
	       str_is(base, "nvidia-container-toolkit");
}

static size_t remove_hooks(const struct oci_spec *s, const char *stage)
{
	struct json *list = json_field(json_field(s->root, "hooks"), stage);
	size_t removed = 0;

	if (!json_is(list, JSON_ARRAY))
		return 0;
	for (struct json *hook = list->first, *next; hook; hook = next) {
		next = hook->next;
		if (is_nvidia_hook(hook)) {
			json_remove(hook);
			removed++;
		}
	}
	if (removed > 0 && list->count == 0)
		json_remove(list);
	return removed;
}

size_t oci_spec_remove_nvidia_hooks(struct oci_spec *s)
{
	return remove_hooks(s, "prestart") + remove_hooks(s, "createRuntime");
}
