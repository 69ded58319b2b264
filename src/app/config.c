/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "app/config-keys.h"
#include "base/cli.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"

#define CONFIG_SIZE_MAX ((size_t)1 << 20)
#define KEY_MAX		256
#define WARNINGS_MAX	64

#define CLI(name)     "nvidia-container-cli." name
#define RUNTIME(name) "nvidia-container-runtime." name
#define MODES(name)   "nvidia-container-runtime.modes." name
#define HOOK(name)    "nvidia-container-runtime-hook." name

#define AT(member)	 offsetof(struct config, member)
#define BOOL(member)	 CONFIG_BOOL, AT(member)
#define STRING(member)	 CONFIG_STRING, AT(member)
#define LIST(member)	 CONFIG_LIST, AT(member)
#define TRISTATE(member) CONFIG_TRISTATE, AT(member)

const struct config_row config_rows[] = {
	{"accept-nvidia-visible-devices-as-volume-mounts", BOOL(accept_volume_mounts), "false",
	 CONFIG_COMMENTED, "false"},
	{"accept-nvidia-visible-devices-envvar-when-unprivileged",
	 BOOL(accept_envvar_when_unprivileged), "true", CONFIG_COMMENTED, "true"},
	{"compat-level", STRING(compat_level), "documented", CONFIG_LEFT_OUT, ""},
	{"disable-require", BOOL(disable_require), "false", CONFIG_PLAIN, ""},
	{"supported-driver-capabilities", STRING(supported_driver_capabilities),
	 "compat32,compute,display,graphics,ngx,utility,video", CONFIG_PLAIN, ""},
	{"swarm-resource", STRING(swarm_resource), "", CONFIG_COMMENTED, "DOCKER_RESOURCE_GPU"},
	{CLI("debug"), STRING(cli.debug), "", CONFIG_COMMENTED,
	 "/var/log/nvidia-container-toolkit.log"},
	{CLI("environment"), LIST(cli.environment), "", CONFIG_PLAIN, ""},
	{CLI("ldcache"), STRING(cli.ldcache), "", CONFIG_COMMENTED, "/etc/ld.so.cache"},
	{CLI("ldconfig"), STRING(cli.ldconfig), "", CONFIG_PLAIN, ""},
	{CLI("load-kmods"), BOOL(cli.load_kmods), "true", CONFIG_PLAIN, ""},
	{CLI("no-cgroups"), TRISTATE(cli.no_cgroups), "false", CONFIG_COMMENTED, "false"},
	{CLI("no-pivot"), BOOL(cli.no_pivot), "false", CONFIG_LEFT_OUT, ""},
	{CLI("path"), STRING(cli.path), "", CONFIG_COMMENTED, "/usr/bin/nvidia-container-cli"},
	{CLI("root"), STRING(cli.root), "", CONFIG_COMMENTED, "/run/nvidia/driver"},
	{CLI("user"), STRING(cli.user), "", CONFIG_COMMENTED, "root:video"},
	{RUNTIME("debug"), STRING(runtime.debug), "/dev/null", CONFIG_COMMENTED,
	 "/var/log/nvidia-container-runtime.log"},
	{RUNTIME("log-level"), STRING(runtime.log_level), "info", CONFIG_PLAIN, ""},
	{RUNTIME("mode"), STRING(runtime.mode), "auto", CONFIG_PLAIN, ""},
	{RUNTIME("mounts"), STRING(runtime.mounts), "runtime", CONFIG_LEFT_OUT, ""},
	{RUNTIME("runtimes"), LIST(runtime.runtimes), "runc,crun", CONFIG_PLAIN, ""},
	{MODES("cdi.allowed-kinds"), LIST(runtime.cdi_allowed_kinds), "*,!management.nvidia.com/*",
	 CONFIG_LEFT_OUT, ""},
	{MODES("cdi.annotation-prefixes"), LIST(runtime.cdi_annotation_prefixes), "cdi.k8s.io/",
	 CONFIG_PLAIN, ""},
	{MODES("cdi.default-kind"), STRING(runtime.cdi_default_kind), "nvidia.com/gpu",
	 CONFIG_PLAIN, ""},
	{MODES("cdi.spec-dirs"), LIST(runtime.cdi_spec_dirs), "/etc/cdi,/var/run/cdi", CONFIG_PLAIN,
	 ""},
	{MODES("csv.compat-container-root"), STRING(runtime.csv_compat_container_root), "",
	 CONFIG_LEFT_OUT, ""},
	{MODES("csv.mount-spec-path"), STRING(runtime.csv_mount_spec_path),
	 "/etc/nvidia-container-runtime/host-files-for-container.d", CONFIG_PLAIN, ""},
	{MODES("jit-cdi.nvcdi-disable-hooks"), LIST(runtime.jit_disable_hooks), "", CONFIG_LEFT_OUT,
	 ""},
	{MODES("jit-cdi.nvcdi-feature-flags"), LIST(runtime.jit_feature_flags), "", CONFIG_LEFT_OUT,
	 ""},
	{MODES("legacy.cuda-compat-mode"), STRING(runtime.legacy_cuda_compat_mode), "ldconfig",
	 CONFIG_PLAIN, ""},
	{HOOK("path"), STRING(hook_path), "nvidia-container-runtime-hook", CONFIG_PLAIN, ""},
	{HOOK("skip-mode-detection"), BOOL(hook_skip_mode_detection), "false", CONFIG_PLAIN, ""},
	{"nvidia-ctk.path", STRING(ctk_path), "nvidia-ctk", CONFIG_PLAIN, ""},
	{"features.allow-cuda-compat-libs-from-container",
	 BOOL(features.allow_cuda_compat_libs_from_container), "false", CONFIG_LEFT_OUT, ""},
	{"features.allow-ldconfig-from-container", BOOL(features.allow_ldconfig_from_container),
	 "false", CONFIG_LEFT_OUT, ""},
	{"features.allow-unknown-oci-spec-fields", BOOL(features.allow_unknown_oci_spec_fields),
	 "false", CONFIG_LEFT_OUT, ""},
	{"features.disable-cuda-compat-lib-hook", BOOL(features.disable_cuda_compat_lib_hook),
	 "false", CONFIG_LEFT_OUT, ""},
	{"features.disable-imex-channel-creation", BOOL(features.disable_imex_channel_creation),
	 "false", CONFIG_LEFT_OUT, ""},
	{"features.ignore-imex-channel-requests", BOOL(features.ignore_imex_channel_requests),
	 "false", CONFIG_LEFT_OUT, ""},
	{"features.no-additional-gids-for-device-nodes",
	 BOOL(features.no_additional_gids_for_device_nodes), "false", CONFIG_LEFT_OUT, ""},
};
const size_t config_row_count = COUNT_OF(config_rows);

