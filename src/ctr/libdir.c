/* SPDX-License-Identifier: Apache-2.0 */
#include "ctr/libdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "codec/elf.h"

enum {
	MAX_ENTRIES = 65536,
	MAX_READ = 64 * 1024 * 1024,
	MAX_HWCAPS_DIRS = 64,
	MAX_NOTES = 32,
	MAX_NAME = 255,
	HASH_SIZE = 4096,
	FILES_PER_SCRATCH = 16,
};

/* e_flags of ARM: which registers carry floating point. */
#define ARM_FLOAT_HARD 0x400u

/* What an inode is to the loader; a file is read once however many links lead to it. */
struct known {
	dev_t dev;
	ino_t ino;
	struct known *next;
	uint32_t flags;			  /* of its cache entry; 0: not a library */
	const char *soname;		  /* NULL: its file's name counts */
	const struct ldcache_entry *told; /* by the old cache; NULL: read */
};

struct libdir_seen {
	struct known *files[HASH_SIZE];
	struct known *dirs;
};

/* What stands for a SONAME in one directory, as far as it was read. */
struct candidate {
	const char *soname, *name;
	const struct known *known;
	bool is_link;
};

struct candidates VEC(struct candidate);

/* One directory while it is read. */
struct visit {
	struct libdir *l;
	const char *path;
	const char *hwcaps; /* its name when it is a glibc-hwcaps subdirectory */
	int fd;
	bool make_links;
	struct rootfs_entries entries;
	const struct ldcache_entry **told; /* what the old cache says of each, or NULL */
	const struct known **known;	   /* what each was found to be, or NULL */
	struct candidates found;
};

void libdir_init(struct libdir *l, struct arena *a, const struct rootfs *root,
		 const struct libdir_old *old)
{
	*l = (struct libdir){.a = a, .root = root, .old = old, .bytes_left = MAX_READ};
	l->seen = arena_new(a, struct libdir_seen);
}

static void note(struct libdir *l, const char *text)
{
	if (l->notes.n < MAX_NOTES)
		arena_push(l->a, &l->notes, text);
}

void libdir_done(struct libdir *l)
{
	arena_done(&l->scratch);
}

bool libdir_is_library_name(const char *name)
{
	size_t n = strlen(name);

	if (n > MAX_NAME || strchr(name, '/'))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return false;
	return ((strncmp(name, "lib", 3) == 0 || strncmp(name, "ld-", 3) == 0) &&
		strstr(name, ".so")) ||
	       strncmp(name, "ld.so.", 6) == 0 || strncmp(name, "ld64.so.", 8) == 0;
}

/* What package managers and prelink leave for a moment beside the real file. */
static bool is_temporary(const char *name)
{
	static const char ends[][16] = {".#prelink#", ".dpkg-new", ".dpkg-tmp"};
	struct str s = str_of(name);

	for (size_t i = 0; i < COUNT_OF(ends); i++)
		if (str_has_suffix(s, ends[i]))
			return true;
	/* ".#prelink#.XXXXXX", and rpm's ";" with eight hexadecimal digits. */
	return (s.n >= 17 && memcmp(name + s.n - 17, ".#prelink#.", 11) == 0) ||
	       (s.n >= 9 && name[s.n - 9] == ';' &&
		strspn(name + s.n - 8, "0123456789abcdefABCDEF") == 8);
}

static uint32_t cache_flags(const struct elf_facts *f)
{
	switch (f->machine) {
	case ELF_X86_64:
		return LDCACHE_LIBC6 | (f->bits == 64 ? LDCACHE_ARCH_X86_64 : LDCACHE_ARCH_X32);
	case ELF_I386:
		return LDCACHE_LIBC6 | LDCACHE_ARCH_I386;
	case ELF_AARCH64:
		return f->bits == 64 ? LDCACHE_LIBC6 | LDCACHE_ARCH_AARCH64 : 0;
	case ELF_ARM:
		return LDCACHE_LIBC6 |
		       (f->flags & ARM_FLOAT_HARD ? LDCACHE_ARCH_ARM_HF : LDCACHE_ARCH_ARM_SF);
	case ELF_PPC64:
		return LDCACHE_LIBC6 | LDCACHE_ARCH_PPC64LE;
	case ELF_OTHER:
		break;
	}
	return 0;
}

/* A source that counts what it reads. */
struct counted {
	struct elf_source file;
	size_t *left;
};

static int read_counted(void *context, uint64_t offset, void *to, size_t n)
{
	struct counted *c = context;

	if (n > *c->left)
		return -EFBIG;
	*c->left -= n;
	return c->file.read(c->file.context, offset, to, n);
}

