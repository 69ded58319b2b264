/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/model.h"

bool cdi_edits_empty(const struct cdi_edits *e)
{
	return e->env.n + e->nodes.n + e->net_devices.n + e->mounts.n + e->hooks.n + e->gids.n ==
		       0 &&
	       !e->intel_rdt;
}

#define ADD_ALL(a, list, more)                                                                     \
	do {                                                                                       \
		for (size_t i_ = 0; i_ < (more)->n; i_++)                                          \
			arena_push((a), (list), (more)->v[i_]);                                    \
	} while (0)

void cdi_edits_add(struct arena *a, struct cdi_edits *e, const struct cdi_edits *more)
{
	ADD_ALL(a, &e->env, &more->env);
	ADD_ALL(a, &e->nodes, &more->nodes);
	ADD_ALL(a, &e->net_devices, &more->net_devices);
	ADD_ALL(a, &e->mounts, &more->mounts);
	ADD_ALL(a, &e->hooks, &more->hooks);
	ADD_ALL(a, &e->gids, &more->gids);
	if (more->intel_rdt)
		e->intel_rdt = more->intel_rdt;
}

/* Writers: what is empty is left out. */

static void set_string(struct arena *a, struct json *object, const char *name, const char *text)
{
	if (text && *text)
		json_set(a, object, name, json_new_str(a, str_of(text)));
}

static void set_number(struct arena *a, struct json *object, const char *name, int64_t value)
{
	if (value != 0)
		json_set(a, object, name, json_new_i64(a, value));
}

static void set_strings(struct arena *a, struct json *object, const char *name,
			const struct strv *list)
{
	struct json *array = json_new(a, JSON_ARRAY);

	for (size_t i = 0; i < list->n; i++)
		json_append(array, json_new_str(a, str_of(list->v[i])));
	if (list->n > 0)
		json_set(a, object, name, array);
}

static void set_annotations(struct arena *a, struct json *object,
			    const struct cdi_annotations *list)
{
	struct json *map = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < list->n; i++) {
		struct json *value = json_new_str(a, str_of(list->v[i].value));

		/* Names of a map of the user's: json_set() would take a and A for one. */
		value->key = str_of(arena_strdup(a, list->v[i].key));
		json_append(map, value);
	}
	if (list->n > 0)
		json_set(a, object, "annotations", map);
}

static struct json *write_node(struct arena *a, const struct cdi_node *n)
{
	struct json *j = json_new(a, JSON_OBJECT);
	bool elsewhere = n->host_path && strcmp(n->host_path, n->path) != 0;

	set_string(a, j, "path", n->path);
	set_string(a, j, "hostPath", elsewhere ? n->host_path : NULL);
	set_string(a, j, "type", n->type);
	set_number(a, j, "major", n->major);
	set_number(a, j, "minor", n->minor);
	if (n->has_file_mode)
		json_set(a, j, "fileMode", json_new_i64(a, n->file_mode));
	set_string(a, j, "permissions", n->permissions);
	if (n->has_uid)
		json_set(a, j, "uid", json_new_i64(a, n->uid));
	if (n->has_gid)
		json_set(a, j, "gid", json_new_i64(a, n->gid));
	return j;
}

static struct json *write_net_device(struct arena *a, const struct cdi_net_device *d)
{
	struct json *j = json_new(a, JSON_OBJECT);

	set_string(a, j, "hostInterfaceName", d->host_name);
	set_string(a, j, "name", d->name);
	return j;
}

static struct json *write_hook(struct arena *a, const struct cdi_hook *h)
{
	struct json *j = json_new(a, JSON_OBJECT);

	set_string(a, j, "hookName", h->name);
	set_string(a, j, "path", h->path);
	set_strings(a, j, "args", &h->args);
	set_strings(a, j, "env", &h->env);
	set_number(a, j, "timeout", h->timeout);
	return j;
}

static struct json *write_mount(struct arena *a, const struct cdi_mount *m)
{
	struct json *j = json_new(a, JSON_OBJECT);

	set_string(a, j, "hostPath", m->host_path);
	set_string(a, j, "containerPath", m->container_path);
	set_strings(a, j, "options", &m->options);
	set_string(a, j, "type", m->type);
	return j;
}

#define SET_LIST(a, object, name, list, write)                                                     \
	do {                                                                                       \
		struct json *array_ = json_new((a), JSON_ARRAY);                                   \
                                                                                                   \
		for (size_t i_ = 0; i_ < (list)->n; i_++)                                          \
			json_append(array_, write((a), &(list)->v[i_]));                           \
		if ((list)->n > 0)                                                                 \
			json_set((a), (object), (name), array_);                                   \
	} while (0)

static struct json *write_gid(struct arena *a, const uint32_t *gid)
{
	return json_new_i64(a, *gid);
}

static struct json *write_edits(struct arena *a, const struct cdi_edits *e)
{
	struct json *j = json_new(a, JSON_OBJECT);

	set_strings(a, j, "env", &e->env);
	SET_LIST(a, j, "deviceNodes", &e->nodes, write_node);
	SET_LIST(a, j, "netDevices", &e->net_devices, write_net_device);
	SET_LIST(a, j, "hooks", &e->hooks, write_hook);
	SET_LIST(a, j, "mounts", &e->mounts, write_mount);
	if (e->intel_rdt)
		json_set(a, j, "intelRdt", json_copy(a, e->intel_rdt));
	SET_LIST(a, j, "additionalGids", &e->gids, write_gid);
	return j;
}

static struct json *write_device(struct arena *a, const struct cdi_device *d)
{
	struct json *j = json_new(a, JSON_OBJECT);

	set_string(a, j, "name", d->name);
	set_annotations(a, j, &d->annotations);
	json_set(a, j, "containerEdits", write_edits(a, &d->edits));
	return j;
}

struct json *cdi_spec_write(struct arena *a, const struct cdi_spec *s)
{
	struct json *j = json_new(a, JSON_OBJECT);

	set_string(a, j, "cdiVersion", s->version);
	set_string(a, j, "kind", s->kind);
	set_annotations(a, j, &s->annotations);
	SET_LIST(a, j, "devices", &s->devices, write_device);
	if (!cdi_edits_empty(&s->edits))
		json_set(a, j, "containerEdits", write_edits(a, &s->edits));
	return j;
}
