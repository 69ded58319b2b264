/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/search.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "codec/ldcache.h"
#include "nv/files.h"

#define MAX_ENTRIES 65536
#define MAX_CACHE   (64u << 20)
#define MAX_CONF    (1u << 20)
#define MAX_CONFS   256

/* The machine's own root, for directories outside the driver root. */
static const struct nv_root machine = {.prefix = ""};

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct strv nv_search_names(struct arena *a, const struct nv_root *root, const char *path,
			    bool (*keep)(struct str name))
{
	const char *host = nv_root_host(a, root, path);
	AUTO(closedirp) DIR *d = opendir(host);
	struct strv names = {0};
	struct dirent *entry;
	size_t seen = 0;

	if (!d) {
		nv_root_note(root, errno, host);
		return names;
	}
	while ((errno = 0, entry = readdir(d))) {
		if (++seen > MAX_ENTRIES) {
			log_debug("%s has more than %d entries: the rest is not looked at", host,
				  MAX_ENTRIES);
			break;
		}
		if (keep(str_of(entry->d_name)))
			arena_push(a, &names, arena_strdup(a, entry->d_name));
	}
	if (!entry)
		nv_root_note(root, errno, host);
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	return names;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Text behind ".so", or p == NULL. */
static struct str after_so(struct str name)
{
	for (size_t i = 0; i + 3 <= name.n; i++)
		if (memcmp(name.p + i, ".so", 3) == 0 && (i + 3 == name.n || name.p[i + 3] == '.'))
			return str_sub(name, i + 3, name.n);
	return (struct str){0};
}

/* Known by name, or "X.so.<digits>.<more>" as every versioned driver library is called. */
static bool could_be_driver(struct str name)
{
	struct str rest = after_so(name);

	if (!rest.p)
		return false;
	if (rest.n > 2 && is_digit(rest.p[1]) &&
	    str_find(str_sub(rest, 1, rest.n), '.') < rest.n - 1)
		return true;
	return nv_known_library_of(name) != NULL;
}

/* Adds a directory, unless it is there under this or another name. */
static void add_dir(struct arena *a, struct nv_search *s, const struct nv_root *root,
		    const char *path)
{
	struct nv_lib_dir dir = {.root = root};
	struct stat st;

	for (size_t i = 0; i < s->seen.n; i++)
		if (strcmp(s->seen.v[i], path) == 0)
			return;
	arena_push(a, &s->seen, arena_strdup(a, path));
	if (nv_root_stat(a, root, path, &dir.path, &st) < 0 || !S_ISDIR(st.st_mode))
		return;
	for (size_t i = 0; i < s->dirs.n; i++)
		if (s->dirs.v[i].root == root && strcmp(s->dirs.v[i].path, dir.path) == 0)
			return;
	dir.names = nv_search_names(a, root, dir.path, could_be_driver);
	arena_push(a, &s->dirs, dir);
}

static void add_dir_of(struct arena *a, struct nv_search *s, const char *file)
{
	auto_free char *dir = path_dir(file);

	add_dir(a, s, s->root, dir);
}

/* The libraries that every driver has; where their links lead is where the others lie. */
static bool is_anchor(const char *soname)
{
	return strcmp(soname, "libcuda.so.1") == 0 || strcmp(soname, "libnvidia-ml.so.1") == 0;
}

static void add_linked(struct arena *a, struct nv_search *s, const char *file)
{
	const char *real;

	if (nv_root_resolve(a, s->root, "", file, &real) == 0)
		add_dir_of(a, s, real);
}

/* Whether there is a cache that can be read. */
static bool add_cached(struct arena *a, struct nv_search *s)
{
	const char *path = "/etc/ld.so.cache";
	struct ldcache cache = {0};
	struct str bytes;
	struct err e;

	if (nv_root_resolve(a, s->root, "", path, &path) < 0)
		return false;
	path = nv_root_host(a, s->root, path);
	if (fs_read(a, path, MAX_CACHE, &bytes, &e) < 0 ||
	    ldcache_parse(a, bytes, path, &cache, &e) < 0) {
		log_debug("loader cache not used: %s", e.text);
		return false;
	}
	for (size_t i = 0; i < cache.n; i++) {
		const struct ldcache_entry *entry = &cache.v[i];
		struct str name = str_of(entry->soname);

		if (entry->path[0] != '/')
			continue;
		if (!str_contains(name, "nvidia") && !str_has_prefix(name, "libcuda.so"))
			continue;
		add_dir_of(a, s, entry->path);
		if (is_anchor(entry->soname))
			add_linked(a, s, entry->path);
	}
	return true;
}

/* The directories that one file of the loader's configuration names. */
static void add_configured(struct arena *a, struct nv_search *s, const char *file)
{
	struct str text, line;
	const char *real;

	if (nv_root_resolve(a, s->root, "", file, &real) < 0 ||
	    fs_read(a, nv_root_host(a, s->root, real), MAX_CONF, &text, NULL) < 0)
		return;
	while (str_split(&text, '\n', &line)) {
		line = str_trim(str_sub(line, 0, str_find(line, '#')));
		if (line.n > 1 && line.p[0] == '/')
			add_dir(a, s, s->root, arena_str(a, line));
	}
}

static bool is_conf(struct str name)
{
	return str_has_suffix(name, ".conf");
}

/*
 * A machine without a cache (an image that was never booted, a read-only root)
 * still says where its libraries are. Only the place that every distribution
 * includes is read, not the language of ld.so.conf.
 */
static void add_loader_configuration(struct arena *a, struct nv_search *s)
{
	static const char dir[] = "/etc/ld.so.conf.d";
	struct strv names;
	const char *real;

	add_configured(a, s, "/etc/ld.so.conf");
	if (nv_root_resolve(a, s->root, "", dir, &real) < 0)
		return;
	names = nv_search_names(a, s->root, real, is_conf);
	for (size_t i = 0; i < names.n && i < MAX_CONFS; i++)
		add_configured(a, s, arena_printf(a, "%s/%s", dir, names.v[i]));
}

static void add_standard(struct arena *a, struct nv_search *s)
{
	for (size_t i = 0; i < nv_library_dir_count; i++)
		add_dir(a, s, s->root, nv_library_dirs[i].path);
	/* A driver root may be nothing but a directory of libraries. */
	if (s->root->prefix[0] != '\0')
		add_dir(a, s, s->root, "/");
}

static bool has_anchor(const struct nv_search *s)
{
	for (size_t i = 0; i < s->dirs.n; i++)
		for (size_t k = 0; k < s->dirs.v[i].names.n; k++)
			if (is_anchor(s->dirs.v[i].names.v[k]))
				return true;
	return false;
}

/* A distribution may keep only links in a standard directory. */
static void add_targets(struct arena *a, struct nv_search *s)
{
	size_t n = s->dirs.n;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < s->dirs.v[i].names.n; k++) {
			const char *name = s->dirs.v[i].names.v[k];

			if (is_anchor(name))
				add_linked(a, s, arena_printf(a, "%s/%s", s->dirs.v[i].path, name));
		}
	}
}

