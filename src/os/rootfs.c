/* SPDX-License-Identifier: Apache-2.0 */
#include "os/rootfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "os/procfs.h"
#include "os/rootfs-walk.h"
#include "os/sys.h"

enum {
	/* openat2 gives up with EAGAIN when a rename meets ".."; a few tries pass honest renames.
	 */
	MAX_TRIES = 128,
	/* Dangling links whose targets rootfs_mkdir_p() makes, one after the other. */
	MAX_DANGLING = 40,
};

static bool no_openat2;

int rootfs_open(const char *path, struct rootfs *ret, struct err *e)
{
	auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, host;

	if (fd < 0 && errno == ENOTDIR && lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(e, ENOTDIR,
			       "container root %s is a symbolic link: name the directory itself",
			       path);
	if (fd < 0)
		return err_sys(e, "open container root %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "open container root %s", path);
	if (stat("/", &host) < 0)
		return err_sys(e, "look at /");
	if (st.st_dev == host.st_dev && st.st_ino == host.st_ino)
		return err_set(e, EPERM, "container root %s is the host's own root directory",
			       path);
	*ret = (struct rootfs){
		.fd = steal_fd(&fd), .dev = st.st_dev, .ino = st.st_ino, .name = path};
	return 0;
}

void rootfs_close(struct rootfs *r)
{
	closep(&r->fd);
	*r = (struct rootfs)ROOTFS_INIT;
}

/* A descriptor or a negative errno. */
static int lookup(const struct rootfs *r, const char *path, bool nofollow)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = -1;

	if (no_openat2)
		return rootfs_walk(r->fd, path, nofollow);
	for (int i = 0; i < MAX_TRIES; i++) {
		fd = sys_openat2(r->fd, path, &how);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	if (fd >= 0)
		return fd;
	/* Kernels before 5.6 say ENOSYS, system call filters of older engines EPERM. */
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	no_openat2 = true;
	return rootfs_walk(r->fd, path, nofollow);
}

static int failed(struct err *e, int r, const char *verb, const struct rootfs *root,
		  const char *path)
{
	errno = -r;
	/* A path may be longer than a message; the cause must stay. */
	return err_sys(e, "%s %.300s in container root %s", verb, path, root->name);
}

int rootfs_resolve(const struct rootfs *r, const char *path, struct err *e)
{
	int fd = lookup(r, path, false);

	return fd < 0 ? failed(e, fd, "look up", r, path) : fd;
}

int rootfs_resolve_nofollow(const struct rootfs *r, const char *path, struct err *e)
{
	int fd = lookup(r, path, true);

	return fd < 0 ? failed(e, fd, "look up", r, path) : fd;
}

/* Mode of a directory that we have just made, which the umask may have cut. */
static int set_mode(int dir, mode_t mode)
{
	auto_close int fd = -1;
	struct stat st;

	if (fstat(dir, &st) < 0)
		return -errno;
	/* Swapped for somebody else's already: not ours to change. */
	if ((st.st_mode & 0777) == mode || st.st_uid != geteuid())
		return 0;
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return 0;
}

/*
 * Makes one directory and opens it: a descriptor, or a negative errno; -ELOOP
 * when a link stands there.
 */
static int make_one(int parent, const char *name, mode_t mode)
{
	auto_close int fd = -1;
	bool made = mkdirat(parent, name, mode) == 0;
	struct stat st;
	int r;

	if (!made && errno != EEXIST)
		return -errno;
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return S_ISLNK(st.st_mode) ? -ELOOP : -ENOTDIR;
	r = made ? set_mode(fd, mode) : 0;
	return r < 0 ? r : steal_fd(&fd);
}

/* The text that replaces "parent/link/rest" once the link is read. */
static int through_link(int parent, const char *parent_path, const char *name, struct str rest,
			char **path)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(parent, name, target, sizeof(target));
	const char *from;
	char *joined;

	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(target))
		return -ENAMETOOLONG;
	from = n > 0 && target[0] == '/' ? "" : parent_path;
	joined =
		mem_printf("%s/%.*s/%.*s", from, (int)n, target, (int)rest.n, rest.p ? rest.p : "");
	free(*path);
	*path = joined;
	return 0;
}

