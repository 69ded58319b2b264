/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "app/cdi-file.h"
#include "app/ctk.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "codec/semver.h"
#include "codec/yaml.h"

struct options {
	const char *from, *to, *input, *output, *relative_to;
};

static const struct cli_option options[] = {
	{"from", CLI_STRING(struct options, from), .value = "DIR", .initial = "", .otherwise = "/",
	 .help = "Replace this directory at the beginning of paths"},
	{"to", CLI_STRING(struct options, to), .value = "DIR", .initial = "", .otherwise = "/",
	 .help = "Put this directory in its place"},
	{"input", CLI_STRING(struct options, input), .value = "FILE", .initial = "-",
	 .otherwise = "- for standard input", .help = "Read the specification from this file"},
	{"output", CLI_STRING(struct options, output), .value = "FILE", .initial = "",
	 .otherwise = "standard output", .help = "Write the result to this file"},
	{"relative-to", CLI_STRING(struct options, relative_to), .value = "WHERE",
	 .choices = "host container", .initial = "host",
	 .help = "Whether paths of the host or paths in containers are meant"},
};

struct transform {
	struct arena *arena;
	const char *from, *to; /* clean; "/" is everything */
	bool host;
};

/* The path with the other root: NULL stays NULL, and what is not below from stays as it is. */
static const char *moved(const struct transform *t, const char *path)
{
	auto_free char *clean = NULL, *joined = NULL;

	if (!path || path[0] != '/')
		return path;
	clean = path_clean(path);
	if (!path_is_below(clean, t->from))
		return path;
	joined = path_join(t->to, strcmp(t->from, "/") == 0 ? clean : clean + strlen(t->from));
	return arena_strdup(t->arena, joined);
}

/* "path", "target::path", and both behind "--option=". */
static const char *moved_argument(const struct transform *t, const char *argument)
{
	const char *equals = argument[0] == '-' ? strchr(argument, '=') : NULL;
	const char *value = equals ? equals + 1 : argument;
	const char *colons = strstr(value, "::");
	const char *result;

	if (colons)
		result = arena_printf(
			t->arena, "%s::%s",
			moved(t,
			      arena_str(t->arena, (struct str){value, (size_t)(colons - value)})),
			moved(t, colons + 2));
	else
		result = moved(t, value);
	return arena_printf(t->arena, "%.*s%s", (int)(value - argument), argument, result);
}

/*
 * Which part of a hook names paths of which side: the program is the host's
 * but for startContainer; the arguments of createContainer and startContainer
 * are about the container.
 */
static void transform_hook(const struct transform *t, struct cdi_hook *hook)
{
	bool starts = strcmp(hook->name, "startContainer") == 0;
	bool inside = starts || strcmp(hook->name, "createContainer") == 0;

	if (t->host != starts)
		hook->path = moved(t, hook->path);
	if (t->host == inside)
		return;
	for (size_t i = 0; i < hook->args.n; i++)
		hook->args.v[i] = moved_argument(t, hook->args.v[i]);
}

static void transform_node(const struct transform *t, struct cdi_node *node)
{
	const char *host = node->host_path ? node->host_path : node->path;

	if (t->host)
		host = moved(t, host);
	else
		node->path = moved(t, node->path);
	node->host_path = strcmp(host, node->path) == 0 ? NULL : host;
}

static void transform_edits(const struct transform *t, struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->nodes.n; i++)
		transform_node(t, &edits->nodes.v[i]);
	for (size_t i = 0; i < edits->mounts.n; i++) {
		struct cdi_mount *mount = &edits->mounts.v[i];

		if (t->host)
			mount->host_path = moved(t, mount->host_path);
		else
			mount->container_path = moved(t, mount->container_path);
	}
	for (size_t i = 0; i < edits->hooks.n; i++)
		transform_hook(t, &edits->hooks.v[i]);
}

/* A path of a node on the host needs 0.5.0, whatever the input said. */
static void raise_version(struct cdi_spec *spec)
{
	const char *needed = cdi_spec_minimum_version(spec);
	struct version has, needs;

	if (version_parse(str_of(spec->version), &has) == 0 &&
	    version_parse(str_of(needed), &needs) == 0 && version_cmp(&has, &needs) < 0)
		spec->version = needed;
}

static int read_input(struct arena *a, const char *input, struct cdi_spec *ret, struct err *e)
{
	struct json *doc = NULL;
	struct str text;
	int r;

	if (strcmp(input, "-") != 0) {
		r = cdi_file_read(a, input, &doc, e);
	} else {
		input = "standard input";
		r = fs_read_fd(a, STDIN_FILENO, input, CDI_FILE_MAX, &text, e);
		if (r == 0)
			r = yaml_parse(a, text, input, NULL, &doc, e);
	}
	return r < 0 ? r : cdi_spec_read(a, doc, input, ret, e);
}

static int write_output(struct arena *a, const char *output, const struct cdi_spec *spec,
			struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	enum cdi_format format = CDI_FORMAT_YAML;
	int r;

	if (!*output) {
		cdi_file_encode(spec, format, &text);
		(void)fwrite(text.p, 1, text.n, stdout);
		return 0;
	}
	output = cdi_file_name(a, output, format);
	(void)cdi_file_format_of(output, &format);
	cdi_file_encode(spec, format, &text);
	r = cdi_file_write(output, strbuf_str(&text), e);
	return r < 0 ? r : 0;
}

static int plan_directory(struct arena *a, const char *option, const char *dir, const char **ret,
			  struct err *e)
{
	auto_free char *clean = path_clean(*dir ? dir : "/");

	if (clean[0] != '/')
		return err_set(e, EINVAL, "%s %s: must be an absolute path", option, dir);
	*ret = arena_strdup(a, clean);
	return 0;
}

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	struct transform t = {.arena = call->arena, .host = strcmp(o->relative_to, "host") == 0};
	struct cdi_spec spec = {0};
	int r;

	if ((r = plan_directory(call->arena, "--from", o->from, &t.from, e)) < 0 ||
	    (r = plan_directory(call->arena, "--to", o->to, &t.to, e)) < 0 ||
	    (r = read_input(call->arena, o->input, &spec, e)) < 0)
		return r;
	if (strcmp(t.from, t.to) != 0) {
		transform_edits(&t, &spec.edits);
		for (size_t i = 0; i < spec.devices.n; i++)
			transform_edits(&t, &spec.devices.v[i].edits);
		raise_version(&spec);
	}
	if ((r = cdi_spec_validate(&spec, e)) < 0)
		return r;
	return write_output(call->arena, o->output, &spec, e);
}

const struct cli_command ctk_cdi_transform_root = {
	"root",
	.summary = "Change the root directory of the paths in a CDI specification",
	.about = "For specifications that were made where the driver is mounted elsewhere: "
		 "paths below --from are rewritten to lie below --to. Mounts, device nodes "
		 "and hooks are changed; environment variables are not.",
	CLI_OPTIONS(struct options, options),
	.run = run,
};
