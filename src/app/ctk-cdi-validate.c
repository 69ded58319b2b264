/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "app/cdi-conflict.h"
#include "app/cdi-file.h"
#include "app/cdi-reader.h"
#include "app/ctk.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "codec/semver.h"
#include "nv/snapshot.h"

struct options {
	struct strv dirs, readers;
	bool host;
};

static const struct cli_option options[] = {
	{"spec-dir", CLI_LIST(struct options, dirs), .value = "DIRS",
	 .env = "NVIDIA_CTK_CDI_SPEC_DIRS", .initial = "/etc/cdi,/var/run/cdi",
	 .help = "Without FILE: check every specification in these directories"},
	{"for", CLI_LIST(struct options, readers), .value = "ENGINES",
	 .help = "Check that these engines can read it, as in podman=4.9.3 or docker=25.0; also "
		 "containerd, cri-o, and cdi for a version of CDI itself"},
	{"host", CLI_BOOL(struct options, host),
	 .help = "With FILE: check too that what it names exists on this machine"},
};

struct checker {
	struct arena *arena;
	const struct options *options;
	struct cdi_reader reader;
	bool check_host;
	size_t files, problems;
	struct cdi_definitions definitions;
};

/* The file and the document being looked at. */
struct subject {
	struct checker *c;
	const char *path;
};

static void PRINTF(2, 3) report(struct checker *c, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf line = {0};
	auto_free char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	strbuf_escape(&line, str_of(text));
	puts(line.p);
	c->problems++;
}

/* Whether a member is a device's name that begins with a digit: 0.5.0 allowed that. */
static bool is_digit_name(const struct json *member, struct str inside)
{
	return str_is(inside, "devices") && str_is(member->key, "name") && member->text.n > 0 &&
	       member->text.p[0] >= '0' && member->text.p[0] <= '9';
}

/* Newer than the reader knows: the field, and what to do. */
static void check_member(const struct subject *s, const struct json *member, struct str inside)
{
	const struct cdi_reader *reader = &s->c->reader;
	bool digit = is_digit_name(member, inside);
	const char *needed = digit ? "0.5.0" : cdi_reader_version_of(member->key, inside);

	if (!needed || cdi_reader_knows(reader, needed))
		return;
	report(s->c, "%s:%u: %.*s came with CDI %s, %s reads up to %s; generate the file with %s",
	       s->path, member->line,
	       STR_ARG(digit ? STR("a name that begins with a digit") : member->key), needed,
	       reader->who, reader->version, reader->option);
}

static void check_members(const struct subject *s, const struct json *in, struct str inside)
{
	json_each (child, in) {
		struct str name = in->type == JSON_OBJECT ? child->key : inside;

		if (in->type == JSON_OBJECT)
			check_member(s, child, inside);
		check_members(s, child, name);
	}
}

static void check_reader(const struct subject *s, const struct json *doc,
			 const struct cdi_spec *spec)
{
	const struct cdi_reader *reader = &s->c->reader;
	const struct json *version = json_field(doc, "cdiVersion");

	if (!reader->who)
		return;
	if (!cdi_reader_knows(reader, spec->version))
		report(s->c, "%s:%u: cdiVersion %s, but %s reads up to %s and refuses the file",
		       s->path, version ? version->line : 1, spec->version, reader->who,
		       reader->version);
	check_members(s, doc, STR(""));
}

/* Readers refuse a file that says less than it needs; ours only when the original would too. */
static void check_version(const struct subject *s, const struct json *doc,
			  const struct cdi_spec *spec)
{
	const char *needed = cdi_spec_minimum_version(spec);
	const struct json *at = json_field(doc, "cdiVersion");
	struct version has, needs;

	if (version_parse(str_of(spec->version), &has) == 0 &&
	    version_parse(str_of(needed), &needs) == 0 && version_cmp(&has, &needs) < 0)
		report(s->c, "%s:%u: cdiVersion %s is too low for the content: make it %s", s->path,
		       at ? at->line : 1, spec->version, needed);
}

static char *path_member(struct arena *a, const struct json *object, const char *key)
{
	struct str text = json_str(json_field(object, key));

	return text.n > 0 ? arena_str(a, text) : NULL;
}

/* Why stat() failed. */
static const char *absence(void)
{
	return errno == ENOENT ? "not found on this machine" : strerror(errno);
}

static void check_mount(const struct subject *s, const struct json *mount)
{
	const char *path = path_member(s->c->arena, mount, "hostPath");
	struct str type = json_str(json_field(mount, "type"));
	struct stat st;

	if (!path || (type.n > 0 && !str_is(type, "bind")) || stat(path, &st) == 0)
		return;
	report(s->c, "%s:%u: mount of %s: %s; generate the file again", s->path, mount->line, path,
	       absence());
}

static void check_node(const struct subject *s, const struct json *node)
{
	const char *path = path_member(s->c->arena, node, "hostPath");
	struct stat st;

	if (!path)
		path = path_member(s->c->arena, node, "path");
	if (!path)
		return;
	if (stat(path, &st) < 0)
		report(s->c, "%s:%u: device node %s: %s; generate the file again", s->path,
		       node->line, path, absence());
	else if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISFIFO(st.st_mode))
		report(s->c, "%s:%u: device node %s: is not a device on this machine", s->path,
		       node->line, path);
}

