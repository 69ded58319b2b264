/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "cdi/check.h"

static bool is_one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(s, *words) == 0)
			return true;
	return false;
}

static bool is_empty(const char *s)
{
	return !s || *s == '\0';
}

int cdi_check_env(const char *env, struct err *e)
{
	const char *equals = strchr(env, '=');

	if (!equals || equals == env)
		return err_set(e, EINVAL, "environment variable \"%s\" is not NAME=value", env);
	return 0;
}

int cdi_check_node(const struct cdi_node *node, struct err *e)
{
	static const char *const types[] = {"b", "c", "u", "p", "", NULL};
	const char *permissions = node->permissions ? node->permissions : "";

	if (is_empty(node->path))
		return err_set(e, EINVAL, "a device node has no path");
	if (node->type && !is_one_of(node->type, types))
		return err_set(e, EINVAL, "device node %s: type \"%s\" is none of b, c, u and p",
			       node->path, node->type);
	if (strspn(permissions, "rwm") != strlen(permissions) && strcmp(permissions, "none") != 0)
		return err_set(e, EINVAL,
			       "device node %s: permissions \"%s\" are not letters of rwm",
			       node->path, permissions);
	if (node->major < 0 || node->major > UINT32_MAX || node->minor < 0 ||
	    node->minor > UINT32_MAX)
		return err_set(e, EINVAL, "device node %s: the device number is out of range",
			       node->path);
	return 0;
}

int cdi_check_mount(const struct cdi_mount *mount, struct err *e)
{
	if (is_empty(mount->host_path))
		return err_set(e, EINVAL, "the mount at %s has no hostPath",
			       is_empty(mount->container_path) ? "?" : mount->container_path);
	if (is_empty(mount->container_path))
		return err_set(e, EINVAL, "the mount of %s has no containerPath", mount->host_path);
	return 0;
}

int cdi_check_hook(const struct cdi_hook *hook, struct err *e)
{
	static const char *const names[] = {"prestart",
					    "createRuntime",
					    "createContainer",
					    "startContainer",
					    "poststart",
					    "poststop",
					    NULL};
	int r = 0;

	if (is_empty(hook->name) || !is_one_of(hook->name, names))
		return err_set(e, EINVAL, "\"%s\" is not the name of a hook (createContainer …)",
			       hook->name ? hook->name : "");
	if (is_empty(hook->path))
		return err_set(e, EINVAL, "a %s hook has no path", hook->name);
	for (size_t i = 0; i < hook->env.n && r == 0; i++)
		r = cdi_check_env(hook->env.v[i], e);
	return r;
}

int cdi_check_net_devices(const struct cdi_net_devices *list, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct cdi_net_device *d = &list->v[i];

		if (is_empty(d->host_name) || is_empty(d->name))
			return err_set(e, EINVAL,
				       "a net device needs both hostInterfaceName and name");
		for (size_t k = 0; k < i; k++) {
			if (strcmp(list->v[k].host_name, d->host_name) == 0)
				return err_set(e, EINVAL, "net device %s is given twice",
					       d->host_name);
			if (strcmp(list->v[k].name, d->name) == 0)
				return err_set(e, EINVAL, "two net devices are named %s", d->name);
		}
	}
	return 0;
}

int cdi_check_rdt(const struct json *rdt, struct err *e)
{
	struct str id = json_str(json_field(rdt, "closID"));

	if (id.n == 0 || str_is(id, "/"))
		return 0;
	if (id.n >= 4096 || str_is(id, ".") || str_is(id, "..") || str_find(id, '/') < id.n ||
	    str_find(id, '\n') < id.n)
		return err_set(e, EINVAL, "intelRdt: closID is not a directory name");
	return 0;
}

int cdi_check_kind(const char *kind, struct err *e)
{
	if (is_empty(kind))
		return err_set(e, EINVAL, "kind is missing (vendor/class)");
	if (!cdi_kind_is_valid(str_of(kind)))
		return err_set(e, EINVAL, "kind \"%s\" is not vendor/class", kind);
	return 0;
}

int cdi_check_device(const struct cdi_device *device, struct err *e)
{
	if (is_empty(device->name))
		return err_set(e, EINVAL, "a device has no name");
	if (!cdi_device_name_is_valid(str_of(device->name)))
		return err_set(
			e, EINVAL,
			"device name \"%s\" must begin and end with a letter or digit and have "
			"only those and _ - . : between",
			device->name);
	if (cdi_edits_empty(&device->edits))
		return err_set(e, EINVAL, "device \"%s\" has no containerEdits", device->name);
	return 0;
}

static int check_edits(const struct cdi_edits *edits, struct err *e)
{
	int r = cdi_check_net_devices(&edits->net_devices, e);

	for (size_t i = 0; i < edits->env.n && r == 0; i++)
		r = cdi_check_env(edits->env.v[i], e);
	for (size_t i = 0; i < edits->nodes.n && r == 0; i++)
		r = cdi_check_node(&edits->nodes.v[i], e);
	for (size_t i = 0; i < edits->mounts.n && r == 0; i++)
		r = cdi_check_mount(&edits->mounts.v[i], e);
	for (size_t i = 0; i < edits->hooks.n && r == 0; i++)
		r = cdi_check_hook(&edits->hooks.v[i], e);
	return r == 0 ? cdi_check_rdt(edits->intel_rdt, e) : r;
}

