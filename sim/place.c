/* SPDX-License-Identifier: Apache-2.0 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "base/path.h"

/* Pointers to the items of content in the order of their paths. */
struct index VEC(const struct content_item *);

static int by_path(const void *x, const void *y)
{
	return strcmp((*(const struct content_item *const *)x)->path,
		      (*(const struct content_item *const *)y)->path);
}

static void make_index(const struct content *content, struct index *ret)
{
	for (size_t i = 0; i < content->n; i++)
		vec_push(ret, &content->v[i]);
	if (ret->n > 0)
		qsort(ret->v, ret->n, sizeof(ret->v[0]), by_path);
}

static const struct content_item *look_up(const struct index *index, const struct content_item *key)
{
	const struct content_item *const *found =
		index->n > 0 ? bsearch(&key, index->v, index->n, sizeof(index->v[0]), by_path)
			     : NULL;

	return found ? *found : NULL;
}

static bool same(const struct content_item *x, const struct content_item *y)
{
	return x->kind == y->kind && x->mode == y->mode && x->size == y->size &&
	       x->major == y->major && x->minor == y->minor && str_eq(x->data, y->data);
}

/* Files that are bound over /proc are rewritten, not replaced: the mount keeps the inode. */
static bool is_bound(const char *path)
{
	return strcmp(path, CONTENT_DEVICES) == 0 || strcmp(path, CONTENT_MODULES) == 0;
}

/* Where to write what the machine sees at path: /proc/driver itself is read-only. */
static char *writable_path(const char *path)
{
	return path_is_below(path, "/proc/driver")
		       ? mem_printf("%s%s", PLACE_DRIVER, path + strlen("/proc/driver"))
		       : mem_strdup(path);
}

/* Where may be written, and the directory for which that was last found to be so. */
struct permit {
	const struct strv *roots;
	char *dir;
};

static int check_root(const char *path, struct permit *permit, struct err *e)
{
	auto_free char *dir = path_dir(path), *real = NULL;

	if (permit->dir && strcmp(permit->dir, dir) == 0)
		return 0;
	real = realpath(dir, NULL);
	if (!real)
		return err_sys(e, "%s", dir);
	for (size_t i = 0; i < permit->roots->n; i++) {
		if (path_is_below(real, permit->roots->v[i])) {
			free(permit->dir);
			permit->dir = steal_ptr(dir);
			return 0;
		}
	}
	return err_set(e, EXDEV, "%s lies on the host: start the simulation anew with this change",
		       path);
}

static int make_socket(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	return bind(fd, (struct sockaddr *)&address, sizeof(address));
}

static int write_file(const char *path, const struct content_item *item, int flags)
{
	auto_close int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	struct str rest = item->data;

	if (fd < 0)
		return -1;
	while (rest.n > 0) {
		ssize_t n = write(fd, rest.p, rest.n);

		if (n < 0)
			return -1;
		rest = str_sub(rest, (size_t)n, rest.n);
	}
	if (item->size > item->data.n && ftruncate(fd, (off_t)item->size) < 0)
		return -1;
	return fchmod(fd, item->mode);
}

static int make_at(const char *path, const struct content_item *item)
{
	auto_free char *target = NULL;

	switch (item->kind) {
	case CONTENT_FILE:
		return write_file(path, item, O_CREAT | O_EXCL);
	case CONTENT_LINK:
		target = mem_dup(item->data.p, item->data.n);
		return symlink(target, path);
	case CONTENT_NODE:
		if (mknod(path, S_IFCHR | item->mode, makedev(item->major, item->minor)) < 0)
			return -1;
		return chmod(path, item->mode);
	case CONTENT_SOCKET:
		if (make_socket(path) < 0)
			return -1;
		return chmod(path, item->mode);
	case CONTENT_DIR:
		break;
	}
	return mkdir(path, item->mode);
}

/* Made under another name first: a reader sees the old thing or the new one. */
static int put(const struct content_item *item, struct permit *permit, struct err *e)
{
	auto_free char *path = writable_path(item->path), *tmp = mem_printf("%s.sim~", path);
	int ret;

	/* A simulated PCI device hides a real one, which is a link into the real sysfs. */
	if (item->kind == CONTENT_DIR && strncmp(path, "/sys/bus/pci/devices/", 21) == 0)
		(void)unlink(path);
	if (item->kind == CONTENT_DIR && access(path, F_OK) == 0)
		return 0;
	ret = check_root(path, permit, e);
	if (ret < 0)
		return ret;
	if (item->kind == CONTENT_DIR)
		return mkdir(path, item->mode) < 0 ? err_sys(e, "make %s", item->path) : 0;
	if (is_bound(item->path) && access(path, F_OK) == 0)
		return write_file(path, item, O_TRUNC) < 0 ? err_sys(e, "write %s", item->path) : 0;
	(void)unlink(tmp);
	if (make_at(tmp, item) < 0)
		return item->kind == CONTENT_NODE && errno == EPERM
			       ? err_set(e, EPERM,
					 "make the device node %s: not permitted: run as root "
					 "outside of a container, or give it CAP_MKNOD",
					 item->path)
			       : err_sys(e, "make %s", item->path);
	if (rename(tmp, path) < 0) {
		ret = err_sys(e, "put %s in its place", item->path);
		(void)unlink(tmp);
		return ret;
	}
	return 0;
}

/* Best effort: a directory of the host is not empty, and stays. */
static void take_away(const struct content_item *item, struct permit *permit)
{
	auto_free char *path = writable_path(item->path);

	if (check_root(path, permit, NULL) < 0)
		return;
	if (item->kind == CONTENT_DIR)
		(void)rmdir(path);
	else
		(void)unlink(path);
}

static bool is_library(const struct content_item *item)
{
	return strstr(path_base(item->path), ".so") != NULL;
}

int place_content(const struct content *old, const struct content *wanted, const struct strv *roots,
		  bool *ret_libraries, struct err *e)
{
	struct permit permit = {.roots = roots};
	struct index before = {0}, after = {0};
	bool libraries = false;
	int ret = 0;

	make_index(old, &before);
	make_index(wanted, &after);
	for (size_t i = old->n; i > 0; i--) {
		const struct content_item *item = &old->v[i - 1], *now = look_up(&after, item);

		if (!now || now->kind != item->kind) {
			take_away(item, &permit);
			libraries |= is_library(item);
		}
	}
	for (size_t i = 0; ret == 0 && i < wanted->n; i++) {
		const struct content_item *item = &wanted->v[i], *was = look_up(&before, item);

		if (was && same(was, item))
			continue;
		ret = put(item, &permit, e);
		libraries |= is_library(item);
	}
	free(permit.dir);
	vec_done(&before);
	vec_done(&after);
	if (ret == 0)
		*ret_libraries = libraries;
	return ret;
}
