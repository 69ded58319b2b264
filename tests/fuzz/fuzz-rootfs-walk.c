/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A tree, and paths to look up in it. One line each: "d PATH" makes a directory, "f PATH" a file,
 * "l TARGET PATH" a link (the target has no blank), anything else is looked up by the walk and by
 * the kernel's openat2, which must find the same.
 */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "fuzz.h"
#include "os/rootfs-walk.h"
#include "os/rootfs.h"
#include "os/sys.h"

enum { MAX_LINES = 64 };

static char lab[] = "/tmp/fuzz-rootfs-walk.XXXXXX";

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void remove_lab(void)
{
	(void)nftw(lab, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static int ask_kernel(const struct rootfs *r, const char *path, bool nofollow)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0),
				     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd;

	do
		fd = sys_openat2(r->fd, path, &how);
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : fd;
}

static void compare(const struct rootfs *r, const char *path, bool nofollow)
{
	auto_close int want = ask_kernel(r, path, nofollow);
	auto_close int got = rootfs_walk(r->fd, path, nofollow);
	struct stat x, y;

	/* The walk goes no deeper than its stack; the kernel has no such limit. */
	if (got == -ENAMETOOLONG)
		return;
	if (want < 0 || got < 0) {
		if (want != got)
			__builtin_trap();
		return;
	}
	if (fstat(want, &x) < 0 || fstat(got, &y) < 0 || x.st_ino != y.st_ino ||
	    x.st_dev != y.st_dev)
		__builtin_trap();
}

static void obey(const struct rootfs *r, const char *line)
{
	auto_free char *target = NULL;
	const char *blank;
	int fd = -1;

	if (strncmp(line, "d ", 2) == 0) {
		fd = rootfs_mkdir_p(r, line + 2, 0755, NULL);
		closep(&fd);
	} else if (strncmp(line, "f ", 2) == 0) {
		(void)!rootfs_write(r, line + 2, STR(""), 0644, NULL);
	} else if (strncmp(line, "l ", 2) == 0 && (blank = strchr(line + 2, ' '))) {
		target = mem_dup(line + 2, (size_t)(blank - line - 2));
		(void)!rootfs_symlink(r, target, blank + 1, NULL);
	} else {
		compare(r, line, false);
		compare(r, line, true);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = {(const char *)data, n}, line;
	struct rootfs r = ROOTFS_INIT;

	memcpy(lab + strlen(lab) - 6, "XXXXXX", 6);
	if (!mkdtemp(lab) || rootfs_open(lab, &r, NULL) < 0)
		abort();
	for (int i = 0; i < MAX_LINES && str_split(&rest, '\n', &line); i++) {
		auto_free char *text = mem_dup(line.p, line.n);

		obey(&r, text);
	}
	rootfs_close(&r);
	remove_lab();
	return 0;
}
