/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/root.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define MAX_LINKS 40

/* A lookup on its way: what is free of links already, and what is still to be walked. */
struct walk {
	struct strbuf done; /* host path */
	size_t floor;	    /* length of the prefix in it */
	struct strbuf rest;
	unsigned links;
};

static void walk_done(struct walk *w)
{
	strbuf_done(&w->done);
	strbuf_done(&w->rest);
}

int nv_root_open(struct arena *a, const char *driver_root, struct nv_root *ret, struct err *e)
{
	auto_free char *clean = path_clean(driver_root[0] != '\0' ? driver_root : "/");
	struct stat st;

	/* "x/.." is "." only where x is no link, and a relative path needs its start: the kernel
	 * knows. */
	if (clean[0] != '/' || strstr(driver_root, "..")) {
		char *real = realpath(driver_root, NULL);

		if (!real)
			return err_sys(e, "driver root %s", driver_root);
		free(clean);
		clean = real;
	}
	if (stat(clean, &st) < 0)
		return err_sys(e, "driver root %s", clean);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "driver root %s is not a directory", clean);
	*ret = (struct nv_root){.prefix = arena_strdup(a, strcmp(clean, "/") == 0 ? "" : clean)};
	return 0;
}

void nv_root_note(const struct nv_root *r, int code, const char *path)
{
	static const int passing[] = {EIO, EMFILE, ENFILE, ENOMEM, EINTR, ESTALE, ETIMEDOUT};

	for (size_t i = 0; r->trouble && r->trouble->code == 0 && i < COUNT_OF(passing); i++) {
		if (code != passing[i])
			continue;
		r->trouble->code = code;
		(void)snprintf(r->trouble->path, sizeof(r->trouble->path), "%s", path);
	}
}

const char *nv_root_host(struct arena *a, const struct nv_root *r, const char *path)
{
	return arena_printf(a, "%s%s", r->prefix, path);
}

static void go_up(struct walk *w)
{
	while (w->done.n > w->floor && w->done.p[w->done.n - 1] != '/')
		w->done.n--;
	if (w->done.n > w->floor)
		w->done.n--;
	w->done.p[w->done.n] = '\0';
}

/* Puts a link's text before what is left to walk. */
static int enter_link(struct walk *w, struct str target)
{
	auto_free char *rest = strbuf_steal(&w->rest);

	if (++w->links > MAX_LINKS)
		return -ELOOP;
	go_up(w);
	if (target.p[0] == '/') {
		w->done.n = w->floor;
		w->done.p[w->done.n] = '\0';
	}
	strbuf_add(&w->rest, target);
	strbuf_addc(&w->rest, '/');
	strbuf_adds(&w->rest, rest);
	return w->rest.n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int step(struct walk *w, struct str name)
{
	char target[PATH_MAX];
	ssize_t n;

	if (name.n == 0 || str_is(name, "."))
		return 0;
	if (str_is(name, "..")) {
		go_up(w);
		return 0;
	}
	strbuf_addc(&w->done, '/');
	strbuf_add(&w->done, name);
	if (w->done.n >= PATH_MAX)
		return -ENAMETOOLONG;
	n = readlink(w->done.p, target, sizeof(target));
	if (n < 0)
		return errno == EINVAL ? 0 : -errno;
	if (n == 0 || (size_t)n == sizeof(target))
		return n == 0 ? -ENOENT : -ENAMETOOLONG;
	return enter_link(w, (struct str){target, (size_t)n});
}

/* Takes the first name off what is left to walk. */
static char *next_name(struct walk *w)
{
	struct str rest = strbuf_str(&w->rest);
	size_t at = str_find(rest, '/');
	char *name = mem_dup(rest.p, at);
	size_t used = at < rest.n ? at + 1 : at;

	memmove(w->rest.p, w->rest.p + used, rest.n - used + 1);
	w->rest.n -= used;
	return name;
}

int nv_root_resolve(struct arena *a, const struct nv_root *r, const char *dir, const char *path,
		    const char **ret)
{
	AUTO(walk_done) struct walk w = {.floor = strlen(r->prefix)};

	strbuf_adds(&w.done, r->prefix);
	if (strcmp(dir, "/") != 0)
		strbuf_adds(&w.done, dir);
	strbuf_adds(&w.rest, path);
	while (w.rest.n > 0) {
		auto_free char *name = next_name(&w);
		int k = step(&w, str_of(name));

		if (k < 0) {
			nv_root_note(r, -k, w.done.p);
			return k;
		}
	}
	*ret = arena_strdup(a, w.done.n > w.floor ? w.done.p + w.floor : "/");
	return 0;
}

static int failed(const struct nv_root *r, const char *path)
{
	int code = errno;

	nv_root_note(r, code, path);
	return -code;
}

int nv_root_stat(struct arena *a, const struct nv_root *r, const char *path, const char **ret,
		 struct stat *ret_st)
{
	const char *real;
	int k;

	/* In the machine's own root the kernel walks as we do: most names are not there, and one
	 * call says so. */
	if (r->prefix[0] == '\0' && stat(path, ret_st) < 0)
		return failed(r, path);
	k = nv_root_resolve(a, r, "", path, &real);
	if (k < 0)
		return k;
	if (stat(nv_root_host(a, r, real), ret_st) < 0)
		return failed(r, real);
	*ret = real;
	return 0;
}
