/* SPDX-License-Identifier: Apache-2.0 */
#include "os/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "os/mount-by-path.h"
#include "os/mount-peers.h"
#include "os/sys.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

static uint64_t attributes(unsigned flags)
{
	static const struct {
		unsigned ours;
		uint64_t kernel;
	} table[] = {{MOUNT_READONLY, MOUNT_ATTR_RDONLY},
		     {MOUNT_NOSUID, MOUNT_ATTR_NOSUID},
		     {MOUNT_NODEV, MOUNT_ATTR_NODEV},
		     {MOUNT_NOEXEC, MOUNT_ATTR_NOEXEC},
		     {MOUNT_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW}};
	uint64_t set = 0;

	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (flags & table[i].ours)
			set |= table[i].kernel;
	return set;
}

/* ENOSYS from an old kernel; EPERM from a system call filter that does not know the call. */
static bool is_missing_call(void)
{
	return errno == ENOSYS || errno == EPERM;
}

static int check_ends(const struct mount_end *source, const struct mount_end *target, struct err *e)
{
	struct stat from, to;

	if (fstat(source->fd, &from) < 0)
		return err_sys(e, "look at %s", source->name);
	if (fstat(target->fd, &to) < 0)
		return err_sys(e, "look at %s", target->name);
	if (S_ISLNK(from.st_mode) || S_ISLNK(to.st_mode))
		return err_set(e, ELOOP, "mount %s on %s: one of them is a symbolic link",
			       source->name, target->name);
	if (S_ISDIR(from.st_mode) != S_ISDIR(to.st_mode))
		return err_set(e, ENOTDIR, "mount %s on %s: one is a directory, the other is not",
			       source->name, target->name);
	return 0;
}

