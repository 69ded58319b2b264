/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/vec.h"

/* For a temporary that has not been published yet. */
static void unlink_freep(char **path)
{
	if (*path)
		(void)unlink(*path);
	free(*path);
}

int fs_write_fd(int fd, const char *name, struct str data, struct err *e)
{
	while (data.n > 0) {
		ssize_t k = write(fd, data.p, data.n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "write %s", name);
		data = str_sub(data, (size_t)k, data.n);
	}
	return 0;
}

static int keep_owner(int fd, const char *path, mode_t *mode)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -1;
	*mode = st.st_mode & 07777;
	if (st.st_uid == geteuid() && st.st_gid == getegid())
		return 0;
	return fchown(fd, st.st_uid, st.st_gid);
}

int fs_write_atomic(const char *path, struct str data, mode_t mode, unsigned flags, struct err *e)
{
	auto_free char *target = NULL, *name = NULL;
	AUTO(unlink_freep) char *tmp = NULL;
	auto_close int fd = -1;
	int r = fs_follow(path, &target, e);

	if (r < 0)
		return r;
	/* Beside the target, because rename() does not cross file systems. */
	name = mem_printf("%s.XXXXXX", target);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "create a temporary beside %s", path);
	tmp = steal_ptr(name);

	r = fs_write_fd(fd, tmp, data, e);
	if (r < 0)
		return r;
	if ((flags & FS_KEEP_OWNER) && keep_owner(fd, target, &mode) < 0)
		return err_sys(e, "keep the owner of %s", path);
	if (fchmod(fd, mode) < 0)
		return err_sys(e, "set the mode of %s", tmp);
	/* The data must reach the disk before the name does. */
	if (!(flags & FS_NO_SYNC) && fsync(fd) < 0)
		return err_sys(e, "write %s", tmp);
	if (rename(tmp, target) < 0)
		return err_sys(e, "rename %s to %s", tmp, path);

	free(steal_ptr(tmp)); /* published: nothing left to undo */
	return 0;
}

int fs_read_fd(struct arena *a, int fd, const char *name, size_t max, struct str *ret,
	       struct err *e)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "read %s", name);
	if (S_ISREG(st.st_mode) && (uintmax_t)st.st_size > max)
		return err_set(e, EFBIG, "%s is larger than %zu bytes", name, max);
	for (;;) {
		size_t room = b.n == 0 && st.st_size > 0 ? (size_t)st.st_size + 1 : 4096;
		ssize_t k;

		if (room > max + 1 - b.n)
			room = max + 1 - b.n;
		k = read(fd, strbuf_room(&b, room), room);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sys(e, "read %s", name);
		if (k == 0)
			break;
		b.n += (size_t)k;
		if (b.n > max)
			return err_set(e, EFBIG, "%s is larger than %zu bytes", name, max);
	}
	*ret = (struct str){arena_str(a, strbuf_str(&b)), b.n};
	return 0;
}

int fs_read(struct arena *a, const char *path, size_t max, struct str *ret, struct err *e)
{
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "open %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "%s is not a regular file", path);
	return fs_read_fd(a, fd, path, max, ret, e);
}

int fs_mkdir_p(const char *path, mode_t mode, struct err *e)
{
	auto_free char *dir = mem_strdup(path);
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(dir, mode) < 0 && errno != EEXIST)
			return err_sys(e, "create directory %s", dir);
		*p = '/';
	}
	if (mkdir(dir, mode) < 0 && errno != EEXIST)
		return err_sys(e, "create directory %s", dir);
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "create directory %s: %s", dir, strerror(ENOTDIR));
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

int fs_list(struct arena *a, const char *path, size_t max, struct strv *ret, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_sys(e, "open directory %s", path);
	return fs_list_fd(a, fd, path, max, ret, e);
}

int fs_list_fd(struct arena *a, int fd, const char *name, size_t max, struct strv *ret,
	       struct err *e)
{
	AUTO(closedirp) DIR *d = fdopendir(fd);
	struct strv names = {0};
	struct dirent *entry;

	if (!d) {
		int r = err_sys(e, "open directory %s", name);

		(void)close(fd);
		return r;
	}
	while ((errno = 0, entry = readdir(d))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (names.n == max)
			return err_set(e, EFBIG, "directory %s has more than %zu entries", name,
				       max);
		arena_push(a, &names, arena_strdup(a, entry->d_name));
	}
	if (errno != 0)
		return err_sys(e, "read directory %s", name);
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	*ret = names;
	return 0;
}