static void check_hook(const struct subject *s, const struct json *hook)
{
	const char *path = path_member(s->c->arena, hook, "path");
	struct stat st;

	if (!path)
		return;
	if (stat(path, &st) < 0)
		report(s->c,
		       "%s:%u: hook program %s: %s; install it or generate "
		       "the file again",
		       s->path, hook->line, path, absence());
	else if (!S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		report(s->c, "%s:%u: hook program %s: is not a program", s->path, hook->line, path);
}

/* The value of "--option=value" among a hook's arguments; p is NULL without. */
static struct str argument(const struct json *hook, const char *option)
{
	json_each (arg, json_field(hook, "args")) {
		struct str text = json_str(arg);

		if (str_has_prefix(text, option))
			return str_sub(text, strlen(option), text.n);
	}
	return (struct str){0};
}

/* Specifications of ours say what they were made from. */
static void check_fingerprint(const struct subject *s, const struct json *hook)
{
	struct arena *a = s->c->arena;
	struct str made_from = argument(hook, "--fingerprint=");
	struct str root = argument(hook, "--driver-root=");
	struct str library = argument(hook, "--driver-library=");
	const char *now;
	struct err e = {0};

	if (!made_from.p)
		return;
	if (nv_snapshot_fingerprint(a, root.p ? arena_str(a, root) : "/",
				    library.p ? arena_str(a, library) : NULL, &now, &e) < 0)
		report(s->c, "%s:%u: cannot tell whether it fits the driver: %s", s->path,
		       hook->line, e.text);
	else if (!str_is(made_from, now))
		report(s->c,
		       "%s:%u: was made for another driver, other GPUs or other MIG devices; "
		       "generate the file again",
		       s->path, hook->line);
}

static void check_edits(const struct subject *s, const struct json *edits)
{
	json_each (mount, json_field(edits, "mounts"))
		check_mount(s, mount);
	json_each (node, json_field(edits, "deviceNodes"))
		check_node(s, node);
	json_each (hook, json_field(edits, "hooks")) {
		check_hook(s, hook);
		check_fingerprint(s, hook);
	}
}

static void check_on_host(const struct subject *s, const struct json *doc)
{
	check_edits(s, json_field(doc, "containerEdits"));
	json_each (device, json_field(doc, "devices"))
		check_edits(s, json_field(device, "containerEdits"));
}

static void remember(const struct subject *s, const struct json *doc, const struct cdi_spec *spec,
		     size_t priority)
{
	size_t i = 0;

	json_each (device, json_field(doc, "devices")) {
		struct cdi_definition d = {spec->kind, spec->devices.v[i++].name, s->path,
					   device->line, priority};

		arena_push(s->c->arena, &s->c->definitions, d);
	}
}

static void check_file(struct checker *c, const char *path, size_t priority)
{
	struct subject s = {c, path};
	struct json *doc = NULL;
	struct cdi_spec spec = {0};
	struct err e = {0};

	c->files++;
	if (cdi_file_read(c->arena, path, &doc, &e) < 0 ||
	    cdi_spec_read(c->arena, doc, path, &spec, &e) < 0) {
		report(c, "%s", e.text);
		return;
	}
	check_version(&s, doc, &spec);
	check_reader(&s, doc, &spec);
	if (c->check_host)
		check_on_host(&s, doc);
	remember(&s, doc, &spec, priority);
}

static void check_conflicts(struct checker *c)
{
	struct strv lines = {0};

	cdi_conflicts(c->arena, &c->definitions, &lines);
	for (size_t i = 0; i < lines.n; i++)
		report(c, "%s", lines.v[i]);
}

#define MAX_FILES 1024

static void check_directory(struct checker *c, size_t priority)
{
	const char *dir = c->options->dirs.v[priority];
	struct strv names = {0};
	struct err e = {0};
	int r = fs_list(c->arena, dir, MAX_FILES, &names, &e);

	if (r < 0 && r != -ENOENT)
		report(c, "%s", e.text);
	if (r < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		auto_free char *path = path_join(dir, names.v[i]);
		enum cdi_format format;

		if (!cdi_file_format_of(path, &format))
			continue;
		check_file(c, arena_strdup(c->arena, path), priority);
		if (fs_check_trusted(path, &e) < 0)
			report(c, "%s", e.text);
	}
}

static int run(const struct cli_call *call, struct err *e)
{
	struct checker c = {.arena = call->arena, .options = call->options};
	int r = cdi_reader_parse(call->arena, &c.options->readers, &c.reader, e);

	if (r < 0) {
		log_error("%s", e->text);
		return 2;
	}
	c.check_host = c.options->host || call->arguments.n == 0;
	for (size_t i = 0; i < call->arguments.n; i++)
		check_file(&c, call->arguments.v[i], i);
	for (size_t i = 0; call->arguments.n == 0 && i < c.options->dirs.n; i++)
		check_directory(&c, i);
	check_conflicts(&c);
	if (c.files == 0)
		log_info("no CDI specifications found; make one with nvidia-ctk cdi generate "
			 "--output=/etc/cdi/nvidia.yaml");
	log_debug("%zu files, %zu problems", c.files, c.problems);
	return c.problems > 0 ? 1 : 0;
}

const struct cli_command ctk_cdi_validate = {
	"validate",
	.summary = "Check CDI specifications",
	.about = "Prints one line per problem: file, line, cause and cure. Without FILE it "
		 "checks what engines on this machine would read: each file, devices that two "
		 "files define, and files, nodes and programs that do not exist any more.\n\n"
		 "Exit status: 0 no problem, 1 problems, 2 wrong usage.",
	.arguments = "[FILE...]",
	CLI_OPTIONS(struct options, options),
	.run = run,
	.usage_status = 2,
};