/* Directories that the user names are the host's; below the driver root they are the root's own. */
static void add_given(struct arena *a, struct nv_search *s, const char *given)
{
	auto_free char *dir = path_clean(given);

	if (dir[0] != '/')
		log_debug("library search path %s is not absolute: ignored", given);
	else if (path_is_below(dir, s->root->prefix))
		add_dir(a, s, s->root, path_strip_root(dir, s->root->prefix));
	else
		add_dir(a, s, &machine, dir);
}

void nv_search_libraries(struct arena *a, const struct nv_root *root, const struct strv *configured,
			 struct nv_search *ret)
{
	*ret = (struct nv_search){.root = root};
	for (size_t i = 0; configured && i < configured->n; i++) {
		struct str rest = str_of(configured->v[i]), part;

		while (str_split(&rest, ':', &part))
			if (part.n > 0)
				add_given(a, ret, arena_str(a, part));
	}
	if (configured && configured->n > 0)
		return;
	add_standard(a, ret);
	/* What the cache was made from has nothing to add, and may be large: CUDA's own libraries.
	 */
	if (!add_cached(a, ret) || !has_anchor(ret))
		add_loader_configuration(a, ret);
	add_targets(a, ret);
}

bool nv_search_has(struct arena *a, const struct nv_search *s, const char *name)
{
	for (size_t i = 0; i < s->dirs.n; i++) {
		const struct nv_lib_dir *dir = &s->dirs.v[i];
		const char *real;
		struct stat st;

		if (nv_root_resolve(a, dir->root, dir->path, name, &real) == 0 &&
		    stat(nv_root_host(a, dir->root, real), &st) == 0 && !S_ISDIR(st.st_mode))
			return true;
	}
	return false;
}

const char *nv_search_prefix(struct arena *a, const char *dir)
{
	struct str rest = str_of(dir), part;

	while (str_split(&rest, '/', &part)) {
		if (!str_is(part, "lib") && !str_is(part, "lib32") && !str_is(part, "lib64"))
			continue;
		return arena_str(a,
				 (struct str){dir, part.p > dir ? (size_t)(part.p - dir - 1) : 0});
	}
	return NULL;
}

bool nv_search_is_versioned(struct str name, const char *version)
{
	size_t n = strlen(version);

	return name.n > n + 4 && str_has_suffix(name, version) &&
	       memcmp(name.p + name.n - n - 4, ".so.", 4) == 0;
}
