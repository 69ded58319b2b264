/* SPDX-License-Identifier: Apache-2.0 */
#include "os/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "os/mount-by-path.h"
#include "os/mount-peers.h"

#include "test.h"

static struct err e;
static char lab[] = "/tmp/test-mount.XXXXXX";

static void remove_lab(void)
{
	(void)!chdir("/");
	(void)umount2(lab, MNT_DETACH);
	(void)rmdir(lab);
}

/* A private mount namespace and a tmpfs with a source and a target; false without the rights. */
static bool enter_lab(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return false;
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK(mkdtemp(lab));
	CHECK_INT(atexit(remove_lab), 0);
	CHECK_INT(mount("lab", lab, "tmpfs", 0, NULL), 0);
	CHECK_INT(chdir(lab), 0);
	CHECK_INT(mkdir("d", 0755), 0);
	CHECK_INT(mkdir("d/sub", 0755), 0);
	CHECK_INT(mkdir("empty", 0755), 0);
	CHECK_OK(fs_write_atomic("source", STR("source"), 0644, 0, &e), &e);
	CHECK_OK(fs_write_atomic("d/target", STR("target"), 0644, 0, &e), &e);
	return true;
}

static struct mount_end end_of(const char *path)
{
	struct mount_end end = {open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), path};

	CHECK(end.fd >= 0);
	return end;
}

static void check_text(const char *path, const char *want)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text;

	CHECK_OK(fs_read(&a, path, 1 << 16, &text, &e), &e);
	CHECK_STR(text.p, want);
}

static void check_not_writable(const char *path)
{
	CHECK_INT(open(path, O_WRONLY), -1);
	CHECK_INT(errno, EROFS);
}

static size_t mounts_here(void)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text, line;
	size_t n = 0;

	CHECK_OK(fs_read(&a, "/proc/self/mountinfo", 1 << 20, &text, &e), &e);
	while (str_split(&text, '\n', &line))
		n += str_contains(line, lab);
	return n;
}

typedef int bind_fn(const struct mount_end *, const struct mount_end *, unsigned, struct err *);

static void check_bind(bind_fn *bind)
{
	struct mount_end source, target;
	int mount;

	if (!enter_lab())
		return;
	source = end_of("source");
	target = end_of("d/target");
	mount = bind(&source, &target, MOUNT_READONLY | MOUNT_NOSUID | MOUNT_NODEV, &e);
	CHECK_OK(mount, &e);
	check_text("d/target", "source");
	check_not_writable("d/target");
	CHECK_INT(mounts_here(), 2);
	CHECK_OK(mount_undo(mount, "d/target", &e), &e);
	check_text("d/target", "target");
	CHECK_INT(mounts_here(), 1);
	CHECK_INT(fcntl(mount, F_GETFD), -1);
}

TEST(a_bind_mount_is_read_only_and_can_be_undone)
{
	check_bind(mount_bind);
}

static int bind_by_path(const struct mount_end *source, const struct mount_end *target,
			unsigned flags, struct err *error)
{
	int none = -1;

	return mount_by_path_bind(source, target, flags, &none, error);
}

TEST(so_it_is_on_kernels_without_the_new_calls)
{
	check_bind(bind_by_path);
}

TEST(a_mount_stays_on_what_was_pinned_when_the_name_is_swapped)
{
	struct mount_end source, target;

	if (!enter_lab())
		return;
	source = end_of("source");
	target = end_of("d/target");
	CHECK_INT(rename("d/target", "d/old"), 0);
	CHECK_INT(symlink("../source", "d/target"), 0);
	CHECK_OK(mount_bind(&source, &target, MOUNT_READONLY, &e), &e);
	check_text("d/old", "source");
	CHECK_INT(open("source", O_WRONLY | O_CLOEXEC) >= 0, 1);
}

TEST(nothing_is_mounted_on_a_link_or_on_another_kind)
{
	struct mount_end source, target;

	if (!enter_lab())
		return;
	source = end_of("source");
	CHECK_INT(symlink("target", "d/link"), 0);
	target = end_of("d/link");
	CHECK_INT(mount_bind(&source, &target, 0, &e), -ELOOP);
	target = end_of("d/sub");
	CHECK_INT(mount_bind(&source, &target, 0, &e), -ENOTDIR);
	CHECK_STR(e.text, "mount source on d/sub: one is a directory, the other is not");
	CHECK_INT(mounts_here(), 1);
}

