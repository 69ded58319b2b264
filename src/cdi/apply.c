/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/apply.h"

#include <errno.h>

#include "os/devnode.h"

/* A node as it will stand in the document. */
struct device {
	const char *path;
	char type[2];
	int64_t major, minor;
	uint32_t mode, uid, gid;
	bool has_mode, has_uid, has_gid;
	const char *access; /* letters for the cgroup rule; NULL: none */
};
struct devices VEC(struct device);

struct place {
	const char *path[3]; /* names from the root */
	enum json_type type;
};

static const struct place places[] = {
	{{"process"}, JSON_OBJECT},
	{{"process", "env"}, JSON_ARRAY},
	{{"process", "user"}, JSON_OBJECT},
	{{"process", "user", "additionalGids"}, JSON_ARRAY},
	{{"linux"}, JSON_OBJECT},
	{{"linux", "devices"}, JSON_ARRAY},
	{{"linux", "netDevices"}, JSON_OBJECT},
	{{"linux", "resources"}, JSON_OBJECT},
	{{"linux", "resources", "devices"}, JSON_ARRAY},
	{{"mounts"}, JSON_ARRAY},
	{{"hooks"}, JSON_OBJECT},
	{{"hooks", "prestart"}, JSON_ARRAY},
	{{"hooks", "createRuntime"}, JSON_ARRAY},
	{{"hooks", "createContainer"}, JSON_ARRAY},
	{{"hooks", "startContainer"}, JSON_ARRAY},
	{{"hooks", "poststart"}, JSON_ARRAY},
	{{"hooks", "poststop"}, JSON_ARRAY},
};

static struct json *find(const struct oci_spec *s, const char *const path[3])
{
	struct json *j = s->root;

	for (size_t i = 0; i < 3 && path[i] && j; i++)
		j = json_field(j, path[i]);
	return j;
}

/* Every part that an edit may go into is absent, null or of its type. */
static int check_places(const struct oci_spec *s, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(places); i++) {
		const struct place *p = &places[i];
		const struct json *j = find(s, p->path);

		if (!j || j->type == JSON_NULL || j->type == p->type)
			continue;
		return err_set(e, EBADMSG, "%s:%u:%u: %s%s%s%s%s is not %s", s->path, j->line,
			       j->column, p->path[0], p->path[1] ? "." : "",
			       p->path[1] ? p->path[1] : "", p->path[2] ? "." : "",
			       p->path[2] ? p->path[2] : "",
			       p->type == JSON_ARRAY ? "a list" : "an object");
	}
	return 0;
}

/* The container or member that an edit goes into, made where it is missing; see check_places(). */
static struct json *need(const struct oci_spec *s, const char *a, const char *b, const char *c,
			 enum json_type type)
{
	const char *const path[] = {a, b, c};
	struct json *j = s->root;

	for (size_t i = 0; i < COUNT_OF(path) && path[i]; i++) {
		bool last = i + 1 == COUNT_OF(path) || !path[i + 1];

		j = json_need(s->arena, j, path[i], last ? type : JSON_OBJECT);
	}
	return j;
}

/* An id of process.user that a node without one of its own gets; 0 is left out. */
static bool user_id(const struct oci_spec *s, const char *name, uint32_t *ret)
{
	const char *const path[] = {"process", "user", name};
	uint64_t id;

	if (json_u64(find(s, path), &id) < 0 || id == 0 || id > UINT32_MAX)
		return false;
	*ret = (uint32_t)id;
	return true;
}

/* Whether the edit says by itself which device it is. */
static bool is_specified(const struct cdi_node *n)
{
	return n->type && *n->type && (n->major != 0 || strcmp(n->type, "p") == 0);
}

/* "u" is a character device by another name (mknod(1)). */
static char type_of(const struct cdi_node *n)
{
	char type = n->type ? n->type[0] : '\0';

	return type == 'u' ? 'c' : type;
}

