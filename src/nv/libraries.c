/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/collect.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/path.h"
#include "codec/elf.h"
#include "nv/files.h"

/* A name that the loader and a link can carry: a plain file name of harmless characters. */
static bool is_plain_name(const char *s)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._+-";

	return s[0] != '\0' && s[0] != '.' && strlen(s) < 256 && s[strspn(s, allowed)] == '\0';
}

/* What the file says about itself; one that is no ELF file is taken for a 64-bit library. */
static void read_elf(struct nv_collect *c, struct nv_file *f)
{
	auto_close int fd = open(f->host, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct elf_source source = elf_source_fd(&fd, f->host);
	struct elf_facts facts = {0};
	struct err e;
	int r = fd < 0 ? -errno : elf_read(c->a, &source, &facts, &e);

	f->bits = 64;
	if (r < 0) {
		nv_root_note(&c->root, -r, f->host);
		log_debug("%s: no soname: %s", f->host, fd < 0 ? "cannot be opened" : e.text);
		return;
	}
	f->bits = facts.bits;
	if (facts.soname && is_plain_name(facts.soname))
		f->soname = facts.soname;
}

/* "libcuda.so" of "libcuda.so.1"; NULL when that is the whole name or there is no ".so". */
static const char *development_name(struct arena *a, const char *name)
{
	const char *so = strstr(name, ".so");

	if (!so || so[3] == '\0')
		return NULL;
	return arena_str(a, (struct str){name, (size_t)(so - name) + 3});
}

static bool host_has_link(struct nv_collect *c, const struct nv_file *f, const char *name)
{
	auto_free char *dir = path_dir(f->host);
	struct stat st;

	return lstat(arena_printf(c->a, "%s/%s", dir, name), &st) == 0 && S_ISLNK(st.st_mode);
}

static void add_link(struct nv_collect *c, const struct nv_file *f, enum nv_link_group group,
		     const char *target, const char *name)
{
	auto_free char *dir = path_dir(f->path);
	auto_free char *path = path_join(dir, name);
	bool is_soname = f->soname && strcmp(f->soname, name) == 0;
	struct nv_link l = {.group = group,
			    .classes = f->classes,
			    .bits = f->bits,
			    .added = f->platform || (is_soname && !host_has_link(c, f, name)),
			    .target = target,
			    .path = arena_strdup(c->a, path)};

	nv_collect_link(c, &l);
}

static void add_known_links(struct nv_collect *c, const struct nv_file *f)
{
	struct str file = str_of(path_base(f->path));

	for (size_t i = 0; i < nv_known_link_count; i++) {
		const struct nv_known_link *k = &nv_known_links[i];
		struct nv_file of = *f;
		size_t n = strlen(k->library);

		if (!str_has_prefix(file, k->library) ||
		    !str_has_prefix(str_sub(file, n, file.n), ".so."))
			continue;
		of.classes = k->classes;
		add_link(c, &of, k->graphics ? NV_LINK_GRAPHICS : NV_LINK_DRIVER,
			 k->target[0] != '\0' ? k->target : path_base(f->path), k->path);
	}
}

/*
 * The names under which programs open the library. The link of the soname is
 * always made: it is what ldconfig would make. The one without a number is for
 * compilers, and made where the host has it.
 */
static void add_links(struct nv_collect *c, const struct nv_file *f)
{
	const char *file = path_base(f->path);
	const char *soname = f->soname ? f->soname : file;
	const char *plain = development_name(c->a, soname);

	add_known_links(c, f);
	if (strcmp(soname, file) != 0)
		add_link(c, f, NV_LINK_DRIVER, file, soname);
	if (plain && host_has_link(c, f, plain))
		add_link(c, f, NV_LINK_DRIVER, soname, plain);
}

/* A library in a directory, by whatever links lead to it. 1 when it was added. */
static int add_library(struct nv_collect *c, const struct nv_lib_dir *dir, const char *name)
{
	const struct nv_known_library *known = nv_known_library_of(str_of(name));
	struct nv_file f = {.kind = NV_FILE_LIBRARY,
			    .classes = known ? known->classes : (unsigned)NV_CLASS_ALL};
	struct stat st;

	f.platform = known && (known->rules & NV_LIBRARY_OWN_VERSION) &&
		     !nv_search_is_versioned(str_of(name), c->d->version);

	if (nv_root_resolve(c->a, dir->root, dir->path, name, &f.path) < 0)
		return 0;
	f.host = nv_root_host(c->a, dir->root, f.path);
	if (stat(f.host, &st) < 0 || S_ISDIR(st.st_mode))
		return 0;
	read_elf(c, &f);
	nv_collect_file(c, &f);
	add_links(c, &f);
	return 1;
}

static bool is_library(struct str name)
{
	return str_contains(name, ".so.");
}

/* Everything of the driver's version in a directory; false when there is nothing. */
static bool add_versioned(struct nv_collect *c, const struct nv_lib_dir *dir)
{
	size_t before = c->d->files.n;
	bool any = false, any64 = false;

	for (size_t i = 0; i < dir->names.n; i++)
		if (nv_search_is_versioned(str_of(dir->names.v[i]), c->d->version))
			any = add_library(c, dir, dir->names.v[i]) == 1 || any;
	for (size_t i = before; i < c->d->files.n; i++)
		any64 = any64 || c->d->files.v[i].bits == 64;
	if (any64)
		nv_collect_name(c, &c->d->library_dirs, dir->path);
	return any;
}

/* libvdpau looks for its backends in a directory of that name. */
static void add_vdpau(struct nv_collect *c, const struct nv_lib_dir *dir)
{
	struct nv_lib_dir vdpau = {.root = dir->root};

	if (nv_root_resolve(c->a, dir->root, dir->path, "vdpau", &vdpau.path) < 0)
		return;
	vdpau.names = nv_search_names(c->a, dir->root, vdpau.path, is_library);
	for (size_t i = 0; i < vdpau.names.n; i++)
		if (nv_search_is_versioned(str_of(vdpau.names.v[i]), c->d->version))
			(void)add_library(c, &vdpau, vdpau.names.v[i]);
}

/* Libraries of other versions that the rule asks for, in the driver's directories or in all. */
static void add_others(struct nv_collect *c, const struct nv_lib_dir *dir, unsigned rule)
{
	for (size_t i = 0; i < dir->names.n; i++) {
		struct str name = str_of(dir->names.v[i]);
		const struct nv_known_library *known = nv_known_library_of(name);
		struct str version;

		if (!known || !(known->rules & rule))
			continue;
		version = str_sub(name, strlen(known->name) + 3, name.n);
		if (rule == NV_LIBRARY_EXPLICIT && version.n > 0)
			continue; /* "libEGL.so" and what it leads to */
		if (rule == NV_LIBRARY_ANY_VERSION && version.n < 2)
			continue; /* "X.so.*" */
		if (rule == NV_LIBRARY_OWN_VERSION &&
		    (version.n < 4 || !str_contains(str_sub(version, 1, version.n), ".")))
			continue; /* "X.so.*.*" */
		(void)add_library(c, dir, dir->names.v[i]);
	}
}

static bool have_library(const struct nv_collect *c, const char *name)
{
	for (size_t i = 0; i < c->d->files.n; i++) {
		const struct nv_file *f = &c->d->files.v[i];
		const struct nv_known_library *known;

		if (f->kind != NV_FILE_LIBRARY || f->bits != 64)
			continue;
		known = nv_known_library_of(str_of(path_base(f->path)));
		if (known && strcmp(known->name, name) == 0)
			return true;
	}
	return false;
}

static void note_missing(struct nv_collect *c)
{
	for (size_t i = 0; i < nv_known_library_count; i++) {
		const struct nv_known_library *k = &nv_known_libraries[i];

		if ((k->rules & NV_LIBRARY_EXPECTED) && !have_library(c, k->name))
			nv_collect_missing(c, arena_printf(c->a, "%s.so", k->name), k->classes);
	}
}

void nv_collect_libraries(struct nv_collect *c)
{
	for (size_t i = 0; i < c->search.dirs.n; i++) {
		const struct nv_lib_dir *dir = &c->search.dirs.v[i];
		const char *prefix = nv_search_prefix(c->a, dir->path);

		if (!add_versioned(c, dir))
			continue;
		add_vdpau(c, dir);
		add_others(c, dir, NV_LIBRARY_ANY_VERSION);
		if (c->q->explicit_libraries)
			add_others(c, dir, NV_LIBRARY_EXPLICIT);
		if (prefix)
			nv_collect_name(c, &c->prefixes, prefix);
	}
	for (size_t i = 0; i < c->search.dirs.n; i++)
		add_others(c, &c->search.dirs.v[i], NV_LIBRARY_OWN_VERSION);
	note_missing(c);
}
