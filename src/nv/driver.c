/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/driver.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "nv/collect.h"
#include "nv/diagnose.h"
#include "nv/files.h"

void nv_collect_name(struct nv_collect *c, struct strv *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], name) == 0)
			return;
	arena_push(c->a, list, name);
}

void nv_collect_file(struct nv_collect *c, const struct nv_file *f)
{
	for (size_t i = 0; i < c->d->files.n; i++)
		if (strcmp(c->d->files.v[i].path, f->path) == 0)
			return;
	arena_push(c->a, &c->d->files, *f);
}

void nv_collect_link(struct nv_collect *c, const struct nv_link *l)
{
	for (size_t i = 0; i < c->d->links.n; i++)
		if (strcmp(c->d->links.v[i].path, l->path) == 0)
			return;
	arena_push(c->a, &c->d->links, *l);
}

bool nv_collect_at(struct nv_collect *c, const struct nv_file *f, bool dirs)
{
	struct nv_file found = *f;
	const char *real;
	struct stat st;

	if (nv_root_stat(c->a, &c->root, f->path, &real, &st) < 0 || (S_ISDIR(st.st_mode) && !dirs))
		return false;
	found.host = nv_root_host(c->a, &c->root, real);
	found.is_dir = S_ISDIR(st.st_mode);
	nv_collect_file(c, &found);
	return true;
}

void nv_collect_missing(struct nv_collect *c, const char *name, unsigned classes)
{
	AUTO(strbuf_done) struct strbuf names = {0};

	nv_class_names(classes, &names);
	arena_push(c->a, &c->d->missing, arena_printf(c->a, "%s (%s)", name, names.p));
}

/* "580.159.04": digits with at least one dot between. */
static bool is_version(struct str s)
{
	struct str rest = s, part;
	unsigned parts = 0;

	while (str_split(&rest, '.', &part)) {
		uint32_t n;

		if (part.n > 6 || str_to_u32(part, &n) < 0)
			return false;
		parts++;
	}
	return parts >= 2 && parts <= 4;
}

/*
 * "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release
 * Build …" and "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu …":
 * the first word that is a version.
 */
static const char *module_version(struct arena *a, const struct nv_host *host, bool *ret_loaded)
{
	const char *path = arena_printf(a, "%s/driver/nvidia/version", nv_host_proc(host));
	struct str text, line, word;

	*ret_loaded = fs_read(a, path, 65536, &text, NULL) == 0;
	if (!*ret_loaded || !str_split(&text, '\n', &line))
		return NULL;
	while (str_split(&line, ' ', &word))
		if (is_version(word))
			return arena_str(a, word);
	return NULL;
}

/* What follows "<library>.so." in a file that exists, when it is a version. */
static struct str version_of(struct nv_collect *c, const struct nv_lib_dir *dir, const char *name,
			     const char *library)
{
	struct str file = str_of(name), version;
	size_t n = strlen(library);
	const char *real;
	struct stat st;

	if (!str_has_prefix(file, library) || !str_has_prefix(str_sub(file, n, file.n), ".so."))
		return (struct str){0};
	version = str_sub(file, n + 4, file.n);
	if (!is_version(version))
		return (struct str){0};
	if (nv_root_resolve(c->a, dir->root, dir->path, name, &real) < 0 ||
	    stat(nv_root_host(c->a, dir->root, real), &st) < 0 || S_ISDIR(st.st_mode))
		return (struct str){0};
	return version;
}

/* By their numbers. Both are versions. */
static bool is_newer(struct str a, struct str b)
{
	struct str x, y;

	while (str_split(&a, '.', &x)) {
		uint32_t m = 0, n = 0;

		if (!str_split(&b, '.', &y))
			return true;
		if (str_to_u32(x, &m) < 0 || str_to_u32(y, &n) < 0 || m != n)
			return m > n;
	}
	return false;
}

/* The version that programs get: the one that "<library>.so.1" leads to. */
static struct str linked_version(struct nv_collect *c, const char *library)
{
	const char *link = arena_printf(c->a, "%s.so.1", library);

	for (size_t i = 0; i < c->search.dirs.n; i++) {
		const struct nv_lib_dir *dir = &c->search.dirs.v[i];
		const char *real;
		struct str version;

		if (nv_root_resolve(c->a, dir->root, dir->path, link, &real) < 0)
			continue;
		version = version_of(c, dir, path_base(real), library);
		if (version.p)
			return version;
	}
	return (struct str){0};
}