/* Cuts the last component off path[0..n): its start, with the slashes before it outside. */
static size_t cut_component(const char *path, size_t n)
{
	while (n > 0 && path[n - 1] == '/')
		n--;
	while (n > 0 && path[n - 1] != '/')
		n--;
	return n;
}

/*
 * The deepest directory that exists on the way; *rest is what is missing below it.
 */
static int existing_prefix(const struct rootfs *r, const char *path, char **prefix,
			   struct str *rest)
{
	size_t n = strlen(path);

	for (;;) {
		int fd;

		free(*prefix);
		*prefix = n == 0 ? mem_strdup("/") : mem_dup(path, n);
		fd = lookup(r, *prefix, false);
		if (fd != -ENOENT || n == 0) {
			*rest = str_of(path + n);
			return fd;
		}
		n = cut_component(path, n);
	}
}

/* A walk that makes what it does not find. */
struct making {
	int dir;	 /* owned: how far it got */
	char *name;	 /* owned: the component it stopped at */
	struct str rest; /* behind that; borrowed from the path */
	bool made;	 /* something was made already */
};

static void making_done(struct making *m)
{
	closep(&m->dir);
	free(m->name);
}

static int make_missing(struct making *m, mode_t mode)
{
	struct str part;

	while (str_split(&m->rest, '/', &part)) {
		int fd;

		if (part.n == 0 || str_is(part, "."))
			continue;
		/* ".." behind something that does not exist has no meaning. */
		if (str_is(part, ".."))
			return -ENOENT;
		free(m->name);
		m->name = mem_dup(part.p, part.n);
		fd = make_one(m->dir, m->name, mode);
		if (fd < 0)
			return fd;
		closep(&m->dir);
		m->dir = fd;
		m->made = true;
	}
	return 0;
}

static int make_path(const struct rootfs *r, const char *wanted, mode_t mode)
{
	auto_free char *path = mem_strdup(wanted);

	if (strlen(wanted) >= PATH_MAX)
		return -ENAMETOOLONG;
	for (int dangling = 0; dangling < MAX_DANGLING; dangling++) {
		auto_free char *prefix = NULL;
		AUTO(making_done) struct making m = {.dir = -1};
		int k;

		m.dir = existing_prefix(r, path, &prefix, &m.rest);
		if (m.dir < 0)
			return m.dir;
		k = make_missing(&m, mode);
		if (k == 0)
			return steal_fd(&m.dir);
		/*
		 * The first missing component may be a dangling link that the image brought: what
		 * it names is made instead. The others lie in directories made here, where a link
		 * can only be an attack.
		 */
		if (k != -ELOOP || m.made)
			return k;
		k = through_link(m.dir, prefix, m.name, m.rest, &path);
		if (k < 0)
			return k;
	}
	return -ELOOP;
}

int rootfs_mkdir_p(const struct rootfs *r, const char *path, mode_t mode, struct err *e)
{
	auto_close int fd = lookup(r, path, false);
	struct stat st;

	if (fd == -ENOENT && path[0] != '\0')
		fd = make_path(r, path, mode);
	if (fd < 0)
		return failed(e, fd, "make directory", r, path);
	if (fstat(fd, &st) < 0)
		return failed(e, -errno, "make directory", r, path);
	if (!S_ISDIR(st.st_mode))
		return failed(e, -ENOTDIR, "make directory", r, path);
	return steal_fd(&fd);
}

static bool is_object(int fd, const struct stat *pinned)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == pinned->st_dev && st.st_ino == pinned->st_ino &&
	       S_ISREG(st.st_mode);
}

