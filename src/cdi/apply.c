/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/apply.h"

#include <errno.h>

#include "base/path.h"
#include "base/str.h"
#include "os/devnode.h"

/* A node with what the host says filled in. */
struct node {
	const struct cdi_node *edit;
	struct devnode host;
};
struct nodes VEC(struct node);

struct apply {
	struct arena *arena;
	struct oci_spec *spec;
	const struct cdi_edits *edits;
	struct nodes nodes;
};

/*
 * Computing: everything that can fail.
 */

static int check_type(const struct apply *ap, const struct json *object, const char *key,
		      enum json_type type, struct err *e)
{
	const struct json *j = json_field(object, key);

	if (!j || j->type == JSON_NULL || j->type == type)
		return 0;
	return err_set(e, EINVAL, "%s:%u:%u: %s is not %s", ap->spec->path, j->line, j->column, key,
		       type == JSON_ARRAY ? "a list" : "an object");
}

/* oci_spec_load() has looked at what is above these. */
static int check_spec(const struct apply *ap, struct err *e)
{
	const struct json *root = ap->spec->root, *linux_ = json_field(root, "linux");
	const struct json *process = json_field(root, "process");
	int r = check_type(ap, process, "user", JSON_OBJECT, e);

	if (r == 0)
		r = check_type(ap, json_field(process, "user"), "additionalGids", JSON_ARRAY, e);
	if (r == 0)
		r = check_type(ap, linux_, "devices", JSON_ARRAY, e);
	if (r == 0)
		r = check_type(ap, linux_, "netDevices", JSON_OBJECT, e);
	if (r == 0)
		r = check_type(ap, linux_, "resources", JSON_OBJECT, e);
	if (r == 0)
		r = check_type(ap, json_field(linux_, "resources"), "devices", JSON_ARRAY, e);
	for (size_t i = 0; r == 0 && i < ap->edits->hooks.n; i++)
		r = check_type(ap, json_field(root, "hooks"), ap->edits->hooks.v[i].name,
			       JSON_ARRAY, e);
	return r;
}

/* "u" is a character device by another name (mknod). */
static char type_of(const struct cdi_node *node)
{
	if (!node->type || node->type[0] == '\0')
		return '\0';
	return node->type[0] == 'u' ? 'c' : node->type[0];
}

/* Whether the edit says all that a node is made from. */
static bool is_complete(const struct cdi_node *node)
{
	return type_of(node) == 'p' || (type_of(node) && node->major != 0);
}

static int fill_node(const struct cdi_node *edit, struct node *ret, struct err *e)
{
	const char *path = edit->host_path ? edit->host_path : edit->path;
	char type = type_of(edit);
	struct node node = {.edit = edit};
	struct err why;
	int r = devnode_stat(path, &node.host, &why);

	if (r < 0 && !is_complete(edit))
		return err_set(e, -r, "device node %s: %s", edit->path, why.text);
	if (r == 0 && type && node.host.type != type && !is_complete(edit))
		return err_set(e, EINVAL,
			       "device node %s is to be of type %c, but %s is of type %c",
			       edit->path, type, path, node.host.type);
	if (type)
		node.host.type = type;
	if (edit->major != 0) {
		node.host.major = (uint32_t)edit->major;
		node.host.minor = (uint32_t)edit->minor;
	}
	if (edit->has_file_mode)
		node.host.mode = edit->file_mode;
	*ret = node;
	return 0;
}

static int fill_nodes(struct apply *ap, struct err *e)
{
	for (size_t i = 0; i < ap->edits->nodes.n; i++) {
		struct node node;
		int r = fill_node(&ap->edits->nodes.v[i], &node, e);

		if (r < 0)
			return r;
		arena_push(ap->arena, &ap->nodes, node);
	}
	return 0;
}

/*
 * Changing: nothing here fails.
 */

static struct json *need(struct apply *ap, struct json *object, const char *key,
			 enum json_type type)
{
	return json_need(ap->arena, object, key, type);
}

static void set_str(struct apply *ap, struct json *object, const char *key, const char *text)
{
	json_set(ap->arena, object, key, json_new_str(ap->arena, str_of(text)));
}

static void set_number(struct apply *ap, struct json *object, const char *key, int64_t value)
{
	json_set(ap->arena, object, key, json_new_i64(ap->arena, value));
}