TEST(attributes_hold_in_the_whole_tree)
{
	struct mount_end source, target;

	if (!enter_lab())
		return;
	CHECK_INT(mount("inner", "d/sub", "tmpfs", 0, NULL), 0);
	source = end_of("d");
	target = end_of("empty");
	CHECK_OK(mount_bind(&source, &target, MOUNT_READONLY | MOUNT_RECURSIVE, &e), &e);
	CHECK_INT(mkdir("empty/sub/x", 0755), -1);
	CHECK_INT(errno, EROFS);
	CHECK_INT(mkdir("d/sub/x", 0755), 0);
}

TEST(a_text_is_mounted_read_only_and_leaves_nothing_else)
{
	struct mount_end dir, target;
	int mount_fd;

	if (!enter_lab())
		return;
	dir = end_of("d");
	target = end_of("d/target");
	mount_fd = mount_text(STR("ModifyDeviceFiles: 0\n"), dir.fd, &target, &e);
	CHECK_OK(mount_fd, &e);
	check_text("d/target", "ModifyDeviceFiles: 0\n");
	check_not_writable("d/target");
	CHECK_INT(mounts_here(), 2);
	CHECK_INT(access("d/sub", F_OK), 0);
	/* Not even a remount of the mount makes it writable: the file system is read-only. */
	CHECK_INT(mount(NULL, "d/target", NULL, MS_REMOUNT | MS_BIND, NULL), 0);
	check_not_writable("d/target");
	CHECK_OK(mount_undo(mount_fd, "d/target", &e), &e);
	check_text("d/target", "target");
}

TEST(nothing_is_mounted_where_it_would_show_elsewhere)
{
	struct mount_end source, target, dir;
	size_t before;

	if (!enter_lab())
		return;
	CHECK_INT(mount(NULL, lab, NULL, MS_SHARED, NULL), 0);
	source = end_of("source");
	target = end_of("d/target");
	dir = end_of("d");
	before = mounts_here();
	CHECK_INT(mount_bind(&source, &target, 0, &e), -EPERM);
	CHECK(strstr(e.text, "d/target lies on a mount that is shared with others"));
	CHECK_INT(mount_text(STR("text"), dir.fd, &target, &e), -EPERM);
	CHECK_INT(mounts_here(), before);
}

TEST(a_shared_mount_is_told_by_its_line)
{
	static const struct {
		char line[90];
		bool is;
	} cases[] = {
		{"36 35 98:0 / /x rw,noatime shared:1 - ext3 /dev/root rw", true},
		{"36 35 98:0 / /x rw master:1 shared:7 - ext3 /dev/root rw", true},
		{"36 35 98:0 / /x rw master:1 - ext3 shared:7 rw", false},
		{"36 35 98:0 / shared:1 rw - ext3 /dev/root rw", false},
		{"361 35 98:0 / /x rw shared:1 - ext3 /dev/root rw", false},
		{"3 36 98:0 / /x rw shared:1 - ext3 /dev/root rw", false},
		{"", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		CHECK_INT(mount_line_is_shared(str_of(cases[i].line), STR("36")), cases[i].is);
	CHECK(!mount_line_is_shared(STR(""), STR("")));
}

TEST(a_text_that_cannot_be_mounted_leaves_nothing)
{
	struct mount_end dir, target;

	if (!enter_lab())
		return;
	dir = end_of("d");
	target = end_of("d/sub");
	CHECK_INT(mount_text(STR("x"), dir.fd, &target, &e), -ENOTDIR);
	CHECK_INT(mounts_here(), 1);
	dir = end_of("source");
	target = end_of("d/target");
	CHECK(mount_text(STR("x"), dir.fd, &target, &e) < 0);
	CHECK_INT(mounts_here(), 1);
}

TEST(a_tmpfs_by_path_is_found_where_it_was_mounted)
{
	struct mount_end dir;
	int root;

	if (!enter_lab())
		return;
	dir = end_of("empty");
	root = mount_by_path_tmpfs(&dir, "size=4096,nr_inodes=4,mode=0555", &e);
	CHECK_OK(root, &e);
	CHECK_INT(mkdirat(root, "x", 0755), 0);
	CHECK_INT(access("empty/x", F_OK), 0);
	CHECK_OK(mount_undo(root, "empty", &e), &e);
	CHECK_INT(access("empty/x", F_OK), -1);
}