/* Keys of earlier releases, accepted without effect as the original does. */
static const char retired_keys[][52] = {
	RUNTIME("discover-mode"), RUNTIME("experimental"), "features.gdrcopy",
	"features.gds",		  "features.mofed",	   "features.nvswitch",
};

const char *config_key(size_t i)
{
	return i < config_row_count ? config_rows[i].key : NULL;
}

const char *config_default_path(struct arena *a)
{
	static const char file[] = "nvidia-container-runtime/config.toml";
	const char *path = secure_getenv("NVIDIA_CTK_CONFIG_FILE_PATH");
	const char *home = secure_getenv("XDG_CONFIG_HOME");

	if (path && path[0] != '\0')
		return path;
	if (home && home[0] != '\0')
		return arena_printf(a, "%s/%s", home, file);
	return arena_printf(a, "/etc/%s", file);
}

/* The place of a row's value, as the type that the row names. */
static void *value_of(struct config *c, const struct config_row *row)
{
	return (char *)c + row->at;
}

void config_row_list(struct arena *a, const char *initial, struct strv *ret)
{
	struct str rest = str_of(initial), item;
	struct strv list = {0};

	while (rest.n > 0 && str_split(&rest, ',', &item))
		arena_push(a, &list, arena_str(a, item));
	*ret = list;
}