static int compare_names(const void *x, const void *y)
{
	const struct cdi_device *const *a = x, *const *b = y;
	int r = strcmp((*a)->name, (*b)->name);

	return r != 0 ? r : (*a > *b) - (*a < *b);
}

const struct cdi_device *cdi_find_duplicate(const struct cdi_spec *s)
{
	auto_free const struct cdi_device **list =
		mem_alloc(mem_array_size(s->devices.n, sizeof(*list)));
	const struct cdi_device *best = NULL;

	for (size_t i = 0; i < s->devices.n; i++)
		list[i] = &s->devices.v[i];
	qsort(list, s->devices.n, sizeof(*list), compare_names);
	for (size_t i = 1; i < s->devices.n; i++)
		if (strcmp(list[i - 1]->name, list[i]->name) == 0 && (!best || list[i] < best))
			best = list[i];
	return best;
}

/* What a spec contains that an older version does not know. */
struct needs {
	const char *version, *because;
};

static const struct needs baseline = {"0.3.0", "every spec"};

static bool has_mount_type(const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->mounts.n; i++)
		if (!is_empty(edits->mounts.v[i].type))
			return true;
	return false;
}

static bool has_host_path(const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->nodes.n; i++)
		if (!is_empty(edits->nodes.v[i].host_path))
			return true;
	return false;
}

/* Highest first; last_only: of the devices, only the last one counts in the rules that say so. */
static struct needs needs_of_edits(const struct cdi_edits *edits, bool counts)
{
	if (edits->net_devices.n > 0)
		return (struct needs){"1.1.0", "netDevices"};
	if (json_field(edits->intel_rdt, "schemata") ||
	    json_field(edits->intel_rdt, "enableMonitoring"))
		return (struct needs){"1.1.0", "intelRdt schemata and enableMonitoring"};
	if (edits->intel_rdt)
		return (struct needs){"0.7.0", "intelRdt"};
	if (edits->gids.n > 0)
		return (struct needs){"0.7.0", "additionalGids"};
	if (counts && has_host_path(edits))
		return (struct needs){"0.5.0", "hostPath of a device node"};
	if (counts && has_mount_type(edits))
		return (struct needs){"0.4.0", "type of a mount"};
	return baseline;
}

/* Versions here are single digits between dots: text order is their order. */
static struct needs higher(struct needs x, struct needs y)
{
	return strcmp(x.version, y.version) >= 0 ? x : y;
}

static struct needs needs_of(const struct cdi_spec *s, bool was_read)
{
	const char *slash = s->kind ? strchr(s->kind, '/') : NULL;
	struct needs most = needs_of_edits(&s->edits, true);

	if (s->annotations.n > 0)
		most = higher(most, (struct needs){"0.6.0", "annotations"});
	if (slash && strchr(slash, '.'))
		most = higher(most, (struct needs){"0.6.0", "a class with a dot"});
	for (size_t i = 0; i < s->devices.n; i++) {
		const struct cdi_device *d = &s->devices.v[i];

		most = higher(most, needs_of_edits(&d->edits, !was_read || i + 1 == s->devices.n));
		if (d->annotations.n > 0)
			most = higher(most, (struct needs){"0.6.0", "annotations"});
		if (d->name && d->name[0] >= '0' && d->name[0] <= '9')
			most = higher(
				most,
				(struct needs){"0.5.0", "a device name that begins with a digit"});
	}
	return most;
}

const char *cdi_spec_minimum_version(const struct cdi_spec *s)
{
	return needs_of(s, false).version;
}

int cdi_check_version(const struct cdi_spec *s, bool was_read, struct err *e)
{
	static const char *const known[] = {"0.1.0", "0.2.0", "0.3.0", "0.4.0", "0.5.0", "0.6.0",
					    "0.7.0", "0.8.0", "1.0.0", "1.1.0", NULL};
	const char *version = s->version ? s->version : "";
	struct needs needs = needs_of(s, was_read);

	if (is_empty(version))
		return err_set(e, EINVAL, "cdiVersion is missing (\"%s\" would do)", needs.version);
	if (version[0] == 'v')
		version++;
	if (!is_one_of(version, known))
		return err_set(e, EINVAL,
			       "cdiVersion \"%s\" is not known; the newest known is 1.1.0",
			       s->version);
	if (strcmp(version, needs.version) < 0)
		return err_set(e, EINVAL, "cdiVersion %s is too low: %s needs %s", s->version,
			       needs.because, needs.version);
	return 0;
}

int cdi_spec_validate(const struct cdi_spec *s, struct err *e)
{
	const struct cdi_device *twice;
	int r = cdi_check_version(s, false, e);

	if (r == 0)
		r = cdi_check_kind(s->kind, e);
	if (r == 0)
		r = check_edits(&s->edits, e);
	for (size_t i = 0; i < s->devices.n && r == 0; i++) {
		const struct cdi_device *d = &s->devices.v[i];

		r = cdi_check_device(d, e);
		if (r == 0)
			r = check_edits(&d->edits, e);
		if (r < 0 && !is_empty(d->name))
			return err_in(e, r, "device \"%s\"", d->name);
	}
	if (r < 0)
		return r;
	if (s->devices.n == 0)
		return err_set(e, EINVAL, "there is no device");
	twice = cdi_find_duplicate(s);
	return twice ? err_set(e, EINVAL, "device \"%s\" is defined twice", twice->name) : 0;
}
