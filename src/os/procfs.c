/* SPDX-License-Identifier: Apache-2.0 */
#include "os/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "os/sys.h"

/* PROC_ROOT_INO of the kernel: a bind mount of a directory inside a procfs has another number. */
enum { PROC_ROOT_INODE = 1 };

static int kept = -1;
static bool kept_is_private; /* nobody can mount over anything in it */

/* Without sysctls and devices: whoever gets hold of the descriptor can do nothing with it. */
static int new_instance(void)
{
	auto_close int fs = sys_fsopen("proc", FSOPEN_CLOEXEC);

	if (fs < 0 || sys_fsconfig(fs, FSCONFIG_SET_STRING, "subset", "pid") < 0 ||
	    sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
		return -1;
	return sys_fsmount(fs, FSMOUNT_CLOEXEC,
			   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

static int check(int fd, struct err *e)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "look at /proc");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INODE)
		return err_set(e, EPERM,
			       "/proc is not the kernel's procfs but something mounted over it");
	return 0;
}

int procfs_fd(struct err *e)
{
	auto_close int fd = -1;
	int r;

	if (kept >= 0)
		return kept;
	/*
	 * In a user namespace the kernel refuses a new instance unless some procfs is fully
	 * visible there, and both calls want CAP_SYS_ADMIN. A clone is not recursive, so what is
	 * mounted over parts of /proc does not come with it.
	 */
	fd = new_instance();
	if (fd < 0)
		fd = sys_open_tree(AT_FDCWD, "/proc", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	kept_is_private = fd >= 0;
	if (fd < 0)
		fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open /proc");
	r = check(fd, e);
	if (r < 0)
		return r;
	return kept = steal_fd(&fd);
}

/* Whether both lie on the same mount; before kernel 5.8, on the same file system. */
static bool same_mount(int a, int b)
{
	struct statx x, y;

	if (sys_statx(a, "", AT_EMPTY_PATH, STATX_MNT_ID, &x) < 0 ||
	    sys_statx(b, "", AT_EMPTY_PATH, STATX_MNT_ID, &y) < 0)
		return false;
	if (x.stx_mask & y.stx_mask & STATX_MNT_ID)
		return x.stx_mnt_id == y.stx_mnt_id;
	return x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor;
}

/* thread-self/fd, or a text and a negative errno. */
static int own_descriptors(struct err *e)
{
	auto_close int fd = -1;
	int proc = procfs_fd(e);

	if (proc < 0)
		return proc;
	fd = openat(proc, "thread-self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open /proc/thread-self/fd");
	if (!kept_is_private && !same_mount(proc, fd))
		return err_set(e, EPERM, "something is mounted over /proc/thread-self");
	return steal_fd(&fd);
}

int procfs_reopen(int fd, int flags, struct err *e)
{
	auto_close int dir = -1;
	char name[32];
	int again, proc = procfs_fd(e);

	if (proc < 0)
		return proc;
	/* In a view that is ours alone nothing can lie on the way: one lookup instead of two. */
	if (kept_is_private) {
		(void)snprintf(name, sizeof(name), "thread-self/fd/%d", fd);
		again = openat(proc, name, flags | O_CLOEXEC);
	} else {
		dir = own_descriptors(e);
		if (dir < 0)
			return dir;
		(void)snprintf(name, sizeof(name), "%d", fd);
		again = openat(dir, name, flags | O_CLOEXEC);
	}
	return again < 0 ? err_sys(e, "open descriptor %d again", fd) : again;
}

int procfs_name_of(int fd, char *ret, size_t size, struct err *e)
{
	auto_close int dir = own_descriptors(e);
	char name[16];
	ssize_t n;

	if (dir < 0)
		return dir;
	(void)snprintf(name, sizeof(name), "%d", fd);
	n = readlinkat(dir, name, ret, size);
	if (n < 0)
		return err_sys(e, "read the name of descriptor %d", fd);
	if ((size_t)n >= size)
		return err_set(e, ENAMETOOLONG, "the name of descriptor %d is too long", fd);
	ret[n] = '\0';
	return 0;
}