int rootfs_open_file(const struct rootfs *r, const char *path, struct err *e)
{
	auto_close int pinned = rootfs_resolve(r, path, e), fd = -1;
	struct stat st;

	if (pinned < 0)
		return pinned;
	if (fstat(pinned, &st) < 0)
		return failed(e, -errno, "look at", r, path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s in container root %s is not a regular file", path,
			       r->name);
	/* Not blocking for a lease that somebody holds on it. */
	fd = procfs_reopen(pinned, O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
	if (fd < 0)
		return err_in(e, fd, "%s in container root %s", path, r->name);
	if (!is_object(fd, &st))
		return err_set(e, EPERM, "%s in container root %s was not what /proc opened", path,
			       r->name);
	return steal_fd(&fd);
}

int rootfs_read(struct arena *a, const struct rootfs *r, const char *path, size_t max,
		struct str *ret, struct err *e)
{
	auto_close int fd = rootfs_open_file(r, path, e);

	return fd < 0 ? fd : fs_read_fd(a, fd, path, max, ret, e);
}

/* A name in a directory of the container, both held. */
struct place {
	int dir;
	const char *base; /* borrowed from the path */
};

static void place_done(struct place *p)
{
	closep(&p->dir);
}

static int place_open(const struct rootfs *r, const char *path, struct place *ret, struct err *e)
{
	const char *base = path_base(path);
	auto_free char *dir = mem_dup(path, (size_t)(base - path));

	if (base[0] == '\0' || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return err_set(e, EISDIR, "%s in container root %s names a directory", path,
			       r->name);
	ret->dir = rootfs_mkdir_p(r, dir[0] == '\0' ? "/" : dir, 0755, e);
	ret->base = base;
	return ret->dir < 0 ? ret->dir : 0;
}

/* Beside the name it will get; unguessable, so that nobody can sit on it. */
struct temporary {
	int dir; /* borrowed; -1 once nothing is left to remove */
	char name[48];
};

static void temporary_done(struct temporary *t)
{
	if (t->dir >= 0)
		(void)unlinkat(t->dir, t->name, 0);
}

static int temporary_name(struct temporary *t)
{
	uint64_t random[2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return -EIO;
	(void)snprintf(t->name, sizeof(t->name), ".nvidia-%016llx%016llx",
		       (unsigned long long)random[0], (unsigned long long)random[1]);
	return 0;
}

static int publish(struct temporary *t, const char *base)
{
	if (renameat(t->dir, t->name, t->dir, base) < 0)
		return -errno;
	t->dir = -1;
	return 0;
}

int rootfs_write(const struct rootfs *r, const char *path, struct str data, mode_t mode,
		 struct err *e)
{
	AUTO(place_done) struct place at = {.dir = -1};
	AUTO(temporary_done) struct temporary tmp = {.dir = -1};
	auto_close int fd = -1;
	int k = place_open(r, path, &at, e);

	if (k < 0)
		return k;
	k = temporary_name(&tmp);
	if (k < 0)
		return failed(e, k, "write", r, path);
	fd = openat(at.dir, tmp.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return failed(e, -errno, "write", r, path);
	tmp.dir = at.dir;
	k = fs_write_fd(fd, path, data, e);
	if (k < 0)
		return k;
	if (fchmod(fd, mode) < 0)
		return failed(e, -errno, "set the mode of", r, path);
	k = publish(&tmp, at.base);
	return k < 0 ? failed(e, k, "replace", r, path) : 0;
}

int rootfs_update(const struct rootfs *r, const char *path, struct str data, mode_t mode,
		  struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	struct str old;

	if (rootfs_read(&a, r, path, data.n, &old, NULL) == 0 && str_eq(old, data))
		return 1;
	return rootfs_write(r, path, data, mode, e);
}

/* Whether the entry is a link of that text. */
static bool is_link_to(const struct place *at, const char *target)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(at->dir, at->base, text, sizeof(text));

	return n >= 0 && str_is((struct str){text, (size_t)n}, target);
}

int rootfs_symlink(const struct rootfs *r, const char *target, const char *path, struct err *e)
{
	AUTO(place_done) struct place at = {.dir = -1};
	AUTO(temporary_done) struct temporary tmp = {.dir = -1};
	int k = place_open(r, path, &at, e);

	if (k < 0)
		return k;
	if (symlinkat(target, at.dir, at.base) == 0)
		return 0;
	if (errno != EEXIST)
		return failed(e, -errno, "make link", r, path);
	if (is_link_to(&at, target))
		return 1;
	k = temporary_name(&tmp);
	if (k < 0)
		return failed(e, k, "make link", r, path);
	if (symlinkat(target, at.dir, tmp.name) < 0)
		return failed(e, -errno, "make link", r, path);
	tmp.dir = at.dir;
	k = publish(&tmp, at.base);
	return k < 0 ? failed(e, k, "replace by a link", r, path) : 0;
}

int rootfs_list(struct arena *a, const struct rootfs *r, const char *path, size_t max,
		struct strv *ret, struct err *e)
{
	auto_close int pinned = rootfs_resolve(r, path, e);
	int fd;

	if (pinned < 0)
		return pinned;
	fd = openat(pinned, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return failed(e, -errno, "list directory", r, path);
	return fs_list_fd(a, fd, path, max, ret, e);
}

int rootfs_open_dir(const struct rootfs *r, const char *path, struct err *e)
{
	auto_close int pinned = rootfs_resolve(r, path, e);
	int fd;

	if (pinned < 0)
		return pinned;
	fd = openat(pinned, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? failed(e, -errno, "open directory", r, path) : fd;
}

/* For file systems whose directories do not tell the type of their entries. */
static unsigned char type_of(int dir, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_UNKNOWN)
		return entry->d_type;
	if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_WHT; /* gone already */
	return (unsigned char)IFTODT(st.st_mode);
}

static int by_entry_name(const void *a, const void *b)
{
	return strcmp(((const struct rootfs_entry *)a)->name,
		      ((const struct rootfs_entry *)b)->name);
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

int rootfs_read_dir(struct arena *a, int dir, size_t max, struct rootfs_entries *ret, struct err *e)
{
	auto_close int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
	AUTO(closedirp) DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct rootfs_entries entries = {0};
	struct dirent *entry;

	if (!d)
		return err_sys(e, "read a directory");
	(void)steal_fd(&fd); /* the stream's now */
	while ((errno = 0, entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entries.n == max)
			return err_set(e, EFBIG, "a directory with more than %zu entries", max);
		arena_push(a, &entries,
			   ((struct rootfs_entry){arena_strdup(a, entry->d_name),
						  type_of(dir, entry)}));
	}
	if (errno != 0)
		return err_sys(e, "read a directory");
	if (entries.n > 1)
		qsort(entries.v, entries.n, sizeof(*entries.v), by_entry_name);
	*ret = entries;
	return 0;
}

int rootfs_open_entry(int dir, const char *name, struct err *e)
{
	auto_close int pinned = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd = -1;
	struct stat st;

	if (pinned < 0 || fstat(pinned, &st) < 0)
		return err_sys(e, "look at %s", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, S_ISLNK(st.st_mode) ? ELOOP : EINVAL, "%s is not a regular file",
			       name);
	fd = procfs_reopen(pinned, O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
	if (fd < 0)
		return fd;
	return is_object(fd, &st) ? steal_fd(&fd)
				  : err_set(e, EPERM, "%s was not what /proc opened", name);
}

int rootfs_stat_entry(int dir, const char *name, struct stat *ret)
{
	return fstatat(dir, name, ret, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int rootfs_readlink_entry(struct arena *a, int dir, const char *name, const char **ret)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(dir, name, text, sizeof(text));

	if (n < 0)
		return -errno;
	*ret = arena_str(a, (struct str){text, (size_t)n});
	return 0;
}

int rootfs_path_of(struct arena *a, const struct rootfs *r, int fd, const char **ret, struct err *e)
{
	char root[PATH_MAX], name[PATH_MAX];
	int k = procfs_name_of(r->fd, root, sizeof(root), e);

	if (k == 0)
		k = procfs_name_of(fd, name, sizeof(name), e);
	if (k < 0)
		return k;
	/* Renamed away while we held it, or removed. */
	if (!path_is_below(name, root) || str_has_suffix(str_of(name), " (deleted)"))
		return err_set(e, ENOENT, "what was found in container root %s is not there now",
			       r->name);
	*ret = arena_strdup(a, path_strip_root(name, root));
	return 0;
}