/* Fills what the edit leaves open from the host's node, as it is now. */
static int look_at_host(const struct cdi_node *n, struct device *d, struct err *e)
{
	const char *host = n->host_path && *n->host_path ? n->host_path : n->path;
	struct devnode found;
	struct err why;
	int r = devnode_stat(host, &found, &why);

	if (r < 0)
		return is_specified(n) ? 0 : err_set(e, -r, "%s", why.text);
	if (!d->has_mode) {
		d->mode = found.mode;
		d->has_mode = true;
	}
	if (is_specified(n))
		return 0;
	if (d->type[0] == '\0')
		d->type[0] = found.type;
	else if (d->type[0] != found.type)
		return err_set(e, EINVAL, "%s is of type %c, not %s", host, found.type, d->type);
	if (d->major == 0 && found.type != 'p') {
		d->major = found.major;
		d->minor = found.minor;
	}
	return 0;
}

static int plan_device(const struct oci_spec *s, const struct cdi_node *n, struct devices *list,
		       struct err *e)
{
	struct device d = {
		.path = n->path,
		.type = {type_of(n)},
		.major = n->major,
		.minor = n->minor,
		.mode = n->file_mode,
		.has_mode = n->has_file_mode,
		.uid = n->uid,
		.has_uid = n->has_uid,
		.gid = n->gid,
		.has_gid = n->has_gid,
	};
	int r = look_at_host(n, &d, e);

	if (r < 0)
		return err_in(e, r, "CDI device node %s", n->path);
	d.has_uid = d.has_uid || user_id(s, "uid", &d.uid);
	d.has_gid = d.has_gid || user_id(s, "gid", &d.gid);
	d.access = n->permissions && *n->permissions ? n->permissions : "rwm";
	if (strcmp(d.access, "none") == 0 || d.type[0] == 'p')
		d.access = NULL;
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].path, d.path) != 0)
			continue;
		list->v[i] = d;
		return 0;
	}
	arena_push(s->arena, list, d);
	return 0;
}

static void set_number(const struct oci_spec *s, struct json *object, const char *name,
		       int64_t value)
{
	json_set(s->arena, object, name, json_new_i64(s->arena, value));
}

static void set_string(const struct oci_spec *s, struct json *object, const char *name,
		       const char *text)
{
	json_set(s->arena, object, name, json_new_str(s->arena, str_of(text)));
}

static void set_strings(const struct oci_spec *s, struct json *object, const char *name,
			const struct strv *list)
{
	struct json *array = json_new(s->arena, JSON_ARRAY);

	for (size_t i = 0; i < list->n; i++)
		json_append(array, json_new_str(s->arena, str_of(list->v[i])));
	if (list->n > 0)
		json_set(s->arena, object, name, array);
}

/* The first entry of a list of objects whose member is that text. */
static struct json *find_entry(const struct json *list, const char *name, const char *text)
{
	json_each (entry, list)
		if (str_is(json_str(json_field(entry, name)), text))
			return entry;
	return NULL;
}

/*
 * What was in the document before the first edit: 224 nodes of MIG devices are
 * compared with that, not each with all that were added before it.
 */
struct before {
	size_t devices, rules;
};

static struct json *find_device(const struct json *list, size_t n, const char *path)
{
	struct json *entry = list->first;

	for (; n > 0; n--, entry = entry->next)
		if (str_is(json_str(json_field(entry, "path")), path))
			return entry;
	return NULL;
}

static void add_device(const struct oci_spec *s, const struct device *d, size_t before)
{
	struct json *list = need(s, "linux", "devices", NULL, JSON_ARRAY);
	struct json *old = find_device(list, before, d->path);
	struct json *j = json_new(s->arena, JSON_OBJECT);

	set_string(s, j, "path", d->path);
	set_string(s, j, "type", d->type);
	if (d->type[0] != 'p') {
		set_number(s, j, "major", d->major);
		set_number(s, j, "minor", d->minor);
	}
	if (d->has_mode)
		set_number(s, j, "fileMode", d->mode);
	if (d->has_uid)
		set_number(s, j, "uid", d->uid);
	if (d->has_gid)
		set_number(s, j, "gid", d->gid);
	if (!old)
		json_append(list, j);
	else if (!json_equal(old, j))
		json_replace(old, j);
}

