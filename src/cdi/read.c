/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "cdi/check.h"

/*
 * A spec is decoded as its Go readers do it: names without regard to case,
 * unknown ones refused, null the same as absent, and a number or a truth value
 * where text is wanted taken as its text (an unquoted `name: 0` in YAML).
 */
struct reader {
	struct arena *a;
	const char *name;
	struct err *e;
};

typedef int read_fn(struct reader *r, const struct json *j, void *to);

struct field {
	char name[20];
	read_fn *read;
	size_t offset;
	size_t has; /* of the flag that says that there was one; 0: none */
};

#define FIELD(type, member, name, read)                                                            \
	{                                                                                          \
		name, read, offsetof(struct type, member), 0                                       \
	}
#define FLAGGED(type, member, name, read)                                                          \
	{                                                                                          \
		name, read, offsetof(struct type, member), offsetof(struct type, has_##member)     \
	}

static int fail(struct reader *r, const struct json *at, const char *fmt, ...) PRINTF(3, 4);

static int fail(struct reader *r, const struct json *at, const char *fmt, ...)
{
	struct err what;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what.text, sizeof(what.text), fmt, ap);
	va_end(ap);
	return err_set(r->e, EBADMSG, "%s:%u: %s", r->name, at->line, what.text);
}

/* The result of a check on what was read at a place. */
static int checked(struct reader *r, const struct json *at, int result)
{
	if (result == 0)
		return 0;
	return err_in(r->e, -EBADMSG, "%s:%u", r->name, at->line);
}

static const char *shown_name(struct reader *r, const struct json *j)
{
	if (!j->parent)
		return "the document";
	if (j->key.p)
		return arena_str(r->a, str_sub(j->key, 0, 64));
	return arena_printf(r->a, "an entry of %s", shown_name(r, j->parent));
}

static int expect(struct reader *r, const struct json *j, enum json_type type)
{
	if (json_is(j, type))
		return 0;
	return fail(r, j, "%s must be %s", shown_name(r, j),
		    type == JSON_OBJECT ? "an object" : "a list");
}

