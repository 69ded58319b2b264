/* SPDX-License-Identifier: Apache-2.0 */
#include "os/mount-by-path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "os/procfs.h"
#include "os/sys.h"

/* A descriptor's path while procfs is the working directory. */
struct fd_path {
	char text[40];
};

static struct fd_path fd_path(int fd)
{
	struct fd_path path;

	(void)snprintf(path.text, sizeof(path.text), "thread-self/fd/%d", fd);
	return path;
}

static void restore_cwd(const int *cwd)
{
	if (*cwd >= 0) {
		(void)!fchdir(*cwd);
		(void)close(*cwd);
	}
}

/* Makes procfs the working directory; the one before, for restore_cwd(). */
static int enter_procfs(struct err *e)
{
	auto_close int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int proc = procfs_fd(e);

	if (proc < 0)
		return proc;
	if (cwd < 0)
		return err_sys(e, "look at the working directory");
	if (fchdir(proc) < 0)
		return err_sys(e, "enter /proc");
	return steal_fd(&cwd);
}

/*
 * What is mounted on target now. The target's descriptor names what is beneath, so the name is
 * looked up again: a mount point cannot be renamed or removed, and the caller checks what came.
 */
static int open_mounted(const struct mount_end *target, struct stat *st, struct err *e)
{
	auto_close int found = -1;
	char path[PATH_MAX];
	int r = procfs_name_of(target->fd, path, sizeof(path), e);

	if (r < 0)
		return r;
	found = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (found < 0 || fstat(found, st) < 0)
		return err_sys(e, "look at the mount on %s", target->name);
	return steal_fd(&found);
}

static int moved(const struct mount_end *target, struct err *e)
{
	return err_set(e, EPERM, "%s was moved while something was mounted on it", target->name);
}

int mount_by_path_restrict(int mount, unsigned flags, const char *name, struct err *e)
{
	AUTO(restore_cwd) int cwd = enter_procfs(e);
	unsigned long bits = MS_REMOUNT | MS_BIND;

	if (cwd < 0)
		return cwd;
	bits |= flags & MOUNT_READONLY ? MS_RDONLY : 0;
	bits |= flags & MOUNT_NOSUID ? MS_NOSUID : 0;
	bits |= flags & MOUNT_NODEV ? MS_NODEV : 0;
	bits |= flags & MOUNT_NOEXEC ? MS_NOEXEC : 0;
	if (sys_mount(NULL, fd_path(mount).text, NULL, MS_PRIVATE, NULL) < 0 ||
	    sys_mount(NULL, fd_path(mount).text, NULL, bits, NULL) < 0)
		return err_sys(e, "set the attributes of the mount on %s", name);
	return 0;
}

int mount_by_path_detach(int mount, const char *name, struct err *e)
{
	AUTO(restore_cwd) int cwd = enter_procfs(e);

	if (cwd < 0)
		return cwd;
	if (sys_umount(fd_path(mount).text, MNT_DETACH) < 0)
		return err_sys(e, "unmount %s", name);
	return 0;
}

int mount_by_path_bind(const struct mount_end *source, const struct mount_end *target,
		       unsigned flags, int *cover, struct err *e)
{
	AUTO(restore_cwd) int cwd = enter_procfs(e);
	auto_close int mount = -1;
	struct stat want, got;
	int r = 0;

	if (cwd < 0)
		return cwd;
	if (fstat(source->fd, &want) < 0)
		return err_sys(e, "look at %s", source->name);
	if (sys_mount(fd_path(source->fd).text, fd_path(target->fd).text, NULL,
		      MS_BIND | (flags & MOUNT_RECURSIVE ? MS_REC : 0), NULL) < 0)
		return err_sys(e, "mount %s on %s", source->name, target->name);
	if (*cover >= 0)
		r = mount_undo(steal_fd(cover), target->name, e);
	mount = r < 0 ? r : open_mounted(target, &got, e);
	if (mount < 0)
		return mount;
	if (got.st_dev != want.st_dev || got.st_ino != want.st_ino)
		return moved(target, e);
	/* A read-only bind in one call is not read-only: the kernel ignores the flag there. */
	r = mount_by_path_restrict(mount, flags, target->name, e);
	if (r < 0) {
		(void)!mount_by_path_detach(mount, target->name, NULL);
		return r;
	}
	return steal_fd(&mount);
}

int mount_by_path_tmpfs(const struct mount_end *target, const char *options, struct err *e)
{
	AUTO(restore_cwd) int cwd = enter_procfs(e);
	auto_close int mount = -1;
	struct statfs fs;
	struct stat got;

	if (cwd < 0)
		return cwd;
	if (sys_mount("tmpfs", fd_path(target->fd).text, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		      options) < 0)
		return err_sys(e, "mount a tmpfs on %s", target->name);
	mount = open_mounted(target, &got, e);
	if (mount < 0)
		return mount;
	if (fstatfs(mount, &fs) < 0 || fs.f_type != TMPFS_MAGIC || got.st_nlink != 2)
		return moved(target, e);
	if (sys_mount(NULL, fd_path(mount).text, NULL, MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make the tmpfs on %s private", target->name);
	return steal_fd(&mount);
}