static bool is_number(const struct json *rule, const char *name, int64_t value)
{
	int64_t found;

	return json_i64(json_field(rule, name), &found) == 0 && found == value;
}

/* Whether the rules that are there allow the device already: a later one that denies undoes them.
 */
static bool has_rule(const struct json *rules, size_t n, const struct device *d)
{
	const struct json *rule = rules->first;
	bool has = false;

	for (; n > 0; n--, rule = rule->next) {
		struct str access = json_str(json_field(rule, "access"));
		bool covers = true;

		if (!json_bool(json_field(rule, "allow"), false)) {
			has = false;
			continue;
		}
		for (const char *letter = d->access; *letter; letter++)
			covers = covers && str_find(access, *letter) < access.n;
		has = has ||
		      (covers && str_is(json_str(json_field(rule, "type")), d->type) &&
		       is_number(rule, "major", d->major) && is_number(rule, "minor", d->minor));
	}
	return has;
}

/* Whether one of the first n devices, which is at another path, gets the same rule. */
static bool is_repeated(const struct devices *devices, size_t n, const struct device *d)
{
	for (size_t i = 0; i < n; i++) {
		const struct device *x = &devices->v[i];

		if (x->access && x->major == d->major && x->minor == d->minor &&
		    x->type[0] == d->type[0] && strcmp(x->access, d->access) == 0)
			return true;
	}
	return false;
}

static void add_rule(const struct oci_spec *s, const struct device *d, size_t before)
{
	struct json *rules = need(s, "linux", "resources", "devices", JSON_ARRAY);
	struct json *j;

	if (has_rule(rules, before, d))
		return;
	j = json_new(s->arena, JSON_OBJECT);
	json_set(s->arena, j, "allow", json_new_bool(s->arena, true));
	set_string(s, j, "type", d->type);
	set_number(s, j, "major", d->major);
	set_number(s, j, "minor", d->minor);
	set_string(s, j, "access", d->access);
	json_append(rules, j);
}

static size_t count_of(const struct oci_spec *s, const struct place *p)
{
	const struct json *j = find(s, p->path);

	return j ? j->count : 0;
}

static void add_devices(const struct oci_spec *s, const struct devices *devices)
{
	static const struct place nodes = {{"linux", "devices"}, JSON_ARRAY};
	static const struct place rules = {{"linux", "resources", "devices"}, JSON_ARRAY};
	struct before before = {count_of(s, &nodes), count_of(s, &rules)};

	for (size_t i = 0; i < devices->n; i++) {
		const struct device *d = &devices->v[i];

		add_device(s, d, before.devices);
		if (d->access && !is_repeated(devices, i, d))
			add_rule(s, d, before.rules);
	}
}

static void add_env(struct oci_spec *s, const char *env)
{
	struct str rest = str_of(env), name;

	(void)str_split(&rest, '=', &name);
	oci_spec_set_env(s, arena_str(s->arena, name), rest.p ? rest : STR(""));
}

static void add_net_device(const struct oci_spec *s, const struct cdi_net_device *d)
{
	struct json *list = need(s, "linux", "netDevices", NULL, JSON_OBJECT);
	struct json *j = json_new(s->arena, JSON_OBJECT), *old = json_get(list, d->host_name);

	set_string(s, j, "name", d->name);
	if (!old || !json_equal(old, j))
		json_set(s->arena, list, d->host_name, j);
}

/* Every earlier mount on its place goes: one that stayed would hide it, or be hidden. 1 when it was
 * not there. */
