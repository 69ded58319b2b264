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
	uint32_t flags;	    /* of its cache entry; 0: not a library */
	const char *soname; /* NULL: its file's name counts */
};

struct libdir_seen {
	struct known *files[HASH_SIZE];
	struct known *dirs;
};

/* What stands for a SONAME in one directory, as far as it was read. */
struct candidate {
	const char *soname, *name;
	uint32_t flags;
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
	struct candidates found;
};

void libdir_init(struct libdir *l, struct arena *a, const struct rootfs *root)
{
	*l = (struct libdir){.a = a, .root = root, .bytes_left = MAX_READ};
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

/* What a file of the directory is, or a link in it leads to; NULL when it is no regular file. */
static const struct known *look_at(struct visit *v, const char *name, bool is_link)
{
	struct libdir *l = v->l;
	const char *path = is_link ? arena_printf(l->a, "%s/%s", v->path, name) : name;
	auto_close int fd = is_link ? rootfs_resolve(l->root, path, NULL)
				    : rootfs_open_entry(v->fd, name, NULL);
	struct known *k;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	k = find(*slot(l, &st), &st);
	if (k)
		return k;
	k = remember(l, slot(l, &st), &st);
	if (is_link) {
		closep(&fd);
		fd = rootfs_open_file(l->root, path, NULL);
	}
	if (fd >= 0)
		read_facts(l, fd, name, k);
	return k;
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

	if ((!is_link && entry->type != DT_REG) || !libdir_is_library_name(entry->name) ||
	    is_temporary(entry->name))
		return;
	k = look_at(v, entry->name, is_link);
	if (!k || k->flags == 0)
		return;
	c.soname = k->soname ? k->soname : entry->name;
	c.flags = k->flags;
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

static int by_entry(const void *name, const void *entry)
{
	return strcmp(name, ((const struct rootfs_entry *)entry)->name);
}

/*
 * Whether a link may be made under a SONAME behind which no library was found:
 * nothing is there, or a file or link that leads to none. Empty files of that
 * kind are what committing a running GPU container leaves in an image.
 */
static bool is_free(const struct visit *v, const char *soname)
{
	const struct rootfs_entry *entry =
		bsearch(soname, v->entries.v, v->entries.n, sizeof(*v->entries.v), by_entry);

	return !entry || entry->type == DT_LNK || entry->type == DT_REG;
}

/* Puts what stands for a SONAME into the cache; named: the directory has a library of that name. */
static void add_to_cache(struct visit *v, const struct candidate *c, bool named)
{
	struct libdir *l = v->l;
	const char *file = c->soname;

	if (v->hwcaps) {
		file = c->name; /* links in these are nobody's business */
	} else if (!named && v->make_links && is_free(v, c->soname)) {
		arena_push(l->a, &l->links, ((struct libdir_link){v->path, c->name, c->soname}));
	} else if (!named) {
		file = c->name;
	}
	arena_push(l->a, &l->cache,
		   ((struct ldcache_entry){.flags = c->flags,
					   .hwcaps = v->hwcaps,
					   .soname = c->soname,
					   .path = arena_printf(l->a, "%s/%s", v->path, file)}));
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

static void visit(struct visit *v)
{
	struct libdir *l = v->l;
	struct err e = {""};

	if (rootfs_read_dir(l->a, v->fd, MAX_ENTRIES - l->entries, &v->entries, &e) < 0) {
		note(l, arena_printf(l->a, "%s: %s", v->path, e.text));
		return;
	}
	l->entries += v->entries.n;
	/* Files first: most links lead to one beside them, which is then known. */
	for (size_t i = 0; i < v->entries.n; i++)
		if (v->entries.v[i].type == DT_REG)
			add_candidate(v, &v->entries.v[i]);
	for (size_t i = 0; i < v->entries.n; i++)
		if (v->entries.v[i].type == DT_LNK)
			add_candidate(v, &v->entries.v[i]);
	if (v->found.n > 0)
		choose(v);
}

/* Opens a directory that was not visited yet; the descriptor, or -1. */
static int open_new(struct libdir *l, const char *path)
{
	auto_close int fd = rootfs_open_dir(l->root, path, NULL);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || find(l->seen->dirs, &st))
		return -1;
	(void)remember(l, &l->seen->dirs, &st);
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

		/* The loader cannot look for a name with a colon. */
		if (name[0] == '.' || strchr(name, ':') || entries.v[i].type == DT_REG)
			continue;
		v.path = arena_printf(l->a, "%s/%s", top, name);
		v.fd = sub = open_new(l, v.path);
		if (sub >= 0)
			visit(&v);
	}
}

int libdir_add(struct libdir *l, const char *path, bool make_links)
{
	auto_close int fd = open_new(l, path);
	struct visit v = {.l = l, .path = path, .fd = fd, .make_links = make_links};

	if (fd < 0)
		return 0;
	visit(&v);
	visit_hwcaps(l, path);
	return 1;
}
