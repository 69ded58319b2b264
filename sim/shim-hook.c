/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "base/mem.h"
#include "base/str.h"
#include "shim.h"

enum { MAX_STATE = 1 << 20 };

/* The number behind "pid" once it is complete. */
static bool find_pid(struct str text, uint32_t *ret)
{
	static const char key[] = "\"pid\":";
	const char *at = text.n > 0 ? strstr(text.p, key) : NULL;
	struct str rest;
	size_t digits = 0;

	if (!at)
		return false;
	rest = (struct str){at + strlen(key), text.n - (size_t)(at + strlen(key) - text.p)};
	while (rest.n > 0 && rest.p[0] == ' ')
		rest = str_sub(rest, 1, rest.n);
	while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
		digits++;
	return digits < rest.n && str_to_u32(str_sub(rest, 0, digits), ret) == 0;
}

/* Not to the end of the input: waiting for that costs runc some milliseconds. */
static int read_pid(uint32_t *ret, struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};

	while (text.n < MAX_STATE) {
		ssize_t n = read(STDIN_FILENO, strbuf_room(&text, 4096 + 1), 4096);

		if (n < 0)
			return err_sys(e, "read the container's state");
		if (n == 0)
			break;
		text.n += (size_t)n;
		text.p[text.n] = '\0';
		if (find_pid(strbuf_str(&text), ret))
			return 0;
	}
	return err_set(e, EBADMSG, "the container's state has no \"pid\"");
}

/* What a real driver shows in every procfs. */
static const struct shown {
	const char *path; /* below / here and below the root there */
	unsigned clone_flags;
} shown[] = {
	{"proc/driver", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE},
	{"proc/devices", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC},
};

static int clone_here(const struct shown *one, struct err *e)
{
	auto_free char *path = mem_printf("/%s", one->path);
	int fd = (int)syscall(SYS_open_tree, AT_FDCWD, path, one->clone_flags);

	return fd < 0 ? err_sys(e, "clone %s", path) : fd;
}

/* A path below the container's root that lies on a procfs; -1: there is none. */
static int open_there(int rootfs, const char *path)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
				     .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, rootfs, path, &how, sizeof(how));
	struct statfs fs;

	if (fd >= 0 && (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static bool is_own_namespace(int fd)
{
	struct stat own, other;

	return stat("/proc/self/ns/mnt", &own) == 0 && fstat(fd, &other) == 0 &&
	       own.st_ino == other.st_ino && own.st_dev == other.st_dev;
}

static int show(const int *clones, int root, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(shown); i++) {
		auto_close int there = open_there(root, shown[i].path);

		if (there < 0)
			continue;
		if (syscall(SYS_move_mount, clones[i], "", there, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			return err_sys(e, "show /%s in the container", shown[i].path);
	}
	return 0;
}

int shim_hook(const char *rootfs, struct err *e)
{
	int clones[COUNT_OF(shown)], ret;
	auto_free char *path = NULL, *root_path = NULL;
	auto_close int ns = -1, root = -1;
	uint32_t pid;

	ret = read_pid(&pid, e);
	if (ret < 0)
		return ret;
	path = mem_printf("/proc/%u/ns/mnt", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return err_sys(e, "open %s", path);
	if (is_own_namespace(ns))
		return 0;
	/*
	 * By way of the container's process and before entering: setns() leaves a chroot that
	 * the engine may run in, and the path means something there only.
	 */
	root_path = mem_printf("/proc/%u/root%s", pid, rootfs);
	root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open %s", root_path);
	/* The process ends after this: its descriptors close with it. */
	for (size_t i = 0; i < COUNT_OF(shown); i++) {
		clones[i] = clone_here(&shown[i], e);
		if (clones[i] < 0)
			return clones[i];
	}
	if (setns(ns, CLONE_NEWNS) < 0)
		return err_sys(e, "enter the container's mounts");
	return show(clones, root, e);
}