static int add_mount(const struct oci_spec *s, const struct cdi_mount *m)
{
	struct json *list = need(s, "mounts", NULL, NULL, JSON_ARRAY);
	struct json *old = find_entry(list, "destination", m->container_path);
	struct json *j = json_new(s->arena, JSON_OBJECT);

	set_string(s, j, "destination", m->container_path);
	if (m->type && *m->type)
		set_string(s, j, "type", m->type);
	set_string(s, j, "source", m->host_path);
	set_strings(s, j, "options", &m->options);
	if (old && json_equal(old, j))
		return 0;
	for (; old; old = find_entry(list, "destination", m->container_path))
		json_remove(old);
	json_append(list, j);
	return 1;
}

/* How many names the destination has once it is clean. */
static size_t depth_of(const struct json *mount)
{
	struct str rest = json_str(json_field(mount, "destination")), part;
	size_t depth = 0;

	while (str_split(&rest, '/', &part)) {
		if (str_is(part, ".."))
			depth -= depth > 0;
		else if (part.n > 0 && !str_is(part, "."))
			depth++;
	}
	return depth;
}

static bool is_shallower(const struct json *x, const struct json *y)
{
	return depth_of(x) < depth_of(y);
}

/* A mount must come after those that it lies in. */
static void add_mounts(const struct oci_spec *s, const struct cdi_mounts *list)
{
	int added = 0;

	for (size_t i = 0; i < list->n; i++)
		added |= add_mount(s, &list->v[i]);
	if (added)
		json_sort(need(s, "mounts", NULL, NULL, JSON_ARRAY), is_shallower);
}

static void add_hook(const struct oci_spec *s, const struct cdi_hook *h)
{
	struct json *j = json_new(s->arena, JSON_OBJECT);

	set_string(s, j, "path", h->path);
	set_strings(s, j, "args", &h->args);
	set_strings(s, j, "env", &h->env);
	if (h->timeout != 0)
		set_number(s, j, "timeout", h->timeout);
	json_append(need(s, "hooks", h->name, NULL, JSON_ARRAY), j);
}

static void set_rdt(const struct oci_spec *s, const struct json *rdt)
{
	struct json *parent = need(s, "linux", NULL, NULL, JSON_OBJECT);
	struct json *old = json_field(parent, "intelRdt");

	if (!old || !json_equal(old, rdt))
		json_set(s->arena, parent, "intelRdt", json_copy(s->arena, rdt));
}

/* Group 0 is what a container has anyway, and would be a right that nobody meant to give. */
static void add_gid(const struct oci_spec *s, uint32_t gid)
{
	struct json *list;
	uint64_t id;

	if (gid == 0)
		return;
	list = need(s, "process", "user", "additionalGids", JSON_ARRAY);
	json_each (entry, list)
		if (json_u64(entry, &id) == 0 && id == gid)
			return;
	json_append(list, json_new_i64(s->arena, gid));
}

static int plan(const struct oci_spec *s, const struct cdi_edits *edits, struct devices *ret,
		struct err *e)
{
	int r = check_places(s, e);

	for (size_t i = 0; i < edits->nodes.n && r == 0; i++)
		r = plan_device(s, &edits->nodes.v[i], ret, e);
	return r;
}

int cdi_apply(struct oci_spec *spec, const struct cdi_edits *edits, struct err *e)
{
	struct devices devices = {0};
	int r = plan(spec, edits, &devices, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < edits->env.n; i++)
		add_env(spec, edits->env.v[i]);
	add_devices(spec, &devices);
	for (size_t i = 0; i < edits->net_devices.n; i++)
		add_net_device(spec, &edits->net_devices.v[i]);
	add_mounts(spec, &edits->mounts);
	for (size_t i = 0; i < edits->hooks.n; i++)
		add_hook(spec, &edits->hooks.v[i]);
	if (edits->intel_rdt)
		set_rdt(spec, edits->intel_rdt);
	for (size_t i = 0; i < edits->gids.n; i++)
		add_gid(spec, edits->gids.v[i]);
	return 0;
}