static const struct field *find_field(const struct field *fields, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (json_name_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

static int read_fields(struct reader *r, const struct json *j, const struct field *fields, size_t n,
		       void *to)
{
	int result = expect(r, j, JSON_OBJECT);

	if (result < 0)
		return result;
	json_each (member, j) {
		const struct field *f = find_field(fields, n, member->key);

		if (!f)
			return fail(r, member,
				    "unknown field \"%.*s\" (misspelt, or of a newer version of "
				    "CDI than 1.1.0)",
				    STR_ARG(str_sub(member->key, 0, 64)));
		if (json_is(member, JSON_NULL))
			continue;
		result = f->read(r, member, (char *)to + f->offset);
		if (result < 0)
			return result;
		if (f->has > 0)
			*(bool *)((char *)to + f->has) = true;
	}
	return 0;
}

static int read_string(struct reader *r, const struct json *j, void *to)
{
	const char **ret = to;

	switch (j->type) {
	case JSON_STRING:
	case JSON_NUMBER:
		*ret = arena_str(r->a, j->text);
		return 0;
	case JSON_BOOL:
		*ret = j->boolean ? "true" : "false";
		return 0;
	case JSON_NULL:
		*ret = "";
		return 0;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	return fail(r, j, "%s must be a string", shown_name(r, j));
}

static int read_i64(struct reader *r, const struct json *j, void *to)
{
	if (json_i64(j, to) < 0)
		return fail(r, j, "%s must be a whole number", shown_name(r, j));
	return 0;
}

static int read_u32(struct reader *r, const struct json *j, void *to)
{
	uint64_t value;

	if (json_u64(j, &value) < 0 || value > UINT32_MAX)
		return fail(r, j, "%s must be a whole number from 0 to 4294967295",
			    shown_name(r, j));
	*(uint32_t *)to = (uint32_t)value;
	return 0;
}

static int read_strings(struct reader *r, const struct json *j, void *to)
{
	struct strv *list = to;
	const char *text = NULL;
	int result = expect(r, j, JSON_ARRAY);

	if (result < 0)
		return result;
	json_each (child, j) {
		result = read_string(r, child, &text);
		if (result < 0)
			return result;
		arena_push(r->a, list, text);
	}
	return 0;
}

static int read_env(struct reader *r, const struct json *j, void *to)
{
	const struct json *at = j->first;
	struct strv *list = to;
	int result = read_strings(r, j, list);

	for (size_t i = 0; result == 0 && at; i++, at = at->next)
		result = checked(r, at, cdi_check_env(list->v[i], r->e));
	return result;
}

static int read_gids(struct reader *r, const struct json *j, void *to)
{
	struct cdi_gids *list = to;
	uint32_t gid = 0;
	int result = expect(r, j, JSON_ARRAY);

	if (result < 0)
		return result;
	json_each (child, j) {
		result = read_u32(r, child, &gid);
		if (result < 0)
			return result;
		arena_push(r->a, list, gid);
	}
	return 0;
}

static int read_annotations(struct reader *r, const struct json *j, void *to)
{
	struct cdi_annotations *list = to;
	int result = expect(r, j, JSON_OBJECT);

	if (result < 0)
		return result;
	json_each (member, j) {
		struct cdi_annotation annotation = {.key = arena_str(r->a, member->key)};

		result = read_string(r, member, &annotation.value);
		if (result < 0)
			return result;
		arena_push(r->a, list, annotation);
	}
	return 0;
}

/* A function that reads a list of structs by their table of fields and checks each. */
#define LIST_READER(function, list_type, item_type, fields, check)                                 \
	static int function(struct reader *r, const struct json *j, void *to)                      \
	{                                                                                          \
		struct list_type *list = to;                                                       \
		int result = expect(r, j, JSON_ARRAY);                                             \
                                                                                                   \
		if (result < 0)                                                                    \
			return result;                                                             \
		json_each (child, j) {                                                             \
			struct item_type item = {0};                                               \
                                                                                                   \
			result = read_fields(r, child, fields, COUNT_OF(fields), &item);           \
			if (result < 0)                                                            \
				return result;                                                     \
			result = checked(r, child, check(&item, r->e));                            \
			if (result < 0)                                                            \
				return result;                                                     \
			arena_push(r->a, list, item);                                              \
		}                                                                                  \
		return 0;                                                                          \
	}

static const struct field node_fields[] = {
	FIELD(cdi_node, path, "path", read_string),
	FIELD(cdi_node, host_path, "hostPath", read_string),
	FIELD(cdi_node, type, "type", read_string),
	FIELD(cdi_node, major, "major", read_i64),
	FIELD(cdi_node, minor, "minor", read_i64),
	FLAGGED(cdi_node, file_mode, "fileMode", read_u32),
	FIELD(cdi_node, permissions, "permissions", read_string),
	FLAGGED(cdi_node, uid, "uid", read_u32),
	FLAGGED(cdi_node, gid, "gid", read_u32),
};
LIST_READER(read_nodes, cdi_nodes, cdi_node, node_fields, cdi_check_node)

static const struct field mount_fields[] = {
	FIELD(cdi_mount, host_path, "hostPath", read_string),
	FIELD(cdi_mount, container_path, "containerPath", read_string),
	FIELD(cdi_mount, options, "options", read_strings),
	FIELD(cdi_mount, type, "type", read_string),
};
LIST_READER(read_mounts, cdi_mounts, cdi_mount, mount_fields, cdi_check_mount)

static const struct field hook_fields[] = {
	FIELD(cdi_hook, name, "hookName", read_string), FIELD(cdi_hook, path, "path", read_string),
	FIELD(cdi_hook, args, "args", read_strings),	FIELD(cdi_hook, env, "env", read_strings),
	FIELD(cdi_hook, timeout, "timeout", read_i64),
};
LIST_READER(read_hooks, cdi_hooks, cdi_hook, hook_fields, cdi_check_hook)

static int check_nothing(const struct cdi_net_device *d, struct err *e)
{
	(void)d;
	(void)e;
	return 0;
}

static const struct field net_device_fields[] = {
	FIELD(cdi_net_device, host_name, "hostInterfaceName", read_string),
	FIELD(cdi_net_device, name, "name", read_string),
};
LIST_READER(read_net_device_list, cdi_net_devices, cdi_net_device, net_device_fields, check_nothing)

static int read_net_devices(struct reader *r, const struct json *j, void *to)
{
	int result = read_net_device_list(r, j, to);

	return result < 0 ? result : checked(r, j, cdi_check_net_devices(to, r->e));
}

/* Only looked through: it goes into config.json as it is. */
struct rdt {
	const char *id, *l3, *bandwidth;
	struct strv schemata;
	bool monitoring;
};

static int read_bool(struct reader *r, const struct json *j, void *to)
{
	if (!json_is(j, JSON_BOOL))
		return fail(r, j, "%s must be true or false", shown_name(r, j));
	*(bool *)to = j->boolean;
	return 0;
}

static const struct field rdt_fields[] = {
	FIELD(rdt, id, "closID", read_string),
	FIELD(rdt, l3, "l3CacheSchema", read_string),
	FIELD(rdt, bandwidth, "memBwSchema", read_string),
	FIELD(rdt, schemata, "schemata", read_strings),
	FIELD(rdt, monitoring, "enableMonitoring", read_bool),
};

static int read_rdt(struct reader *r, const struct json *j, void *to)
{
	struct rdt looked_at = {0};
	int result = read_fields(r, j, rdt_fields, COUNT_OF(rdt_fields), &looked_at);

	if (result == 0)
		result = checked(r, j, cdi_check_rdt(j, r->e));
	if (result == 0)
		*(const struct json **)to = json_copy(r->a, j);
	return result;
}

static const struct field edits_fields[] = {
	FIELD(cdi_edits, env, "env", read_env),
	FIELD(cdi_edits, nodes, "deviceNodes", read_nodes),
	FIELD(cdi_edits, net_devices, "netDevices", read_net_devices),
	FIELD(cdi_edits, mounts, "mounts", read_mounts),
	FIELD(cdi_edits, hooks, "hooks", read_hooks),
	FIELD(cdi_edits, intel_rdt, "intelRdt", read_rdt),
	FIELD(cdi_edits, gids, "additionalGids", read_gids),
};

static int read_edits(struct reader *r, const struct json *j, void *to)
{
	return read_fields(r, j, edits_fields, COUNT_OF(edits_fields), to);
}

static const struct field device_fields[] = {
	FIELD(cdi_device, name, "name", read_string),
	FIELD(cdi_device, annotations, "annotations", read_annotations),
	FIELD(cdi_device, edits, "containerEdits", read_edits),
};
LIST_READER(read_devices, cdi_devices, cdi_device, device_fields, cdi_check_device)

static const struct field spec_fields[] = {
	FIELD(cdi_spec, version, "cdiVersion", read_string),
	FIELD(cdi_spec, kind, "kind", read_string),
	FIELD(cdi_spec, annotations, "annotations", read_annotations),
	FIELD(cdi_spec, devices, "devices", read_devices),
	FIELD(cdi_spec, edits, "containerEdits", read_edits),
};

/* Where to point for something about a field: the field, or the document when it is absent. */
static const struct json *place(const struct json *doc, const char *field)
{
	const struct json *j = json_field(doc, field);

	return j ? j : doc;
}

static int check_whole(struct reader *r, const struct json *doc, const struct cdi_spec *s)
{
	const struct cdi_device *twice;
	const struct json *at = place(doc, "devices");
	int result = checked(r, place(doc, "cdiVersion"), cdi_check_version(s, true, r->e));

	if (result == 0)
		result = checked(r, place(doc, "kind"), cdi_check_kind(s->kind, r->e));
	if (result < 0)
		return result;
	if (s->devices.n == 0)
		return fail(r, at, "there is no device");
	twice = cdi_find_duplicate(s);
	if (!twice)
		return 0;
	at = at->first;
	for (size_t i = 0; &s->devices.v[i] != twice; i++)
		at = at->next;
	return fail(r, at, "device \"%s\" is defined twice", twice->name);
}

int cdi_spec_read(struct arena *a, const struct json *doc, const char *name, struct cdi_spec *ret,
		  struct err *e)
{
	struct err unwanted;
	struct reader r = {a, name, e ? e : &unwanted};
	struct cdi_spec s = {.path = arena_strdup(a, name)};
	int result = read_fields(&r, doc, spec_fields, COUNT_OF(spec_fields), &s);

	if (result == 0)
		result = check_whole(&r, doc, &s);
	if (result < 0)
		return result;
	*ret = s;
	return 0;
}
