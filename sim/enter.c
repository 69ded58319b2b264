/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/fs.h"
#include "name.h"
#include "place.h"
#include "run.h"

static bool is_machine(pid_t pid)
{
	auto_free char *path = mem_printf("/proc/%d/root" PLACE_ROOTS, (int)pid);

	return access(path, F_OK) == 0;
}

/* The process outside has the machine's first one as its only child. */
static pid_t first_child(pid_t pid)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text, word;
	uint32_t child;

	if (fs_read(&a, arena_printf(&a, "/proc/%d/task/%d/children", (int)pid, (int)pid), 65536,
		    &text, NULL) < 0)
		return -1;
	return str_split(&text, ' ', &word) && str_to_u32(word, &child) == 0 ? (pid_t)child : -1;
}

int run_find(const char *name, uint32_t pid, pid_t *ret, struct err *e)
{
	pid_t found = (pid_t)pid;

	if (name)
		return name_ask(name, ret, e);
	if (!is_machine(found))
		found = first_child(found);
	if (found <= 0 || !is_machine(found))
		return err_set(e, ESRCH, "process %u is not part of a simulation", pid);
	*ret = found;
	return 0;
}

static int enter_one(pid_t pid, const char *kind, struct err *e)
{
	auto_free char *path = mem_printf("/proc/%d/ns/%s", (int)pid, kind);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "open %s", path);
	return setns(fd, 0) < 0 ? err_sys(e, "enter the machine (%s)", path) : 0;
}

int run_enter(pid_t pid, struct err *e)
{
	auto_free char *cwd = realpath(".", NULL);
	auto_free char *root = mem_printf("/proc/%d/root", (int)pid);
	auto_close int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return err_sys(e, "open %s", root);
	/* The PID namespace first: the path of the other is in our /proc. */
	ret = enter_one(pid, "pid", e);
	if (ret == 0)
		ret = enter_one(pid, "mnt", e);
	if (ret < 0)
		return ret;
	/* Entering leaves a chroot in which the machine was started: back to its own root. */
	if (fchdir(fd) < 0 || chroot(".") < 0)
		return err_sys(e, "enter the machine's root directory");
	/* The same place where the machine has one. */
	if (cwd && chdir(cwd) < 0)
		(void)!chdir("/");
	return 0;
}
