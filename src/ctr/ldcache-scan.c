/* SPDX-License-Identifier: Apache-2.0 */
#include "ctr/ldcache-scan.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "ctr/ldconf.h"
#include "ctr/libdir.h"

enum {
	/* Beyond these no folder's libraries are compared with the old cache: they count as not
	 * found. */
	MAX_COMPARED = 1024,
	MAX_OLD = 16384,
};

const char ldcache_scan_musl[4][16] = {"x86_64", "aarch64", "i386", "armhf"};

/* Where loaders lie that read ld.so.cache. */
static const char glibc_signs[][32] = {LDCACHE_SCAN_FILE,
				       "/lib64/ld-linux-x86-64.so.2",
				       "/lib/ld-linux-aarch64.so.1",
				       "/lib/ld-linux.so.2",
				       "/lib64/ld64.so.2",
				       "/libx32/ld-linux-x32.so.2",
				       LDCONF_FILE};

/*
 * What glibc's ldconfig and loader search without being told. Debian has its
 * multiarch directories instead of lib64.
 */
static const char debian_dirs[][32] = {
#if defined(__aarch64__)
	"/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
#else
	"/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
#endif
	"/lib", "/usr/lib"};
static const char other_dirs[][32] = {"/lib",	    "/lib64",
#if !defined(__aarch64__)
				      "/libx32",
#endif
				      "/usr/lib",   "/usr/lib64",
#if !defined(__aarch64__)
				      "/usr/libx32"
#endif
};

/* musl's, when its path file is absent. */
static const char musl_dirs[][16] = {"/lib", "/usr/local/lib", "/usr/lib"};

/* A directory of the image: two names of one are told by it. */
struct dir_id {
	dev_t dev;
	ino_t ino;
};

struct folder {
	const char *path;
	struct dir_id id; /* zero when it is not there */
	bool is_system;	  /* the loader searches it without being told */
	bool is_known;	  /* the image's configuration, or the loader itself, names it */
	bool is_found;	  /* what it holds is found as things are */
};

/* A directory that the loader's configuration or the loader names. */
struct named {
	const char *path;
	struct folder *folder; /* the folder that it is, under whichever name, or NULL */
};

struct scan {
	struct arena a;
	const struct rootfs *root;
	struct folder *folders;
	size_t folders_n;
	struct ldcache_scan_header header;
	struct strbuf text, cache, paths;
	struct ldconf conf;
	struct named *named; /* what the configuration names, then what the loader knows */
	size_t named_n;
	struct libdir libraries;
	struct str old_bytes; /* its cache as it is, when there is one */
	struct libdir_old old;
};

static void scan_done(struct scan *s)
{
	strbuf_done(&s->text);
	strbuf_done(&s->cache);
	strbuf_done(&s->paths);
	libdir_done(&s->libraries);
	arena_done(&s->a);
}

static bool exists(const struct scan *s, const char *path)
{
	auto_close int fd = rootfs_resolve(s->root, path, NULL);

	return fd >= 0;
}

static struct dir_id identify(const struct scan *s, const char *path)
{
	auto_close int fd = rootfs_resolve(s->root, path, NULL);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return (struct dir_id){0};
	return (struct dir_id){st.st_dev, st.st_ino};
}

static struct folder *folder_of(const struct scan *s, const char *path)
{
	struct dir_id id = identify(s, path);

	for (size_t i = 0; i < s->folders_n; i++) {
		struct folder *f = &s->folders[i];

		if (strcmp(f->path, path) == 0 ||
		    (id.ino != 0 && f->id.ino == id.ino && f->id.dev == id.dev))
			return f;
	}
	return NULL;
}

static void find_loaders(struct scan *s)
{
	for (size_t i = 0; i < COUNT_OF(ldcache_scan_musl) && s->header.musl == 0; i++)
		if (exists(s, arena_printf(&s->a, "/lib/ld-musl-%s.so.1", ldcache_scan_musl[i])))
			s->header.musl = (uint32_t)i + 1;
	for (size_t i = 0; i < COUNT_OF(glibc_signs) && !(s->header.flags & LDCACHE_SCAN_GLIBC);
	     i++)
		if (exists(s, glibc_signs[i]))
			s->header.flags |= LDCACHE_SCAN_GLIBC;
	/* A loader in a place of its own may read the cache, and a cache does no harm. */
	if (s->header.musl == 0)
		s->header.flags |= LDCACHE_SCAN_GLIBC;
}

