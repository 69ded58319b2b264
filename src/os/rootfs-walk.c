/* SPDX-License-Identifier: Apache-2.0 */
#include "os/rootfs-walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/vec.h"

/* The kernel's MAXSYMLINKS, and security.md 3.6 for the depth. */
enum { MAX_LINKS = 40, MAX_DEPTH = 256 };

/*
 * The directories between the root and here, one descriptor each: ".." goes
 * back to where we came from, whatever has been renamed in the meantime, and
 * so can never lead out of the root. The kernel's own ".." could.
 */
struct walk {
	int root;
	struct VEC(int) stack;
	bool at_directory; /* the top of the stack is one */
	unsigned links;
	char *text;	 /* owned: what rest borrows from */
	struct str rest; /* not walked yet */
};

static void walk_done(struct walk *w)
{
	for (size_t i = 0; i < w->stack.n; i++)
		(void)close(w->stack.v[i]);
	vec_done(&w->stack);
	free(w->text);
}

static int top(const struct walk *w)
{
	return w->stack.n > 0 ? w->stack.v[w->stack.n - 1] : w->root;
}

static void go_up(struct walk *w)
{
	if (w->stack.n > 0)
		(void)close(w->stack.v[--w->stack.n]);
}

/* Links of procfs that lead to objects, not names: all but those in its root directory. */
static bool is_magic(int link, int dir)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(link, &fs) < 0 || fstat(dir, &st) < 0)
		return true;
	return fs.f_type == PROC_SUPER_MAGIC && st.st_ino != 1;
}

/* Puts the link's text before what is left to walk. */
static int follow(struct walk *w, int link)
{
	char target[PATH_MAX + 1];
	ssize_t n;
	char *text;

	if (++w->links > MAX_LINKS || is_magic(link, top(w)))
		return -ELOOP;
	n = readlinkat(link, "", target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -ENOENT;
	if ((size_t)n == sizeof(target) - 1)
		return -ENAMETOOLONG;
	target[n] = '\0';
	while (target[0] == '/' && w->stack.n > 0)
		go_up(w);
	text = mem_printf("%s%.*s", target, STR_ARG(w->rest));
	free(w->text);
	w->text = text;
	w->rest = str_of(text);
	return 0;
}

static int enter(struct walk *w, struct str component, bool nofollow)
{
	auto_free char *name = mem_dup(component.p, component.n);
	auto_close int fd = openat(top(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !(nofollow && w->rest.n == 0))
		return follow(w, fd);
	if (w->stack.n == MAX_DEPTH)
		return -ENAMETOOLONG;
	vec_push(&w->stack, steal_fd(&fd));
	w->at_directory = S_ISDIR(st.st_mode);
	return 0;
}

static struct str take_component(struct str *rest)
{
	size_t n = str_find(*rest, '/');
	struct str component = str_sub(*rest, 0, n);

	*rest = str_sub(*rest, n, rest->n);
	return component;
}

int rootfs_walk(int root, const char *path, bool nofollow)
{
	AUTO(walk_done) struct walk w = {.root = root, .at_directory = true};
	int fd;

	if (path[0] == '\0')
		return -ENOENT;
	if (strlen(path) >= PATH_MAX)
		return -ENAMETOOLONG;
	w.text = mem_strdup(path);
	w.rest = str_of(w.text);
	while (w.rest.n > 0) {
		struct str component;
		int r = 0;

		/* Slashes, too, want a directory before them. */
		if (!w.at_directory)
			return -ENOTDIR;
		if (w.rest.p[0] == '/') {
			w.rest = str_sub(w.rest, 1, w.rest.n);
			continue;
		}
		component = take_component(&w.rest);
		if (str_is(component, ".."))
			go_up(&w);
		else if (!str_is(component, "."))
			r = enter(&w, component, nofollow);
		if (r < 0)
			return r;
	}
	if (w.stack.n > 0)
		return w.stack.v[--w.stack.n];
	fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
