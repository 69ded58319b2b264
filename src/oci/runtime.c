/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/runtime.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

enum option_kind { OPTION_UNKNOWN, OPTION_SWITCH, OPTION_VALUE };

struct option {
	char name[20];
	enum option_kind kind;
};

/* Global options of runc and crun. */
static const struct option global_options[] = {
	{"cgroup-manager", OPTION_VALUE},
	{"criu", OPTION_VALUE},
	{"debug", OPTION_SWITCH},
	{"h", OPTION_SWITCH},
	{"help", OPTION_SWITCH},
	{"log", OPTION_VALUE},
	{"log-format", OPTION_VALUE},
	{"log-level", OPTION_VALUE},
	{"no-pivot", OPTION_SWITCH},
	{"root", OPTION_VALUE},
	/* runc's takes a value ("--rootless auto"), crun's only behind "=". */
	{"rootless", OPTION_UNKNOWN},
	{"systemd-cgroup", OPTION_SWITCH},
	{"usage", OPTION_SWITCH},
	{"V", OPTION_SWITCH},
	{"v", OPTION_SWITCH},
	{"version", OPTION_SWITCH},
};

/* Options of create and run that take a value. */
static const struct option create_options[] = {
	{"b", OPTION_VALUE},
	{"bundle", OPTION_VALUE},
	{"config", OPTION_VALUE},
	{"console-socket", OPTION_VALUE},
	{"f", OPTION_VALUE},
	{"pid-file", OPTION_VALUE},
	{"pidfd-socket", OPTION_VALUE},
	{"preserve-fds", OPTION_VALUE},
};

static const char commands[][12] = {
	"checkpoint", "create", "delete", "events", "exec",   "features", "h",
	"help",	      "init",	"kill",	  "list",   "mounts", "pause",	  "ps",
	"restore",    "resume", "run",	  "spec",   "start",  "state",	  "update",
};

static bool is_command(const char *arg)
{
	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (strcmp(arg, commands[i]) == 0)
			return true;
	return false;
}

static enum option_kind kind_of(struct str name, const struct option *options, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, options[i].name))
			return options[i].kind;
	return OPTION_UNKNOWN;
}

/* "-x", "--x" or either with "=value"; false for anything else, "-" and "--" included. */
static bool split_option(const char *arg, struct str *ret_name, const char **ret_value)
{
	size_t dashes = arg[0] != '-' ? 0 : arg[1] != '-' ? 1 : 2;
	struct str name = str_of(arg + dashes);
	size_t end = str_find(name, '=');

	if (dashes == 0 || name.n == 0)
		return false;
	*ret_value = end < name.n ? name.p + end + 1 : NULL;
	*ret_name = str_sub(name, 0, end);
	return true;
}

/* A switch is on unless it is given a value that Go's ParseBool takes as false, or no bool. */
static bool switch_value(const char *value)
{
	static const char yes[][5] = {"1", "t", "T", "true", "TRUE", "True"};

	if (!value)
		return true;
	for (size_t i = 0; i < COUNT_OF(yes); i++)
		if (strcmp(value, yes[i]) == 0)
			return true;
	return false;
}

static void set_global(struct oci_command *c, struct str name, const char *value)
{
	if (str_is(name, "log"))
		c->log = value;
	else if (str_is(name, "log-format"))
		c->log_format = value;
	else if (str_is(name, "debug"))
		c->debug = switch_value(value);
	else if (str_is(name, "version") || str_is(name, "v") || str_is(name, "V"))
		c->version = switch_value(value);
}

/* Whether the argument after a global option is its value. */
static bool takes_next(enum option_kind kind, const char *next)
{
	if (kind == OPTION_UNKNOWN)
		return next[0] != '-' && !is_command(next);
	return kind == OPTION_VALUE;
}

/* The index of the first argument that belongs to no global option. */
static int parse_global(int argc, char *const *argv, struct oci_command *c)
{
	int i = 1;

	while (i < argc) {
		const char *value;
		struct str name;
		enum option_kind kind;

		if (!split_option(argv[i], &name, &value))
			return strcmp(argv[i], "--") == 0 ? i + 1 : i;
		kind = kind_of(name, global_options, COUNT_OF(global_options));
		i++;
		if (!value && i < argc && takes_next(kind, argv[i]))
			value = argv[i++];
		set_global(c, name, value);
	}
	return i;
}

/* runc finds the options of create and run also behind the container's name, up to "--". */
static void parse_create(int argc, char *const *argv, int i, struct oci_command *c)
{
	while (i < argc && strcmp(argv[i], "--") != 0) {
		const char *value;
		struct str name;
		bool bundle;

		if (!split_option(argv[i++], &name, &value) ||
		    kind_of(name, create_options, COUNT_OF(create_options)) == OPTION_UNKNOWN)
			continue;
		bundle = str_is(name, "b") || str_is(name, "bundle");
		if (!value && i < argc)
			value = argv[i++];
		if (bundle) {
			c->bundle = value;
			c->bundle_missing = !value;
		} else if (str_is(name, "f") || str_is(name, "config")) {
			c->config = value;
		}
	}
}

