/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Covers every low-level runtime with this program, which shows the driver's
 * procfs in the containers that it makes (shim.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "base/path.h"
#include "place.h"
#include "stage.h"

static const char standard_dirs[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:"
				    "/usr/libexec:/usr/libexec/crio:/usr/libexec/podman:"
				    "/usr/lib/cri-o-runc/sbin:/usr/lib/crio/bin:/usr/lib/podman:"
				    "/opt/containerd/bin";

static bool is_known(const struct stage_runtimes *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i].path, path) == 0)
			return true;
	return false;
}

static int add_runtime(struct arena *a, const char *path, struct stage_runtimes *ret, struct err *e)
{
	auto_free char *real = realpath(path, NULL), *inner = NULL;
	struct stage_runtime one = {0};
	struct stat st;

	if (!real || is_known(ret, real) || stat(real, &st) < 0 || !S_ISREG(st.st_mode) ||
	    access(real, X_OK) < 0)
		return 0;
	/* In a simulation within a simulation the real one lies aside already. */
	inner = mem_printf("%s%s", PLACE_REAL, real);
	one.path = arena_strdup(a, real);
	one.fd = (int)syscall(SYS_open_tree, AT_FDCWD, access(inner, X_OK) == 0 ? inner : real,
			      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (one.fd < 0)
		return err_sys(e, "clone %s", real);
	arena_push(a, ret, one);
	return 0;
}

int stage_runtimes_find(struct arena *a, struct stage_runtimes *ret, struct err *e)
{
	static const char names[][8] = {"runc", "crun"};
	const char *own = getenv("PATH");
	struct str dirs = str_of(arena_printf(a, "%s:%s", own ? own : "", standard_dirs)), dir;

	while (str_split(&dirs, ':', &dir)) {
		if (dir.n == 0 || dir.p[0] != '/')
			continue;
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			const char *path = arena_printf(a, "%.*s/%s", STR_ARG(dir), names[i]);
			int code = add_runtime(a, path, ret, e);

			if (code < 0)
				return code;
		}
	}
	return 0;
}

/* A copy: the file may be replaced outside while the machine runs. */
static int copy_program(int program, struct err *e)
{
	auto_close int fd = open(PLACE_PROGRAM, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	struct stat st;
	off_t offset = 0;

	if (fd < 0 || fstat(program, &st) < 0)
		return err_sys(e, "make %s", PLACE_PROGRAM);
	while (offset < st.st_size)
		if (sendfile(fd, program, &offset, (size_t)(st.st_size - offset)) <= 0)
			return err_sys(e, "copy the simulator to %s", PLACE_PROGRAM);
	return 0;
}

static int cover(const struct stage_runtime *runtime, struct err *e)
{
	auto_free char *aside = mem_printf("%s%s", PLACE_REAL, runtime->path);
	auto_free char *dir = path_dir(aside);
	int ret = fs_mkdir_p(dir, 0755, e);

	if (ret == 0)
		ret = stage_touch(aside, e);
	if (ret < 0)
		return ret;
	if (syscall(SYS_move_mount, runtime->fd, "", AT_FDCWD, aside, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "put %s aside", runtime->path);
	return stage_bind(PLACE_PROGRAM, runtime->path, 0, e);
}

int stage_runtimes_cover(const struct stage_runtimes *list, int program, struct err *e)
{
	int ret = copy_program(program, e);

	for (size_t i = 0; ret == 0 && i < list->n; i++)
		ret = cover(&list->v[i], e);
	return ret;
}