static void set_strings(struct apply *ap, struct json *object, const char *key,
			const struct strv *list)
{
	struct json *array = json_new(ap->arena, JSON_ARRAY);

	if (list->n == 0)
		return;
	for (size_t i = 0; i < list->n; i++)
		json_append(array, json_new_str(ap->arena, str_of(list->v[i])));
	json_set(ap->arena, object, key, array);
}

static void apply_env(struct apply *ap)
{
	for (size_t i = 0; i < ap->edits->env.n; i++) {
		struct str entry = str_of(ap->edits->env.v[i]);
		size_t end = str_find(entry, '=');

		oci_spec_set_env(ap->spec, arena_str(ap->arena, str_sub(entry, 0, end)),
				 str_sub(entry, end + 1, entry.n));
	}
}

/* Removes the elements whose member has this text. */
static void remove_equal(struct json *array, const char *member, const char *text)
{
	for (struct json *j = array->first, *next; j; j = next) {
		next = j->next;
		if (str_is(json_str(json_field(j, member)), text))
			json_remove(j);
	}
}

/* The id of process.user, when it is not root's: a node belongs to who will open it. */
static bool process_id(const struct apply *ap, const char *member, uint64_t *ret)
{
	const struct json *user = json_field(json_field(ap->spec->root, "process"), "user");

	return json_u64(json_field(user, member), ret) == 0 && *ret > 0;
}

static void add_device(struct apply *ap, struct json *devices, const struct node *node)
{
	struct json *d = json_new(ap->arena, JSON_OBJECT);
	const struct cdi_node *edit = node->edit;
	const char type[] = {node->host.type, '\0'};
	uint64_t id;

	set_str(ap, d, "path", edit->path);
	set_str(ap, d, "type", type);
	if (node->host.type != 'p') {
		set_number(ap, d, "major", node->host.major);
		set_number(ap, d, "minor", node->host.minor);
	}
	if (edit->has_file_mode || node->host.mode != 0)
		set_number(ap, d, "fileMode", node->host.mode);
	if (edit->has_uid)
		set_number(ap, d, "uid", edit->uid);
	else if (process_id(ap, "uid", &id))
		set_number(ap, d, "uid", (int64_t)id);
	if (edit->has_gid)
		set_number(ap, d, "gid", edit->gid);
	else if (process_id(ap, "gid", &id))
		set_number(ap, d, "gid", (int64_t)id);

	remove_equal(devices, "path", edit->path);
	json_append(devices, d);
}

/*
 * Rules are read from first to last, so an equal one counts only when no rule
 * behind it takes something away again.
 */
static bool has_rule(const struct json *rules, const struct json *rule)
{
	bool found = false;

	json_each(r, rules)
	{
		if (!json_bool(json_field(r, "allow"), false))
			found = false;
		else if (json_equal(r, rule))
			found = true;
	}
	return found;
}

static void add_rule(struct apply *ap, struct json *rules, const struct node *node)
{
	const char *access = node->edit->permissions;
	const char type[] = {node->host.type, '\0'};
	struct json *rule = json_new(ap->arena, JSON_OBJECT);

	json_set(ap->arena, rule, "allow", json_new_bool(ap->arena, true));
	set_str(ap, rule, "type", type);
	set_number(ap, rule, "major", node->host.major);
	set_number(ap, rule, "minor", node->host.minor);
	set_str(ap, rule, "access", access && access[0] != '\0' ? access : "rwm");
	if (!has_rule(rules, rule))
		json_append(rules, rule);
}

static struct json *need_linux(struct apply *ap)
{
	return need(ap, ap->spec->root, "linux", JSON_OBJECT);
}

static void apply_nodes(struct apply *ap)
{
	struct json *devices, *rules = NULL;

	if (ap->nodes.n == 0)
		return;
	devices = need(ap, need_linux(ap), "devices", JSON_ARRAY);
	for (size_t i = 0; i < ap->nodes.n; i++) {
		const struct node *node = &ap->nodes.v[i];

		add_device(ap, devices, node);
		if (node->host.type == 'p')
			continue;
		if (!rules)
			rules = need(ap, need(ap, need_linux(ap), "resources", JSON_OBJECT),
				     "devices", JSON_ARRAY);
		add_rule(ap, rules, node);
	}
}