static void find_folders(struct scan *s, const struct strv *paths)
{
	s->folders = arena_array(&s->a, struct folder, paths->n);
	s->folders_n = paths->n;
	for (size_t i = 0; i < paths->n; i++)
		s->folders[i] =
			(struct folder){.path = paths->v[i], .id = identify(s, paths->v[i])};
}

static void add_named(struct scan *s, const char *path, bool is_system)
{
	struct folder *f = folder_of(s, path);

	if (f) {
		f->is_known = true;
		f->is_system = f->is_system || is_system;
	}
	s->named[s->named_n++] = (struct named){path, f};
}

static void find_named(struct scan *s)
{
	bool debian = exists(s, "/etc/debian_version");
	size_t n = debian ? COUNT_OF(debian_dirs) : COUNT_OF(other_dirs);

	s->named = arena_array(&s->a, struct named, s->conf.dirs.n + n);
	for (size_t i = 0; i < s->conf.dirs.n; i++)
		add_named(s, s->conf.dirs.v[i], false);
	for (size_t i = 0; i < n; i++)
		add_named(s, debian ? debian_dirs[i] : other_dirs[i], true);
}

static bool in_old_cache(const struct scan *s, const struct ldcache_entry *entry)
{
	for (size_t i = 0; i < s->old.cache.n; i++) {
		const struct ldcache_entry *o = &s->old.cache.v[i];

		if (o->flags == entry->flags && strcmp(o->soname, entry->soname) == 0 &&
		    strcmp(o->path, entry->path) == 0)
			return true;
	}
	return false;
}

/* Whether the loader finds what one folder added, by its own search or by the old cache. */
static bool is_found(const struct scan *s, const struct folder *f, size_t entries, size_t links)
{
	const struct libdir *l = &s->libraries;

	if (l->links.n > links)
		return false;
	if (f->is_system)
		return true;
	for (size_t i = entries; i < l->cache.n && i < entries + MAX_COMPARED; i++)
		if (!in_old_cache(s, &l->cache.v[i]))
			return false;
	return l->cache.n - entries <= MAX_COMPARED;
}

static void add_directory(struct scan *s, const char *path, struct folder *f)
{
	struct libdir *l = &s->libraries;
	size_t entries = l->cache.n, links = l->links.n;

	if (libdir_add(l, path, f != NULL) == 0 || !f)
		return;
	for (size_t i = links; i < l->links.n; i++)
		strbuf_printf(&s->text, "link %zu %s/%s\n", (size_t)(f - s->folders),
			      l->links.v[i].file, l->links.v[i].soname);
	f->is_found = is_found(s, f, entries, links);
}

/* In the order in which ldconfig would meet them once our drop-in file is there. */
static void add_directories(struct scan *s)
{
	for (size_t i = 0; i < s->conf.driver_at; i++)
		add_directory(s, s->named[i].path, s->named[i].folder);
	for (size_t i = 0; i < s->folders_n; i++) {
		if (s->folders[i].is_known)
			continue;
		strbuf_printf(&s->text, "unknown %zu\n", i);
		add_directory(s, s->folders[i].path, &s->folders[i]);
	}
	for (size_t i = s->conf.driver_at; i < s->named_n; i++)
		add_directory(s, s->named[i].path, s->named[i].folder);
}

static void read_old_cache(struct scan *s)
{
	auto_close int fd = rootfs_open_file(s->root, LDCACHE_SCAN_FILE, NULL);
	struct ldcache old = {0};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 ||
	    fs_read_fd(&s->a, fd, LDCACHE_SCAN_FILE, LDCACHE_SCAN_MAX_CACHE, &s->old_bytes, NULL) <
		    0)
		s->old_bytes = (struct str){0};
	else if (ldcache_parse(&s->a, s->old_bytes, LDCACHE_SCAN_FILE, &old, NULL) == 0 &&
		 old.n <= MAX_OLD)
		s->old = (struct libdir_old){old, st.st_mtim};
}

