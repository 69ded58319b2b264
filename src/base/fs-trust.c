/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fs-trust: whose word about a file counts.
 *
 * A path is only as good as every link and directory on it: whoever may change one of
 * them decides what is found at its end, after a check as well as before.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"

/* The kernel's MAXSYMLINKS. */
#define MAX_LINKS 40

static uid_t overflow_uid(void)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text = {0};
	uint32_t uid;

	if (fs_read(&a, "/proc/sys/kernel/overflowuid", 64, &text, NULL) < 0 ||
	    str_to_u32(str_trim(text), &uid) < 0)
		return 65534;
	return uid;
}

static bool in_user_namespace(void)
{
	AUTO(arena_done) struct arena a = {0};
	struct str map = {0};

	/* The initial namespace maps everything: "0 0 4294967295". */
	return fs_read(&a, "/proc/self/uid_map", 4096, &map, NULL) == 0 &&
	       !str_contains(map, "4294967295");
}

static bool owner_is_trusted(uid_t uid)
{
	if (uid == 0 || uid == geteuid())
		return true;
	return in_user_namespace() && uid == overflow_uid();
}

/* A lookup on its way: what is free of links already, and what is still to be walked. */
struct walk {
	const char *path; /* as asked for, for messages */
	struct strbuf done, rest;
	unsigned links;
};

static void walk_done(struct walk *w)
{
	strbuf_done(&w->done);
	strbuf_done(&w->rest);
}

/* What lies at w->done; a link has no mode of its own. */
static int check_one(const struct walk *w, const struct stat *st, bool leaf, struct err *e)
{
	const char *here = w->done.n > 0 ? w->done.p : "/";
	bool link = S_ISLNK(st->st_mode);

	if (!owner_is_trusted(st->st_uid))
		return err_set(e, EPERM,
			       "%s belongs to user %u, so %s is not trusted: chown %sroot %s", here,
			       st->st_uid, w->path, link ? "-h " : "", here);
	if (!link && (st->st_mode & 022) && (leaf || !(st->st_mode & S_ISVTX)))
		return err_set(e, EPERM,
			       "%s is writable by others, so %s is not trusted: chmod go-w %s",
			       here, w->path, here);
	return 0;
}

static void go_up(struct walk *w)
{
	while (w->done.n > 0 && w->done.p[--w->done.n] != '/')
		;
	(void)strbuf_room(&w->done, 0);
	w->done.p[w->done.n] = '\0';
}

/* Puts the text of the link at w->done before what is left to walk. */
static int enter_link(struct walk *w, struct err *e)
{
	auto_free char *rest = strbuf_steal(&w->rest);
	char target[PATH_MAX];
	ssize_t n = readlink(w->done.p, target, sizeof(target));

	if (n < 0)
		return err_sys(e, "check %s", w->path);
	if (++w->links > MAX_LINKS)
		return err_set(e, ELOOP, "check %s: %s", w->path, strerror(ELOOP));
	if (n > 0 && target[0] == '/')
		strbuf_reset(&w->done);
	else
		go_up(w);
	strbuf_add(&w->rest, (struct str){target, (size_t)n});
	strbuf_addc(&w->rest, '/');
	strbuf_adds(&w->rest, rest);
	return 0;
}

static bool is_last(struct str rest)
{
	struct str part;

	while (str_split(&rest, '/', &part))
		if (part.n > 0 && !str_is(part, "."))
			return false;
	return true;
}

static int step(struct walk *w, struct err *e)
{
	auto_free char *text = strbuf_steal(&w->rest);
	struct str rest = str_of(text), name;
	struct stat st;
	int r;

	(void)str_split(&rest, '/', &name);
	strbuf_add(&w->rest, rest);
	if (name.n == 0 || str_is(name, "."))
		return 0;
	if (str_is(name, "..")) {
		go_up(w);
		return 0;
	}
	strbuf_addc(&w->done, '/');
	strbuf_add(&w->done, name);
	if (lstat(w->done.p, &st) < 0)
		return err_sys(e, "check %s", w->path);
	r = check_one(w, &st, is_last(rest), e);
	return r == 0 && S_ISLNK(st.st_mode) ? enter_link(w, e) : r;
}

int fs_check_trusted(const char *path, struct err *e)
{
	AUTO(walk_done) struct walk w = {.path = path};
	char cwd[PATH_MAX] = "";
	struct stat st;
	int r;

	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		return err_sys(e, "check %s", path);
	if (stat("/", &st) < 0)
		return err_sys(e, "check /");
	r = check_one(&w, &st, false, e);
	strbuf_printf(&w.rest, "%s/%s", cwd, path);
	while (r == 0 && w.rest.n > 0)
		r = step(&w, e);
	return r;
}

/* The text of a link that may be followed, 0 when there is no link, or an error. */
static int read_link(const char *path, char target[PATH_MAX], struct err *e)
{
	auto_close int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	/* Nothing there, or nothing to be seen: who writes there says what is wrong. */
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	if (!owner_is_trusted(st.st_uid))
		return err_set(
			e, EPERM,
			"%s is a symbolic link of user %u and is not followed: remove it, or "
			"name what it leads to",
			path, st.st_uid);
	n = readlinkat(fd, "", target, PATH_MAX - 1);
	if (n < 0)
		return err_sys(e, "read link %s", path);
	target[n] = '\0';
	return (int)n;
}

int fs_follow(const char *path, char **ret, struct err *e)
{
	auto_free char *now = mem_strdup(path);
	char target[PATH_MAX];

	for (unsigned i = 0; i <= MAX_LINKS; i++) {
		int r = read_link(now, target, e);

		if (r < 0)
			return r;
		if (r == 0) {
			*ret = steal_ptr(now);
			return 0;
		}
		if (target[0] == '/') {
			free(now);
			now = mem_strdup(target);
		} else {
			auto_free char *dir = path_dir(now);
			char *next = mem_printf("%s/%s", dir, target);

			free(now);
			now = next;
		}
	}
	return err_set(e, ELOOP, "%s: %s", path, strerror(ELOOP));
}
