/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * tree: small file trees for tests.
 *
 * tree_enter() makes an empty directory, goes there and returns its name; it is
 * removed when the test ends. Other paths are relative to it, and directories
 * above a file are made.
 */

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "test.h"

static char tree_top[PATH_MAX];

static inline int tree_remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline void tree_remove(void)
{
	(void)nftw(tree_top, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *tree_enter(void)
{
	(void)snprintf(tree_top, sizeof(tree_top), "/tmp/test-tree.XXXXXX");
	CHECK(mkdtemp(tree_top));
	CHECK_INT(atexit(tree_remove), 0);
	CHECK_INT(chdir(tree_top), 0);
	return tree_top;
}

static inline void tree_dirs_above(const char *path)
{
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	for (char *p = dir + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(dir, 0755);
		*p = '/';
	}
}

static inline void tree_dir(const char *path)
{
	tree_dirs_above(path);
	CHECK(mkdir(path, 0755) == 0 || errno == EEXIST);
}

static inline void tree_bytes(const char *path, const void *data, size_t n)
{
	int fd;

	tree_dirs_above(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	CHECK(fd >= 0);
	CHECK_INT(write(fd, data, n), n);
	(void)close(fd);
}

static inline void tree_file(const char *path, const char *text)
{
	tree_bytes(path, text, strlen(text));
}

static inline void tree_link(const char *target, const char *path)
{
	tree_dirs_above(path);
	CHECK_INT(symlink(target, path), 0);
}

/* A character device; needs root. */
static inline void tree_node(const char *path, unsigned dev_major, unsigned dev_minor, mode_t mode)
{
	tree_dirs_above(path);
	CHECK_INT(mknod(path, S_IFCHR | mode, makedev(dev_major, dev_minor)), 0);
	CHECK_INT(chmod(path, mode), 0);
}

/* "<top>/<path>", in one of a few buffers in turn. */
__attribute__((__format__(__printf__, 1, 2))) static inline const char *tree_path(const char *fmt,
										  ...)
{
	static char text[8][PATH_MAX];
	static unsigned next;
	char *to = text[next++ % 8];
	int n = snprintf(to, PATH_MAX, "%s/", tree_top);
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(to + n, PATH_MAX - (size_t)n, fmt, ap);
	va_end(ap);
	return to;
}
