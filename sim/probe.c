/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe: what a container sees, for tests. Static, so it runs in an image
 * without a C library; opening a simulated node fails with ENXIO when the
 * device cgroup allows it and with EPERM when it does not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/path.h"
#include "codec/json.h"
#include "codec/ldcache.h"
#include "commands.h"

enum { MAX_FILE = 64 << 20, MAX_NAMES = 100000, MAX_GROUPS = 65536 };

extern char **environ;

static struct json *text(struct arena *a, const char *s)
{
	return json_new_str(a, str_of(s));
}

/* The name of what open() says. */
static const char *try_open(const char *path)
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		return "opened";
	switch (errno) {
	case ENXIO:
		return "ENXIO";
	case ENODEV:
		return "ENODEV";
	case EPERM:
		return "EPERM";
	case EACCES:
		return "EACCES";
	case ENOENT:
		return "ENOENT";
	default:
		return strerror(errno);
	}
}

static void add_node(struct arena *a, struct json *nodes, const char *path, const struct stat *st)
{
	struct json *node = json_new(a, JSON_OBJECT);

	json_set(a, node, "path", text(a, path));
	json_set(a, node, "type", text(a, S_ISCHR(st->st_mode) ? "c" : "b"));
	json_set(a, node, "major", json_new_i64(a, major(st->st_rdev)));
	json_set(a, node, "minor", json_new_i64(a, minor(st->st_rdev)));
	json_set(a, node, "mode", text(a, arena_printf(a, "%04o", st->st_mode & 07777)));
	json_set(a, node, "uid", json_new_i64(a, st->st_uid));
	json_set(a, node, "gid", json_new_i64(a, st->st_gid));
	json_set(a, node, "open", text(a, try_open(path)));
	json_append(nodes, node);
}

static struct json *add_link(struct arena *a, struct json *links, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n >= 0)
		json_set(a, links, path, json_new_str(a, (struct str){target, (size_t)n}));
	return links;
}

struct found {
	struct json *nodes, *links;
};