/* Files that are no libraries (scripts for the linker, damaged ones) are known as that. */
static void read_facts(struct libdir *l, int fd, const char *name, struct known *ret)
{
	struct counted counted = {elf_source_fd(&fd, name), &l->bytes_left};
	struct elf_source src = {read_counted, &counted, name};
	struct elf_facts facts;
	int r = elf_read(&l->scratch, &src, &facts, NULL);

	if (r < 0 && l->bytes_left < 1024)
		note(l, "libraries behind the first 64 MiB of headers");
	if (r < 0 || !facts.is_shared)
		return;
	ret->flags = cache_flags(&facts);
	if (facts.soname)
		ret->soname = arena_strdup(l->a, facts.soname);
	/* Now and then: a chunk of memory per file would cost more than reading the file. */
	if (++l->files % FILES_PER_SCRATCH == 0)
		arena_done(&l->scratch);
}

static struct known **slot(struct libdir *l, const struct stat *st)
{
	return &l->seen->files[(st->st_ino ^ st->st_dev) % HASH_SIZE];
}

static struct known *find(struct known *list, const struct stat *st)
{
	while (list && (list->ino != st->st_ino || list->dev != st->st_dev))
		list = list->next;
	return list;
}

static struct known *remember(struct libdir *l, struct known **list, const struct stat *st)
{
	struct known *k = arena_new(l->a, struct known);

	k->dev = st->st_dev;
	k->ino = st->st_ino;
	k->next = *list;
	*list = k;
	return k;
}

static const char *join(struct arena *a, const char *dir, const char *name)
{
	struct str d = str_of(dir), n = str_of(name);
	char *path = arena_alloc(a, d.n + 1 + n.n + 1);

	memcpy(path, d.p, d.n);
	path[d.n] = '/';
	memcpy(path + d.n + 1, n.p, n.n);
	path[d.n + 1 + n.n] = '\0';
	return path;
}

/* The file's name in a path of the directory of that name, or NULL. */
static const char *file_in(const char *dir, const char *path)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/' && !strchr(path + n + 1, '/')
		       ? path + n + 1
		       : NULL;
}

static bool is_loadable(const struct ldcache_entry *entry)
{
	return (entry->flags & LDCACHE_TYPE_MASK) != 0;
}

static int by_entry(const void *name, const void *entry)
{
	return strcmp(name, ((const struct rootfs_entry *)entry)->name);
}

static const struct rootfs_entry *entry_named(const struct visit *v, const char *name)
{
	return v->entries.n == 0
		       ? NULL
		       : bsearch(name, v->entries.v, v->entries.n, sizeof(*v->entries.v), by_entry);
}

static const struct ldcache_entry *told_of(const struct visit *v, const struct rootfs_entry *entry)
{
	return v->told[entry - v->entries.v];
}

static void collect_told(struct visit *v)
{
	const struct ldcache *old = &v->l->old->cache;

	v->known = arena_array(v->l->a, const struct known *, v->entries.n);
	v->told = arena_array(v->l->a, const struct ldcache_entry *, v->entries.n);
	for (size_t i = 0; i < old->n; i++) {
		const char *file = file_in(v->path, old->v[i].path);
		const struct rootfs_entry *entry = file ? entry_named(v, file) : NULL;

		if (entry && is_loadable(&old->v[i]))
			v->told[entry - v->entries.v] = &old->v[i];
	}
}

/* An empty file, as committing a running GPU container leaves them, is no library any more. */
static void believe(struct known *k, const struct stat *st, const struct ldcache_entry *entry)
{
	if (st->st_size == 0)
		return;
	k->flags = entry->flags;
	k->soname = entry->soname;
	k->told = entry;
}

/* What a file of the directory is; NULL when it is no regular file. told: by the old cache, or
 * NULL. */