/*
 * Several drivers' files may lie side by side, the rest of an upgrade. The one
 * that fits the loaded module wins; then the one that programs get; then the newest.
 */
static const char *pick_version(struct nv_collect *c, const char *library)
{
	struct str best = linked_version(c, library);
	bool linked = best.p != NULL;

	for (size_t i = 0; i < c->search.dirs.n; i++) {
		const struct nv_lib_dir *dir = &c->search.dirs.v[i];

		for (size_t k = 0; k < dir->names.n; k++) {
			struct str v = version_of(c, dir, dir->names.v[k], library);

			if (!v.p)
				continue;
			if (c->d->module_version && str_is(v, c->d->module_version))
				return c->d->module_version;
			if (!best.p || (!linked && is_newer(v, best)))
				best = v;
		}
	}
	return best.p ? arena_str(c->a, best) : NULL;
}

static void collect(struct nv_collect *c)
{
	nv_collect_libraries(c);
	nv_collect_xorg(c);
	nv_collect_configs(c);
	nv_collect_sockets(c);
	nv_collect_firmware(c);
	nv_collect_binaries(c);
}

int nv_driver_find(struct arena *a, const struct nv_driver_query *q, struct nv_driver *ret,
		   struct err *e)
{
	struct nv_driver d = {0};
	struct nv_collect c = {.a = a, .q = q, .d = &d};
	struct nv_trouble trouble = {0};
	struct err mismatch;
	int r = nv_root_open(a, q->driver_root ? q->driver_root : "", &c.root, e);

	if (r < 0)
		return r;
	c.root.trouble = &trouble;
	d.root = c.root.prefix[0] != '\0' ? c.root.prefix : "/";
	d.module_version = module_version(a, &q->host, &d.loaded);
	nv_search_libraries(a, &c.root, q->library_paths, &c.search);
	d.version = pick_version(&c, "libcuda");
	if (!d.version)
		d.version = pick_version(&c, "libnvidia-ml");
	if (!d.version && trouble.code == 0)
		return nv_diagnose_libraries(a, &q->host, &c.root, e);
	if (nv_driver_mismatch(&d, &mismatch) == 1)
		log_debug("%s", mismatch.text);
	if (d.version)
		collect(&c);
	/* Half a driver would be kept, and given to every container until something changes. */
	if (trouble.code != 0)
		return err_set(e, trouble.code, "look for the driver's files: %s: %s", trouble.path,
			       strerror(trouble.code));
	*ret = d;
	return 0;
}

int nv_driver_mismatch(const struct nv_driver *d, struct err *e)
{
	if (!d->version || !d->module_version || strcmp(d->version, d->module_version) == 0)
		return 0;
	(void)err_set(e, 0,
		      "the driver's libraries below %s are of version %s, but the loaded kernel "
		      "module is %s: reboot, or stop what uses the GPUs and reload the nvidia "
		      "modules (an upgrade that is half done)",
		      d->root, d->version, d->module_version);
	return 1;
}

static bool wanted(unsigned of, unsigned bits, unsigned classes)
{
	unsigned own = ~(unsigned)NV_CLASS_COMPAT32;

	if (bits == 32)
		return (classes & NV_CLASS_COMPAT32) && (of & classes & own) != 0;
	return (of & classes) != 0 || of == NV_CLASS_ALL;
}

bool nv_file_wanted(const struct nv_file *f, unsigned classes)
{
	return wanted(f->classes, f->bits, classes);
}

bool nv_link_wanted(const struct nv_link *l, unsigned classes)
{
	return wanted(l->classes, l->bits, classes);
}

const char *nv_driver_library(const struct nv_driver *d, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < d->files.n; i++) {
		const struct nv_file *f = &d->files.v[i];
		struct str file = str_of(path_base(f->host));

		if (f->kind == NV_FILE_LIBRARY && f->bits == 64 && str_has_prefix(file, name) &&
		    str_has_prefix(str_sub(file, n, file.n), ".so."))
			return f->host;
	}
	return NULL;
}

bool nv_driver_has_nvml(const char *driver_root)
{
	AUTO(arena_done) struct arena a = {0};
	struct nv_search search;
	struct nv_root root;

	if (nv_root_open(&a, driver_root ? driver_root : "", &root, NULL) < 0)
		return false;
	nv_search_libraries(&a, &root, NULL, &search);
	return nv_search_has(&a, &search, "libnvidia-ml.so.1");
}