void config_defaults(struct arena *a, struct config *ret)
{
	struct config c = {0};

	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		void *value = value_of(&c, row);

		if (row->type == CONFIG_BOOL)
			*(bool *)value = row->initial[0] == 't';
		else if (row->type == CONFIG_STRING)
			*(const char **)value = row->initial;
		else if (row->type == CONFIG_LIST)
			config_row_list(a, row->initial, value);
	}
	*ret = c;
}

static const char *type_name(const struct json *j)
{
	static const char names[][12] = {"nothing",  "a bool", "a number",
					 "a string", "a list", "a table"};

	return names[j->type];
}

static int wrong_type(const struct config *c, const struct config_row *row, const struct json *j,
		      struct err *e)
{
	static const char wanted[][24] = {"true or false", "a string", "a list of strings",
					  "true, false or \"auto\""};

	return err_set(e, EBADMSG, "%s:%u:%u: %s must be %s, not %s", c->path, j->line, j->column,
		       row->key, wanted[row->type], type_name(j));
}

static int read_list(struct arena *a, const struct config *c, const struct config_row *row,
		     const struct json *j, struct strv *ret, struct err *e)
{
	struct strv list = {0};

	json_each (item, j) {
		if (!json_is(item, JSON_STRING))
			return wrong_type(c, row, item, e);
		arena_push(a, &list, arena_str(a, json_str(item)));
	}
	*ret = list;
	return 0;
}

static int read_value(struct arena *a, struct config *c, const struct config_row *row,
		      const struct json *j, struct err *e)
{
	void *value = value_of(c, row);

	if (row->type == CONFIG_BOOL && json_is(j, JSON_BOOL))
		*(bool *)value = j->boolean;
	else if (row->type == CONFIG_STRING && json_is(j, JSON_STRING))
		*(const char **)value = arena_str(a, json_str(j));
	else if (row->type == CONFIG_LIST && json_is(j, JSON_ARRAY))
		return read_list(a, c, row, j, value, e);
	else if (row->type == CONFIG_TRISTATE && json_is(j, JSON_BOOL))
		*(enum config_tristate *)value = j->boolean ? CONFIG_YES : CONFIG_NO;
	else if (row->type == CONFIG_TRISTATE && str_is(json_str(j), "auto"))
		*(enum config_tristate *)value = CONFIG_AUTO;
	else
		return wrong_type(c, row, j, e);
	return 0;
}

static bool is_upper_of(struct str key, struct str name)
{
	if (key.n != name.n)
		return false;
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (key.p[i] != (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c))
			return false;
	}
	return true;
}

/* A member as the original finds it: as written, or ALL-UPPER. */
static const struct json *spelled(const struct json *table, struct str name)
{
	if (!json_is(table, JSON_OBJECT))
		return NULL;
	json_each (child, table)
		if (str_eq(child->key, name) || is_upper_of(child->key, name))
			return child;
	return NULL;
}

static const struct json *find(const struct toml *doc, const char *key)
{
	const struct json *at = toml_root(doc);
	struct str rest = str_of(key), part;

	while (at && str_split(&rest, '.', &part))
		at = spelled(at, part);
	return at;
}

const char *config_place(struct arena *a, const struct config *c, const char *key)
{
	const struct json *j = c->doc ? find(c->doc, key) : NULL;

	return j ? arena_printf(a, "%s:%u:%u", c->path, j->line, j->column)
		 : "default configuration";
}

int config_refuse(const struct config *c, const char *key, struct err *e, const char *fmt, ...)
{
	AUTO(arena_done) struct arena a = {0};
	char text[768];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, EINVAL, "%s: %s: %s", config_place(&a, c, key), key, text);
}

