/* SPDX-License-Identifier: Apache-2.0 */
/* A private /run and a private /dev that look like the host's. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/path.h"
#include "place.h"
#include "stage.h"

enum { MAX_RESOLV = 1 << 20 };

static void closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir);
}

static const char *next_entry(DIR *dir)
{
	const struct dirent *entry;

	do
		entry = readdir(dir);
	while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	return entry ? entry->d_name : NULL;
}

/* Rootless engines look for their user's directory; what is in the host's is none of theirs. */
static int copy_user_dirs(int old_run, struct err *e)
{
	int fd = openat(old_run, "user", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(closedirp) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const char *name;

	if (!dir)
		return 0;
	if (mkdir("/run/user", 0755) < 0)
		return err_sys(e, "make /run/user");
	while ((name = next_entry(dir))) {
		auto_free char *path = path_join("/run/user", name);
		struct stat st;

		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
			continue;
		if (mkdir(path, 0700) < 0 || chown(path, st.st_uid, st.st_gid) < 0)
			return err_sys(e, "make %s", path);
	}
	return 0;
}

/* Names are resolved through a file that a daemon keeps in /run. */
static int copy_resolver(const char *path, struct str text, struct err *e)
{
	auto_free char *dir = path_dir(path);
	int ret = fs_mkdir_p(dir, 0755, e);

	return ret < 0 ? ret : fs_write_atomic(path, text, 0644, FS_NO_SYNC, e);
}

int stage_run(struct arena *a, struct err *e)
{
	auto_close int old_run = open("/run", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_free char *resolver = realpath("/etc/resolv.conf", NULL);
	struct str text = {0};
	int ret = 0;

	if (old_run < 0)
		return err_sys(e, "open /run");
	if (resolver &&
	    (!path_is_below(resolver, "/run") || fs_read(a, resolver, MAX_RESOLV, &text, NULL) < 0))
		free(steal_ptr(resolver));
	ret = stage_mount("tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755", e);
	if (ret < 0)
		return ret;
	if (mkdir(PLACE_DIR, 0755) < 0 || mkdir("/run/lock", 01777) < 0)
		return err_sys(e, "furnish /run");
	ret = copy_user_dirs(old_run, e);
	if (ret == 0 && resolver)
		ret = copy_resolver(resolver, text, e);
	return ret;
}

/* The nodes of a real driver, and what the platform brings itself, stay outside. */
static bool is_hidden(const char *path)
{
	static const char prefixes[][16] = {"/dev/nvidia", "/dev/dri", "/dev/infiniband",
					    "/dev/gdrdrv"};

	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

static bool is_mount_point(const char *path, dev_t parent)
{
	struct stat st;

	return lstat(path, &st) == 0 && st.st_dev != parent;
}

static int copy_link(const char *from, const char *to, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return err_sys(e, "read the link %s", from);
	target[n] = '\0';
	return symlink(target, to) < 0 ? err_sys(e, "make the link %s", to) : 0;
}

static int copy_dev(const char *from, const char *to, struct err *e);

static int copy_entry(const char *from, const char *to, const struct stat *st, struct err *e)
{
	if (S_ISLNK(st->st_mode))
		return copy_link(from, to, e);
	if (S_ISDIR(st->st_mode)) {
		if (mkdir(to, st->st_mode & 07777) < 0)
			return err_sys(e, "make %s", to);
		return copy_dev(from, to, e);
	}
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		if (mknod(to, st->st_mode, st->st_rdev) < 0 ||
		    chown(to, st->st_uid, st->st_gid) < 0)
			return err_sys(e, "make the device node %s", from);
		return 0;
	}
	/* Sockets (/dev/log) and the like are the same object. */
	if (stage_touch(to, e) < 0)
		return -errno;
	return stage_bind(from, to, 0, e);
}

/* pts, shm, mqueue … are mounts and come along as such. */
static int carry_mount(const char *from, const char *to, const struct stat *st, struct err *e)
{
	int ret;

	if (S_ISDIR(st->st_mode) ? mkdir(to, 0755) < 0 : stage_touch(to, e) < 0)
		return err_sys(e, "make %s", to);
	ret = stage_bind(from, to, MS_REC, e);
	return ret;
}

static int copy_dev(const char *from, const char *to, struct err *e)
{
	AUTO(closedirp) DIR *dir = opendir(from);
	struct stat here;
	const char *name;

	if (!dir || fstat(dirfd(dir), &here) < 0)
		return err_sys(e, "read %s", from);
	while ((name = next_entry(dir))) {
		auto_free char *source = path_join(from, name), *target = path_join(to, name);
		struct stat st;
		int ret;

		if (is_hidden(source) || lstat(source, &st) < 0)
			continue;
		ret = is_mount_point(source, here.st_dev) ? carry_mount(source, target, &st, e)
							  : copy_entry(source, target, &st, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int stage_dev(struct err *e)
{
	static const char made[] = PLACE_DIR "/dev";
	int ret;

	if (mkdir(made, 0755) < 0)
		return err_sys(e, "make %s", made);
	ret = stage_mount("tmpfs", made, MS_NOSUID, "mode=0755", e);
	if (ret == 0)
		ret = copy_dev("/dev", made, e);
	if (ret == 0 && mount(made, "/dev", NULL, MS_MOVE, NULL) < 0)
		ret = err_sys(e, "put the private /dev in its place");
	(void)rmdir(made);
	return ret;
}