static int attach(int tree, const struct mount_end *target)
{
	return sys_move_mount(tree, "", target->fd, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

/* mount_bind(), with what covers the target's directory (mount-by-path.h). */
static int bind_tree(const struct mount_end *source, const struct mount_end *target, unsigned flags,
		     int *cover, struct err *e)
{
	struct mount_attr attr = {.attr_set = attributes(flags), .propagation = MS_PRIVATE};
	unsigned whole = AT_EMPTY_PATH | (flags & MOUNT_RECURSIVE ? AT_RECURSIVE : 0);
	auto_close int tree = -1;
	bool attributes_set;
	int r = check_ends(source, target, e);

	if (r < 0)
		return r;
	tree = sys_open_tree(source->fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | whole);
	if (tree < 0 && is_missing_call())
		return mount_by_path_bind(source, target, flags, cover, e);
	if (tree < 0)
		return err_sys(e, "take %s for a mount", source->name);
	attributes_set = sys_mount_setattr(tree, "", whole, &attr) == 0;
	if (!attributes_set && !is_missing_call())
		return err_sys(e, "set the attributes of the mount on %s", target->name);
	if (attach(tree, target) < 0)
		return err_sys(e, "mount %s on %s", source->name, target->name);
	if (attributes_set)
		return steal_fd(&tree);
	/* Kernels 5.2 to 5.11 take attributes for attached mounts only. */
	r = mount_by_path_restrict(tree, flags, target->name, e);
	if (r < 0) {
		(void)!mount_by_path_detach(tree, target->name, NULL);
		return r;
	}
	return steal_fd(&tree);
}

int mount_bind(const struct mount_end *source, const struct mount_end *target, unsigned flags,
	       struct err *e)
{
	int none = -1, r = mount_check_peers(target, -1, e);

	return r < 0 ? r : bind_tree(source, target, flags, &none, e);
}

int mount_undo(int mount, const char *name, struct err *e)
{
	auto_close int owned = mount;

	return mount_by_path_detach(owned, name, e);
}

static const char text_file[] = "text";

/* Puts the text into an empty file system: the file's O_PATH descriptor. */
static int fill(int dir, struct str text, const char *name, struct err *e)
{
	auto_close int fd =
		openat(dir, text_file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	auto_close int pinned = -1;
	int r;

	if (fd < 0 || fchmod(fd, 0444) < 0)
		return err_sys(e, "write a file for %s", name);
	r = fs_write_fd(fd, name, text, e);
	if (r < 0)
		return r;
	pinned = openat(dir, text_file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (pinned < 0)
		return err_sys(e, "write a file for %s", name);
	return steal_fd(&pinned);
}

struct tmpfs {
	int context; /* fsopen's; -1 when made by mount(2) */
	int root;
};

static void tmpfs_done(struct tmpfs *t)
{
	closep(&t->context);
	closep(&t->root);
}

/* A file system for one small file, not attached anywhere; -1 and errno. */
static int tmpfs_new(struct tmpfs *t, const char *size)
{
	t->context = sys_fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (t->context < 0 || sys_fsconfig(t->context, FSCONFIG_SET_STRING, "size", size) < 0 ||
	    sys_fsconfig(t->context, FSCONFIG_SET_STRING, "nr_inodes", "4") < 0 ||
	    sys_fsconfig(t->context, FSCONFIG_SET_STRING, "mode", "0555") < 0 ||
	    sys_fsconfig(t->context, FSCONFIG_CMD_CREATE, NULL, NULL) < 0)
		return -1;
	t->root = sys_fsmount(t->context, FSMOUNT_CLOEXEC,
			      MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return t->root < 0 ? -1 : 0;
}

/* The file system itself, not only a mount of it: no remount inside a container undoes that. */
static int tmpfs_freeze(const struct tmpfs *t)
{
	if (sys_fsconfig(t->context, FSCONFIG_SET_FLAG, "ro", NULL) < 0)
		return -1;
	return sys_fsconfig(t->context, FSCONFIG_CMD_RECONFIGURE, NULL, NULL);
}

/*
 * Leaves the text in a tmpfs on the directory dir: the file's descriptor.
 * Attached, because before kernel 6.15 a file can only be cloned out of a mount
 * that is somewhere; whoever sees it there sees it read-only.
 */
static int text_on(const struct mount_end *dir, struct str text, struct tmpfs *t, struct err *e)
{
	auto_close int file = -1;
	char size[24], options[80];

	(void)snprintf(size, sizeof(size), "%zu", text.n + 1);
	if (tmpfs_new(t, size) < 0) {
		if (!is_missing_call())
			return err_sys(e, "make a tmpfs for %s", dir->name);
		(void)snprintf(options, sizeof(options), "size=%s,nr_inodes=4,mode=0555", size);
		t->root = mount_by_path_tmpfs(dir, options, e);
		return t->root < 0 ? t->root : fill(t->root, text, dir->name, e);
	}
	file = fill(t->root, text, dir->name, e);
	if (file < 0)
		return file;
	if (tmpfs_freeze(t) < 0)
		return err_sys(e, "make the tmpfs for %s read-only", dir->name);
	if (attach(t->root, dir) < 0)
		return err_sys(e, "mount a tmpfs for %s", dir->name);
	return steal_fd(&file);
}

int mount_text(struct str text, int dir, const struct mount_end *target, struct err *e)
{
	const struct mount_end on = {dir, target->name};
	AUTO(tmpfs_done) struct tmpfs t = {-1, -1};
	auto_close int file = -1, mount = -1;
	struct mount_end source = {-1, "a read-only file"};
	int r = mount_check_peers(target, dir, e);

	if (r < 0)
		return r;
	source.fd = file = text_on(&on, text, &t, e);
	if (file >= 0)
		mount = bind_tree(&source, target,
				  MOUNT_READONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC,
				  &t.root, e);
	/* Attached, unless it failed before: then there is nothing to take away. */
	if (t.root >= 0)
		r = mount_by_path_detach(t.root, target->name, file < 0 || mount < 0 ? NULL : e);
	if (file < 0)
		return file;
	if (mount < 0)
		return mount;
	if (r < 0) {
		(void)!mount_by_path_detach(mount, target->name, NULL);
		return r;
	}
	return steal_fd(&mount);
}
