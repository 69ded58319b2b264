/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * image: a container root in a scratch directory for tests of the jobs. Paths
 * are those of the container; "can" beside the root is what nobody may touch.
 */

#include <ftw.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/path.h"
#include "ctr/container.h"
#include "make-elf.h"
#include "test.h"

static char image_lab[PATH_MAX];

static int image_remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void image_remove(void)
{
	(void)nftw(image_lab, image_remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* Enters the lab: "root" is the container's, "can" has one secret file. */
static struct container image_enter(void)
{
	struct container c = {.root = ROOTFS_INIT};
	struct err e;

	(void)snprintf(image_lab, sizeof(image_lab), "/tmp/test-image.XXXXXX");
	CHECK(mkdtemp(image_lab));
	CHECK_INT(atexit(image_remove), 0);
	CHECK_INT(chdir(image_lab), 0);
	CHECK_INT(mkdir("root", 0755), 0);
	CHECK_INT(mkdir("can", 0755), 0);
	CHECK_OK(fs_write_atomic("can/secret", STR("secret"), 0600, 0, &e), &e);
	CHECK_OK(rootfs_open("root", &c.root, &e), &e);
	return c;
}

/* The path of a container's path as this process sees it, its directory made. */
static const char *image_path(const char *path)
{
	static char full[PATH_MAX];
	auto_free char *dir = NULL;
	struct err e;

	(void)snprintf(full, sizeof(full), "root%s", path);
	dir = path_dir(full);
	CHECK_OK(fs_mkdir_p(dir, 0755, &e), &e);
	return full;
}

static inline void image_file(const char *path, const char *text)
{
	struct err e;

	CHECK_OK(fs_write_atomic(image_path(path), str_of(text), 0644, FS_NO_SYNC, &e), &e);
}

static inline void image_library(const char *path, const char *soname)
{
	CHECK_INT(elf_file_write(image_path(path), soname, NULL), 0);
}

static inline void image_link(const char *target, const char *path)
{
	CHECK_INT(symlink(target, image_path(path)), 0);
}

static inline const char *image_text(const char *path)
{
	static struct arena a;
	struct str text;

	return fs_read(&a, image_path(path), 1 << 20, &text, NULL) < 0 ? "(none)" : text.p;
}

/* Nothing outside of the container's root was touched. */
static inline void image_check_canary(void)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv names = {0};
	struct str text = {0};
	struct stat st;
	struct err e;

	CHECK_OK(fs_list(&a, "can", 100, &names, &e), &e);
	CHECK_INT(names.n, 1);
	CHECK_OK(fs_read(&a, "can/secret", 100, &text, &e), &e);
	CHECK(str_is(text, "secret"));
	CHECK_INT(stat("can/secret", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
}