bool oci_command_creates(const struct oci_command *c)
{
	return c->name && (strcmp(c->name, "create") == 0 || strcmp(c->name, "run") == 0);
}

void oci_command_parse(int argc, char *const *argv, struct oci_command *ret)
{
	struct oci_command c = {0};
	int i = parse_global(argc, argv, &c);

	if (i < argc)
		c.name = argv[i];
	if (oci_command_creates(&c))
		parse_create(argc, argv, i + 1, &c);
	*ret = c;
}

/* What a search needs to know once. */
struct search {
	struct arena *arena;
	struct stat self; /* of the running program; st_ino 0 when unknown */
};

static void search_init(struct search *s, struct arena *a)
{
	*s = (struct search){.arena = a};
	if (stat("/proc/self/exe", &s->self) < 0)
		s->self = (struct stat){0};
}

/*
 * Listing the wrapper as its own low-level runtime would be an endless loop. What anybody may
 * write is no program for root to become.
 */
static bool is_program(const struct search *s, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || !(st.st_mode & 0111) ||
	    (st.st_mode & S_IWOTH))
		return false;
	return s->self.st_ino == 0 || st.st_ino != s->self.st_ino || st.st_dev != s->self.st_dev;
}

/* A directory in which anybody can put a program called runc is not searched. */
static bool directory_is_safe(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && !(st.st_mode & S_IWOTH);
}

static const char *find_in(const struct search *s, struct str dirs, const char *name)
{
	struct str dir;

	while (str_split(&dirs, ':', &dir)) {
		const char *path;

		if (!str_has_prefix(dir, "/"))
			continue;
		path = arena_printf(s->arena, "%.*s/%s", STR_ARG(dir), name);
		if (is_program(s, path) && directory_is_safe(arena_str(s->arena, dir)))
			return path;
	}
	return NULL;
}

static const char *find_one(const struct search *s, const char *name)
{
	static const char standard[] =
		"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	const char *path = getenv("PATH");
	const char *found = NULL;

	if (name[0] == '\0')
		return NULL;
	if (strchr(name, '/'))
		return is_program(s, name) ? name : NULL;
	if (path)
		found = find_in(s, str_of(path), name);
	return found ? found : find_in(s, str_of(standard), name);
}

int oci_runtime_find(struct arena *a, const struct strv *candidates, const char **ret,
		     struct err *e)
{
	AUTO(strbuf_done) struct strbuf names = {0};
	struct search s;

	if (candidates->n == 0)
		return err_set(
			e, ENOENT,
			"no low-level runtime is configured: name at least one (\"runc\") in "
			"nvidia-container-runtime.runtimes");
	search_init(&s, a);
	for (size_t i = 0; i < candidates->n; i++) {
		const char *found = find_one(&s, candidates->v[i]);

		if (found) {
			*ret = found;
			return 0;
		}
		strbuf_adds(&names, i > 0 ? ", " : "");
		strbuf_escape(&names, str_of(candidates->v[i]));
	}
	return err_set(e, ENOENT,
		       "no low-level runtime found: none of %s is an executable in $PATH or the "
		       "standard directories; install runc, or set "
		       "nvidia-container-runtime.runtimes to a path",
		       names.p);
}

int oci_program_find(struct arena *a, const char *name, const char **ret, struct err *e)
{
	struct search s;
	const char *found;

	search_init(&s, a);
	found = find_one(&s, name);
	if (!found)
		return err_set(e, ENOENT, "%s is not an executable%s", name,
			       strchr(name, '/') ? "" : " in $PATH or the standard directories");
	*ret = found;
	return 0;
}

int oci_runtime_exec(const char *path, char *const *argv, struct err *e)
{
	auto_free const char **args = NULL;
	size_t n = 0;

	while (argv[n])
		n++;
	args = mem_alloc(mem_array_size(n + 2, sizeof(*args)));
	args[0] = path;
	for (size_t i = 1; i < n; i++)
		args[i] = argv[i];

	(void)execve(path, (char *const *)args, environ);
	if (errno == ENOENT)
		return err_set(e, ENOENT, "execute %s: the file or its interpreter is missing",
			       path);
	if (errno == ENOEXEC)
		return err_set(e, ENOEXEC,
			       "execute %s: neither a program for this machine nor a script that "
			       "begins with #!",
			       path);
	return err_sys(e, "execute %s", path);
}