static const struct known *look_at_file(struct visit *v, const struct rootfs_entry *entry,
					const struct ldcache_entry *told)
{
	const struct known **memo = &v->known[entry - v->entries.v];
	struct libdir *l = v->l;
	auto_close int fd = -1;
	struct known *k;
	struct stat st;

	if (*memo)
		return *memo;
	if (rootfs_stat_entry(v->fd, entry->name, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	*memo = k = find(*slot(l, &st), &st);
	if (k)
		return k;
	*memo = k = remember(l, slot(l, &st), &st);
	if (told) {
		believe(k, &st, told);
		return k;
	}
	fd = rootfs_open_entry(v->fd, entry->name, NULL);
	if (fd >= 0)
		read_facts(l, fd, entry->name, k);
	return k;
}

/* The same for what a link leads to anywhere in the image. */
static const struct known *look_behind(struct visit *v, const char *name,
				       const struct ldcache_entry *told)
{
	struct libdir *l = v->l;
	const char *path = join(l->a, v->path, name);
	auto_close int fd = rootfs_resolve(l->root, path, NULL);
	struct known *k;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	k = find(*slot(l, &st), &st);
	if (k)
		return k;
	k = remember(l, slot(l, &st), &st);
	if (told) {
		believe(k, &st, told);
		return k;
	}
	closep(&fd);
	fd = rootfs_open_file(l->root, path, NULL);
	if (fd >= 0)
		read_facts(l, fd, name, k);
	return k;
}

/* The name that the linker looks for. */
static bool is_for_linker(const char *name)
{
	return str_has_suffix(str_of(name), ".so");
}

/*
 * Most links lead to a file beside them. What the old cache says about libx.so.1 it then says
 * about that file, whose SONAME it is; what it says about libx.so, it does not.
 */
static const struct known *look_at_link(struct visit *v, const struct rootfs_entry *link)
{
	const struct ldcache_entry *told = told_of(v, link), *of_file;
	const struct rootfs_entry *beside = NULL;
	const char *name = link->name, *target;

	if (rootfs_readlink_entry(v->l->a, v->fd, name, &target) == 0 && !strchr(target, '/'))
		beside = entry_named(v, target);
	if (!beside || beside->type != DT_REG)
		return look_behind(v, name, told);
	of_file = told_of(v, beside);
	if (!of_file && !is_for_linker(name))
		of_file = told;
	return look_at_file(v, beside, of_file);
}

/*
 * A link counts as one when its name is the SONAME, or the name that the
 * linker looks for (libx.so for libx.so.1); any other is as good as a file.
 */
static bool counts_as_link(const char *name, const char *soname)
{
	size_t n = strlen(name);

	return strcmp(name, soname) == 0 ||
	       (n >= 3 && strcmp(name + n - 3, ".so") == 0 && strncmp(name, soname, n) == 0);
}

static void add_candidate(struct visit *v, const struct rootfs_entry *entry)
{
	bool is_link = entry->type == DT_LNK;
	struct candidate c = {.name = entry->name};
	const struct known *k;

	if (!libdir_is_library_name(entry->name) || is_temporary(entry->name))
		return;
	k = is_link ? look_at_link(v, entry) : look_at_file(v, entry, told_of(v, entry));
	if (!k || k->flags == 0)
		return;
	c.soname = k->soname ? k->soname : entry->name;
	c.known = k;
	c.is_link = is_link && counts_as_link(entry->name, c.soname);
	if (c.is_link)
		c.soname = entry->name;
	/* A file may claim any SONAME; the cache and the links take names only. */
	if (libdir_is_library_name(c.soname))
		arena_push(v->l->a, &v->found, c);
}

static int by_soname(const void *a, const void *b)
{
	return strcmp(((const struct candidate *)a)->soname, ((const struct candidate *)b)->soname);
}

/* A file before a link, then the higher version. */
static bool is_better(const struct candidate *c, const struct candidate *than)
{
	if (c->is_link != than->is_link)
		return !c->is_link;
	return ldcache_compare(c->name, than->name) > 0;
}

/*
 * Whether a link may be made under a SONAME behind which no library was found:
 * nothing is there, or a file or link that leads to none. Empty files of that
 * kind are what committing a running GPU container leaves in an image.
 */
static bool is_free(const struct visit *v, const char *soname)
{
	const struct rootfs_entry *entry = entry_named(v, soname);

	return !entry || entry->type == DT_LNK || entry->type == DT_REG;
}

/* Puts what stands for a SONAME into the cache; named: the directory has a library of that name. */
static void add_to_cache(struct visit *v, const struct candidate *c, bool named)
{
	struct libdir *l = v->l;
	const struct ldcache_entry *told = c->known->told;
	const char *file = c->soname;

	if (v->hwcaps) {
		file = c->name; /* links in these are nobody's business */
	} else if (!named && v->make_links && is_free(v, c->soname)) {
		arena_push(l->a, &l->links, ((struct libdir_link){v->path, c->name, c->soname}));
	} else if (!named) {
		file = c->name;
	}
	arena_push(l->a, &l->cache,
		   ((struct ldcache_entry){.flags = c->known->flags,
					   .osversion = told ? told->osversion : 0,
					   .hwcap = told ? told->hwcap : 0,
					   .hwcaps = v->hwcaps,
					   .soname = c->soname,
					   .path = join(l->a, v->path, file)}));
}

/* One entry of the cache for each SONAME. */
static void choose(struct visit *v)
{
	const struct candidate *list = v->found.v;

	qsort(v->found.v, v->found.n, sizeof(*v->found.v), by_soname);
	for (size_t i = 0; i < v->found.n;) {
		size_t best = i, first = i;
		bool named = false;

		for (; i < v->found.n && strcmp(list[i].soname, list[first].soname) == 0; i++) {
			named = named || strcmp(list[i].name, list[i].soname) == 0;
			if (is_better(&list[i], &list[best]))
				best = i;
		}
		add_to_cache(v, &list[best], named);
	}
}

static bool is_told_link(const struct visit *v, const struct rootfs_entry *entry)
{
	return entry->type == DT_LNK && told_of(v, entry) && !is_for_linker(entry->name);
}

static void visit(struct visit *v)
{
	struct libdir *l = v->l;
	struct err e = {""};

	if (rootfs_read_dir(l->a, v->fd, MAX_ENTRIES - l->entries, &v->entries, &e) < 0) {
		note(l, arena_printf(l->a, "%s: %s", v->path, e.text));
		return;
	}
	l->entries += v->entries.n;
	collect_told(v);
	/* Links that the cache knows, before the files behind them; the others after these. */
	for (size_t i = 0; i < v->entries.n; i++)
		if (is_told_link(v, &v->entries.v[i]))
			add_candidate(v, &v->entries.v[i]);
	for (size_t i = 0; i < v->entries.n; i++)
		if (v->entries.v[i].type == DT_REG)
			add_candidate(v, &v->entries.v[i]);
	for (size_t i = 0; i < v->entries.n; i++)
		if (v->entries.v[i].type == DT_LNK && !is_told_link(v, &v->entries.v[i]))
			add_candidate(v, &v->entries.v[i]);
	if (v->found.n > 0)
		choose(v);
}

/* Opens a directory that was not visited yet; the descriptor, or -1. */
static int open_new(struct libdir *l, const char *path, struct stat *ret)
{
	auto_close int fd = rootfs_open_dir(l->root, path, NULL);

	if (fd < 0 || fstat(fd, ret) < 0 || find(l->seen->dirs, ret))
		return -1;
	(void)remember(l, &l->seen->dirs, ret);
	return steal_fd(&fd);
}

static void visit_hwcaps(struct libdir *l, const char *path)
{
	const char *top = arena_printf(l->a, "%s/glibc-hwcaps", path);
	auto_close int fd = rootfs_open_dir(l->root, top, NULL);
	struct rootfs_entries entries = {0};

	if (fd < 0 || rootfs_read_dir(l->a, fd, MAX_HWCAPS_DIRS, &entries, NULL) < 0)
		return;
	for (size_t i = 0; i < entries.n; i++) {
		const char *name = entries.v[i].name;
		auto_close int sub = -1;
		struct visit v = {.l = l, .hwcaps = name};
		struct stat st;

		/* The loader cannot look for a name with a colon. */
		if (name[0] == '.' || strchr(name, ':') || entries.v[i].type == DT_REG)
			continue;
		v.path = arena_printf(l->a, "%s/%s", top, name);
		v.fd = sub = open_new(l, v.path, &st);
		if (sub >= 0)
			visit(&v);
	}
}

/* Whether an entry is of the directory itself or of its glibc-hwcaps. */
static bool is_of(const char *dir, const struct ldcache_entry *entry)
{
	size_t n = strlen(dir);
	struct str rest = str_of(entry->path);

	if (!entry->hwcaps)
		return file_in(dir, entry->path) != NULL;
	if (strncmp(entry->path, dir, n) != 0 || entry->path[n] != '/')
		return false;
	rest = str_sub(rest, n + 1, rest.n);
	if (!str_has_prefix(rest, "glibc-hwcaps/"))
		return false;
	rest = str_sub(rest, strlen("glibc-hwcaps/"), rest.n);
	return str_has_prefix(rest, entry->hwcaps) && str_find(rest, '/') == strlen(entry->hwcaps);
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/*
 * Takes what the old cache says of a directory. False when it says nothing, as of a directory
 * that its configuration did not name then, or when the directory was changed later.
 */
static bool take_old(struct libdir *l, const char *path, const struct stat *st)
{
	const struct ldcache *old = &l->old->cache;
	size_t before = l->cache.n;

	if (is_later(&st->st_mtim, &l->old->time))
		return false;
	for (size_t i = 0; i < old->n; i++)
		if (is_of(path, &old->v[i]))
			arena_push(l->a, &l->cache, old->v[i]);
	return l->cache.n > before;
}

int libdir_add(struct libdir *l, const char *path, bool make_links)
{
	struct stat st;
	auto_close int fd = open_new(l, path, &st);
	struct visit v = {.l = l, .path = path, .fd = fd, .make_links = make_links};

	if (fd < 0)
		return 0;
	if (!make_links && take_old(l, path, &st))
		return 1;
	visit(&v);
	visit_hwcaps(l, path);
	return 1;
}