static void apply_net_devices(struct apply *ap)
{
	for (size_t i = 0; i < ap->edits->net_devices.n; i++) {
		const struct cdi_net_device *edit = &ap->edits->net_devices.v[i];
		struct json *device = json_new(ap->arena, JSON_OBJECT);

		set_str(ap, device, "name", edit->name);
		json_set(ap->arena, need(ap, need_linux(ap), "netDevices", JSON_OBJECT),
			 edit->host_name, device);
	}
}

/*
 * How many names the destination has, so that nothing is mounted over what lies
 * below it. Doubled slashes do not count; dots are left to the runtime.
 */
static size_t depth_of(const struct json *mount)
{
	struct str rest = json_str(json_field(mount, "destination")), name;
	size_t depth = 0;

	while (rest.p && str_split(&rest, '/', &name))
		depth += name.n > 0;
	return depth;
}

static bool is_higher(const struct json *x, const struct json *y)
{
	return depth_of(x) < depth_of(y);
}

static void apply_mounts(struct apply *ap)
{
	struct json *mounts;

	if (ap->edits->mounts.n == 0)
		return;
	mounts = need(ap, ap->spec->root, "mounts", JSON_ARRAY);
	for (size_t i = 0; i < ap->edits->mounts.n; i++) {
		const struct cdi_mount *edit = &ap->edits->mounts.v[i];
		struct json *mount = json_new(ap->arena, JSON_OBJECT);

		set_str(ap, mount, "destination", edit->container_path);
		if (edit->type && edit->type[0] != '\0')
			set_str(ap, mount, "type", edit->type);
		set_str(ap, mount, "source", edit->host_path);
		set_strings(ap, mount, "options", &edit->options);
		remove_equal(mounts, "destination", edit->container_path);
		json_append(mounts, mount);
	}
	json_sort(mounts, is_higher);
}

static void apply_hooks(struct apply *ap)
{
	for (size_t i = 0; i < ap->edits->hooks.n; i++) {
		const struct cdi_hook *edit = &ap->edits->hooks.v[i];
		struct json *stages = need(ap, ap->spec->root, "hooks", JSON_OBJECT);
		struct json *hook = json_new(ap->arena, JSON_OBJECT);

		set_str(ap, hook, "path", edit->path);
		set_strings(ap, hook, "args", &edit->args);
		set_strings(ap, hook, "env", &edit->env);
		if (edit->timeout > 0)
			set_number(ap, hook, "timeout", edit->timeout);
		json_append(need(ap, stages, edit->name, JSON_ARRAY), hook);
	}
}

static bool has_number(const struct json *array, uint32_t value)
{
	json_each(j, array)
	{
		uint64_t n;

		if (json_u64(j, &n) == 0 && n == value)
			return true;
	}
	return false;
}

static void apply_gids(struct apply *ap)
{
	struct json *gids = NULL;

	for (size_t i = 0; i < ap->edits->gids.n; i++) {
		uint32_t gid = ap->edits->gids.v[i];
		struct json *process = need(ap, ap->spec->root, "process", JSON_OBJECT);

		if (gid == 0)
			continue;
		if (!gids)
			gids = need(ap, need(ap, process, "user", JSON_OBJECT), "additionalGids",
				    JSON_ARRAY);
		if (!has_number(gids, gid))
			json_append(gids, json_new_i64(ap->arena, gid));
	}
}

int cdi_apply(struct oci_spec *spec, const struct cdi_edits *edits, struct err *e)
{
	struct apply ap = {.arena = spec->arena, .spec = spec, .edits = edits};
	int r = check_spec(&ap, e);

	if (r == 0)
		r = fill_nodes(&ap, e);
	if (r < 0 || cdi_edits_empty(edits))
		return r;

	apply_env(&ap);
	apply_nodes(&ap);
	apply_net_devices(&ap);
	apply_mounts(&ap);
	apply_hooks(&ap);
	if (edits->intel_rdt)
		json_set(ap.arena, need_linux(&ap), "intelRdt",
			 json_copy(ap.arena, edits->intel_rdt));
	apply_gids(&ap);
	return 0;
}