static void make_cache(struct scan *s)
{
	read_old_cache(s);
	add_directories(s);
	ldcache_write(&s->libraries.cache, &s->cache);
	if (str_eq(strbuf_str(&s->cache), s->old_bytes)) {
		s->header.flags |= LDCACHE_SCAN_CURRENT;
		strbuf_reset(&s->cache);
	}
	s->header.flags |= LDCACHE_SCAN_REACHABLE;
	for (size_t i = 0; i < s->folders_n; i++)
		if (s->folders[i].id.ino != 0 && !s->folders[i].is_found)
			s->header.flags &= ~(uint32_t)LDCACHE_SCAN_REACHABLE;
}

static bool has_path(struct str list, const char *path)
{
	struct str line, entry;

	while (str_split(&list, '\n', &line))
		while (str_split(&line, ':', &entry))
			if (str_is(entry, path))
				return true;
	return false;
}

/* musl searches what its path file names and nothing else; without one, three directories. */
static void make_paths(struct scan *s)
{
	const char *file =
		arena_printf(&s->a, LDCACHE_SCAN_MUSL_PATHS, ldcache_scan_musl[s->header.musl - 1]);
	struct str old = {0};

	if (rootfs_read(&s->a, s->root, file, LDCACHE_SCAN_MAX_PATHS / 2, &old, NULL) == 0) {
		strbuf_add(&s->paths, old);
		if (old.n > 0 && old.p[old.n - 1] != '\n')
			strbuf_addc(&s->paths, '\n');
	} else {
		for (size_t i = 0; i < COUNT_OF(musl_dirs); i++)
			strbuf_printf(&s->paths, "%s\n", musl_dirs[i]);
	}
	for (size_t i = 0; i < s->folders_n; i++) {
		if (has_path(strbuf_str(&s->paths), s->folders[i].path))
			continue;
		strbuf_printf(&s->paths, "%s\n", s->folders[i].path);
		s->header.flags |= LDCACHE_SCAN_CHANGED_PATHS;
	}
	if (!(s->header.flags & LDCACHE_SCAN_CHANGED_PATHS))
		strbuf_reset(&s->paths);
}

static void add_notes(struct scan *s, const struct strv *notes)
{
	for (size_t i = 0; i < notes->n; i++) {
		strbuf_adds(&s->text, "note ");
		/* One line each: control bytes do not pass. */
		strbuf_escape(&s->text, str_of(notes->v[i]));
		strbuf_addc(&s->text, '\n');
	}
}

int ldcache_scan(const struct rootfs *root, const void *request, struct strbuf *out, struct err *e)
{
	AUTO(scan_done) struct scan s = {.root = root};

	find_loaders(&s);
	ldconf_read(&s.a, root, &s.conf);
	if (s.conf.exists)
		s.header.flags |= LDCACHE_SCAN_CONF;
	find_folders(&s, request);
	find_named(&s);
	libdir_init(&s.libraries, &s.a, root, &s.old);
	if (s.header.flags & LDCACHE_SCAN_GLIBC) {
		make_cache(&s);
	} else {
		for (size_t i = 0; i < s.folders_n; i++)
			add_directory(&s, s.folders[i].path, &s.folders[i]);
	}
	if (s.header.musl > 0)
		make_paths(&s);
	add_notes(&s, &s.conf.notes);
	add_notes(&s, &s.libraries.notes);
	if (s.cache.n > LDCACHE_SCAN_MAX_CACHE || s.paths.n > LDCACHE_SCAN_MAX_PATHS ||
	    s.text.n > LDCACHE_SCAN_MAX_TEXT)
		return err_set(e, EFBIG, "the image has too many libraries for a loader cache");
	s.header.text_n = (uint32_t)s.text.n;
	s.header.cache_n = (uint32_t)s.cache.n;
	s.header.paths_n = (uint32_t)s.paths.n;
	strbuf_add(out, (struct str){(const char *)&s.header, sizeof(s.header)});
	strbuf_add(out, strbuf_str(&s.text));
	strbuf_add(out, strbuf_str(&s.cache));
	strbuf_add(out, strbuf_str(&s.paths));
	return 0;
}