/* Nodes and links below dir, to the given depth. */
static void walk(struct arena *a, const char *dir, int depth, const struct found *f)
{
	struct strv names = {0};

	if (fs_list(a, dir, MAX_NAMES, &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(a, "%s/%s", dir, names.v[i]);
		struct stat st;

		if (lstat(path, &st) < 0)
			continue;
		if (S_ISLNK(st.st_mode))
			(void)add_link(a, f->links, path);
		else if (f->nodes && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
			add_node(a, f->nodes, path, &st);
		else if (S_ISDIR(st.st_mode) && depth > 0)
			walk(a, path, depth - 1, f);
	}
}

static bool is_driver_node(struct str path)
{
	static const char prefixes[][20] = {"/dev/nvidia", "/dev/dri/", "/dev/infiniband/",
					    "/dev/gdrdrv"};

	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (str_has_prefix(path, prefixes[i]))
			return true;
	return false;
}

static struct json *take_driver_nodes(struct arena *a, const struct json *all)
{
	struct json *ret = json_new(a, JSON_ARRAY);

	json_each (node, all)
		if (is_driver_node(json_str(json_get(node, "path"))))
			json_append(ret, json_copy(a, node));
	return ret;
}

static struct json *read_mounts(struct arena *a)
{
	static const char *const before[] = {NULL, NULL, NULL, "root", "target", "options"};
	static const char *const after[] = {"type", "source", "super_options"};
	struct json *ret = json_new(a, JSON_ARRAY);
	struct str all, line, word;

	if (fs_read(a, "/proc/self/mountinfo", MAX_FILE, &all, NULL) < 0)
		return ret;
	while (str_split(&all, '\n', &line)) {
		struct json *mount = json_new(a, JSON_OBJECT);
		size_t n = 0;
		bool behind = false;

		while (line.n > 0 && str_split(&line, ' ', &word)) {
			const char *key = NULL;

			if (!behind && str_is(word, "-")) {
				behind = true;
				n = 0;
				continue;
			}
			if (n < (behind ? COUNT_OF(after) : COUNT_OF(before)))
				key = behind ? after[n] : before[n];
			n++;
			if (key)
				json_set(a, mount, key, json_new_str(a, word));
		}
		if (behind)
			json_append(ret, mount);
	}
	return ret;
}

static struct json *read_env(struct arena *a)
{
	struct json *ret = json_new(a, JSON_OBJECT);

	for (char **entry = environ; *entry; entry++) {
		const char *equals = strchr(*entry, '=');

		if (equals)
			json_set(a, ret,
				 arena_str(a, (struct str){*entry, (size_t)(equals - *entry)}),
				 text(a, equals + 1));
	}
	return ret;
}

static struct json *read_groups(struct arena *a)
{
	struct json *ret = json_new(a, JSON_ARRAY);
	gid_t *groups = arena_array(a, gid_t, MAX_GROUPS);
	int n = getgroups(MAX_GROUPS, groups);

	for (int i = 0; i < n; i++)
		json_append(ret, json_new_i64(a, groups[i]));
	return ret;
}

static struct json *read_cache(struct arena *a)
{
	struct json *ret = json_new(a, JSON_ARRAY);
	struct ldcache cache = {0};
	struct str bytes;

	if (fs_read(a, "/etc/ld.so.cache", MAX_FILE, &bytes, NULL) < 0 ||
	    ldcache_parse(a, bytes, "/etc/ld.so.cache", &cache, NULL) < 0)
		return json_new(a, JSON_NULL);
	for (size_t i = 0; i < cache.n; i++) {
		struct json *entry = json_new(a, JSON_OBJECT);

		json_set(a, entry, "soname", text(a, cache.v[i].soname));
		json_set(a, entry, "path", text(a, cache.v[i].path));
		json_set(a, entry, "flags", json_new_i64(a, cache.v[i].flags));
		json_append(ret, entry);
	}
	return ret;
}

/* Directories in which a container stack makes links. */
static const char library_dirs[][32] = {
	"/usr/lib/x86_64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/usr/lib/i386-linux-gnu",
	"/usr/lib64",
	"/usr/lib",
	"/usr/local/nvidia",
	"/etc/vulkan",
	"/usr/local/cuda",
	"/usr/lib/xorg",
};

static struct json *read_files(struct arena *a, const struct strv *paths)
{
	struct json *ret = json_new(a, JSON_OBJECT);

	for (size_t i = 0; i < paths->n; i++) {
		struct str bytes;
		struct err e = {""};

		if (fs_read(a, paths->v[i], 1 << 20, &bytes, &e) < 0)
			json_set(a, ret, paths->v[i], json_new(a, JSON_NULL));
		else
			json_set(a, ret, paths->v[i], json_new_str(a, bytes));
	}
	return ret;
}

struct probe_values {
	struct strv files, dirs;
};

static const struct cli_option probe_options[] = {
	{"file", CLI_ITEMS(struct probe_values, files), .value = "FILE",
	 .help = "Print the content of this file too; may be given more than once"},
	{"dir", CLI_ITEMS(struct probe_values, dirs), .value = "DIR",
	 .help = "Look for links below this directory too; may be given more than once"},
};

static int run_probe(const struct cli_call *call, struct err *e)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	const struct probe_values *v = call->options;
	struct arena *a = call->arena;
	struct json *top = json_new(a, JSON_OBJECT);
	const struct found dev = {json_new(a, JSON_ARRAY), json_new(a, JSON_OBJECT)};
	const struct found rest = {NULL, dev.links};

	(void)e;
	walk(a, "/dev", 3, &dev);
	for (size_t i = 0; i < COUNT_OF(library_dirs); i++)
		walk(a, library_dirs[i], strcmp(library_dirs[i], "/usr/lib") == 0 ? 0 : 3, &rest);
	for (size_t i = 0; i < v->dirs.n; i++)
		walk(a, v->dirs.v[i], 3, &rest);
	json_set(a, top, "nodes", take_driver_nodes(a, dev.nodes));
	json_set(a, top, "links", dev.links);
	json_set(a, top, "mounts", read_mounts(a));
	json_set(a, top, "env", read_env(a));
	json_set(a, top, "uid", json_new_i64(a, getuid()));
	json_set(a, top, "gid", json_new_i64(a, getgid()));
	json_set(a, top, "groups", read_groups(a));
	json_set(a, top, "ldcache", read_cache(a));
	json_set(a, top, "files", read_files(a, &v->files));
	json_write_indented(top, 1, &out);
	(void)printf("%s\n", out.p);
	return 0;
}

const struct cli_command command_probe = {
	"probe",
	.summary = "Print as JSON what is visible here: nodes, mounts, links, environment",
	CLI_OPTIONS(struct probe_values, probe_options),
	.run = run_probe,
};