/*
 * Unknown keys.
 */

/* Whether key is a row's, or the name of a table above some row's. */
static bool is_known(struct str key, bool table)
{
	for (size_t i = 0; i < config_row_count; i++) {
		const char *known = config_rows[i].key;
		size_t n = strlen(known);

		if (key.n > n || strncasecmp(known, key.p, key.n) != 0)
			continue;
		if (table ? known[key.n] == '.' : key.n == n)
			return true;
	}
	return false;
}

static void warn_unknown(struct arena *a, struct config *c, struct str key, const struct json *j)
{
	AUTO(strbuf_done) struct strbuf shown = {0};
	struct cli_guess guess = {.word = key};
	const char *where = arena_printf(a, "%s:%u", c->path, j->line);

	strbuf_escape(&shown, key);
	for (size_t i = 0; i < COUNT_OF(retired_keys); i++) {
		if (!str_is_nocase(key, retired_keys[i]))
			continue;
		arena_push(a, &c->warnings,
			   arena_printf(a, "%s: %s has no effect any more", where, shown.p));
		return;
	}
	for (size_t i = 0; i < config_row_count; i++)
		cli_guess_try(&guess, str_of(config_rows[i].key));
	arena_push(a, &c->warnings,
		   arena_printf(a, "%s: unknown key %s, ignored%s%.*s%s", where, shown.p,
				guess.best.n > 0 ? "; did you mean " : "", (int)guess.best.n,
				guess.best.n > 0 ? guess.best.p : "", guess.best.n > 0 ? "?" : ""));
}

static int not_a_table(const struct config *c, struct str key, const struct json *j, struct err *e)
{
	return err_set(e, EBADMSG, "%s:%u:%u: %.*s must be a table, not %s", c->path, j->line,
		       j->column, STR_ARG(key), type_name(j));
}

/* Four levels of tables are known, so an unknown one is met before this goes deep. */
static int check_keys(struct arena *a, struct config *c, const struct json *table,
		      struct str prefix, struct err *e)
{
	json_each (child, table) {
		bool is_table = json_is(child, JSON_OBJECT);
		struct str key = str_of(arena_printf(a, "%.*s%s%.*s", STR_ARG(prefix),
						     prefix.n > 0 ? "." : "", STR_ARG(child->key)));
		int r = 0;

		if (!is_table && is_known(key, true))
			return not_a_table(c, key, child, e);
		if (is_known(key, is_table))
			r = is_table ? check_keys(a, c, child, key, e) : 0;
		else if (c->warnings.n < WARNINGS_MAX)
			warn_unknown(a, c, str_sub(key, 0, KEY_MAX), child);
		if (r < 0)
			return r;
	}
	return 0;
}

void config_log_warnings(const struct config *c)
{
	for (size_t i = 0; i < c->warnings.n; i++)
		log_warn("%s", c->warnings.v[i]);
}

static int read_document(struct arena *a, struct config *c, struct err *e)
{
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		const struct json *j = find(c->doc, row->key);
		int r = j ? read_value(a, c, row, j, e) : 0;

		if (r < 0)
			return r;
	}
	return check_keys(a, c, toml_root(c->doc), STR(""), e);
}

int config_load(struct arena *a, const char *path, struct config *ret, struct err *e)
{
	struct config c;
	struct str text;
	int r;

	config_defaults(a, &c);
	c.path = arena_strdup(a, path ? path : config_default_path(a));
	r = fs_read(a, c.path, CONFIG_SIZE_MAX, &text, e);
	if (r == -ENOENT) {
		c.path = NULL;
		*ret = c;
		return 0;
	}
	if (r == 0)
		r = fs_check_trusted(c.path, e);
	if (r == 0)
		r = toml_parse(a, text, c.path, &c.doc, e);
	if (r == 0)
		r = read_document(a, &c, e);
	if (r < 0)
		return err_in(e, r, "configuration");
	*ret = c;
	return 0;
}
