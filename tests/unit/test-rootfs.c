/* SPDX-License-Identifier: Apache-2.0 */
#include "os/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/mem.h"
#include "os/procfs.h"
#include "os/rootfs-walk.h"
#include "os/sys.h"

#include "test.h"

static char lab[64];

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void remove_lab(void)
{
	(void)nftw(lab, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* An empty container root beside a directory that nothing may touch. */
static struct rootfs enter_lab(void)
{
	struct rootfs r = ROOTFS_INIT;
	struct err e;

	(void)snprintf(lab, sizeof(lab), "/tmp/test-rootfs.XXXXXX");
	CHECK(mkdtemp(lab));
	CHECK_INT(atexit(remove_lab), 0);
	CHECK_INT(chdir(lab), 0);
	CHECK_INT(mkdir("can", 0755), 0);
	CHECK_INT(mkdir("root", 0755), 0);
	CHECK_OK(fs_write_atomic("can/secret", STR("secret"), 0600, 0, &e), &e);
	CHECK_OK(rootfs_open("root", &r, &e), &e);
	return r;
}

static void check_canary(void)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv names;
	struct str text;
	struct err e;

	CHECK_OK(fs_list(&a, "can", 100, &names, &e), &e);
	CHECK_INT(names.n, 1);
	CHECK_OK(fs_read(&a, "can/secret", 100, &text, &e), &e);
	CHECK_STR(text.p, "secret");
}

static bool is_directory(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

TEST(open_refuses_the_hosts_root_and_a_link)
{
	struct rootfs r = ROOTFS_INIT;
	struct err e;

	(void)enter_lab();
	CHECK_INT(rootfs_open("/", &r, &e), -EPERM);
	CHECK_STR(e.text, "container root / is the host's own root directory");
	CHECK_INT(symlink("root", "link"), 0);
	CHECK_INT(rootfs_open("link", &r, &e), -ENOTDIR);
	CHECK_STR(e.text, "container root link is a symbolic link: name the directory itself");
	CHECK_INT(rootfs_open("none", &r, &e), -ENOENT);
	CHECK_INT(r.fd, -1);
}

TEST(absolute_links_and_dots_stay_in_the_root)
{
	struct rootfs r = enter_lab();
	auto_free char *target = mem_printf("%s/can", lab);
	struct err e;

	CHECK_INT(symlink(target, "root/abs"), 0);
	CHECK_INT(symlink("../../../../../../can", "root/rel"), 0);
	CHECK_INT(rootfs_resolve(&r, "/abs/secret", &e), -ENOENT);
	CHECK_INT(rootfs_resolve(&r, "rel/secret", &e), -ENOENT);
	CHECK_INT(rootfs_resolve(&r, "../can/secret", &e), -ENOENT);
	CHECK_STR(e.text,
		  "look up ../can/secret in container root root: No such file or directory");
	CHECK_INT(rootfs_write(&r, "/abs/new", STR("x"), 0644, &e), 0);
	CHECK_INT(rootfs_symlink(&r, "t", "rel/new", &e), 0);
	CHECK_INT(rootfs_symlink(&r, "t", "/../../../../new", &e), 0);
	check_canary();
	CHECK(is_directory("root/can"));
}

TEST(links_to_objects_of_procfs_are_not_followed)
{
	struct rootfs r = enter_lab();
	struct err e;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return;
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_INT(mkdir("root/proc", 0755), 0);
	CHECK_INT(mount("proc", "root/proc", "proc", 0, NULL), 0);
	rootfs_close(&r); /* still the old namespace's */
	CHECK_OK(rootfs_open("root", &r, &e), &e);
	CHECK_INT(symlink("/proc/self/root/can", "root/x"), 0);
	CHECK_INT(rootfs_resolve(&r, "/proc/self/root", &e), -ELOOP);
	CHECK_INT(rootfs_resolve(&r, "/x", &e), -ELOOP);
	CHECK_INT(rootfs_resolve(&r, "/proc/self/fd/0", &e), -ELOOP);
	CHECK_INT(rootfs_walk(r.fd, "/proc/self/root", false), -ELOOP);
	CHECK_INT(rootfs_walk(r.fd, "/proc/self/cwd/x", true), -ELOOP);
	CHECK(rootfs_walk(r.fd, "/proc/self/root", true) >= 0);
	CHECK(rootfs_walk(r.fd, "/proc/self/status", false) >= 0);
	CHECK(rootfs_resolve(&r, "/proc/self/status", &e) >= 0);
	CHECK_INT(umount2("root/proc", MNT_DETACH), 0);
}

TEST(a_chain_of_forty_links_is_followed_and_one_of_forty_one_is_not)
{
	struct rootfs r = enter_lab();
	struct err e;

	CHECK_OK(rootfs_write(&r, "l0", STR("x"), 0644, &e), &e);
	for (int i = 1; i <= 41; i++) {
		auto_free char *target = mem_printf("l%d", i - 1),
			       *path = mem_printf("root/l%d", i);

		CHECK_INT(symlink(target, path), 0);
	}
	CHECK(rootfs_resolve(&r, "l40", &e) >= 0);
	CHECK_INT(rootfs_resolve(&r, "l41", &e), -ELOOP);
	CHECK(rootfs_walk(r.fd, "l40", false) >= 0);
	CHECK_INT(rootfs_walk(r.fd, "l41", false), -ELOOP);
	CHECK(rootfs_walk(r.fd, "l41", true) >= 0);
}

TEST(mkdir_makes_what_is_missing_with_the_mode_whatever_the_umask)
{
	struct rootfs r = enter_lab();
	struct stat st;
	struct err e;

	(void)umask(077);
	CHECK_OK(rootfs_mkdir_p(&r, "/a//b/./c/", 0755, &e), &e);
	CHECK_INT(stat("root/a/b/c", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0755);
	CHECK_OK(rootfs_mkdir_p(&r, "a/b", 0700, &e), &e);
	CHECK_INT(stat("root/a/b", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0755);
	CHECK_OK(rootfs_mkdir_p(&r, "/", 0755, &e), &e);
	CHECK_INT(rootfs_mkdir_p(&r, "", 0755, &e), -ENOENT);
	CHECK_INT(rootfs_mkdir_p(&r, "a/none/../x", 0755, &e), -ENOENT);
}

TEST(mkdir_makes_the_target_of_a_dangling_link_in_the_root)
{
	struct rootfs r = enter_lab();
	auto_free char *target = mem_printf("%s/can/new", lab);
	auto_free char *made = mem_printf("root%s/can/new/x", lab);
	struct err e;

	CHECK_INT(symlink(target, "root/dangling"), 0);
	CHECK_INT(mkdir("root/usr", 0755), 0);
	CHECK_INT(symlink("../lib64", "root/usr/lib64"), 0);
	CHECK_INT(symlink("loop", "root/loop"), 0);
	CHECK_OK(rootfs_mkdir_p(&r, "dangling/x", 0755, &e), &e);
	CHECK(is_directory(made));
	CHECK_OK(rootfs_mkdir_p(&r, "/usr/lib64/nvidia/x", 0755, &e), &e);
	CHECK(is_directory("root/lib64/nvidia/x"));
	CHECK_INT(rootfs_mkdir_p(&r, "loop/x", 0755, &e), -ELOOP);
	check_canary();
}

TEST(mkdir_does_not_take_a_file_for_a_directory)
{
	struct rootfs r = enter_lab();
	struct err e;

	CHECK_OK(rootfs_write(&r, "f", STR("x"), 0644, &e), &e);
	CHECK_INT(rootfs_mkdir_p(&r, "f", 0755, &e), -ENOTDIR);
	CHECK_INT(rootfs_mkdir_p(&r, "f/x", 0755, &e), -ENOTDIR);
	CHECK_STR(e.text, "make directory f/x in container root root: Not a directory");
}

TEST(write_replaces_a_link_and_never_writes_through_it)
{
	AUTO(arena_done) struct arena a = {0};
	struct rootfs r = enter_lab();
	auto_free char *target = mem_printf("%s/can/secret", lab);
	struct str text;
	struct stat st;
	struct err e;

	CHECK_INT(symlink(target, "root/f"), 0);
	CHECK_OK(rootfs_write(&r, "f", STR("one"), 0640, &e), &e);
	CHECK_INT(lstat("root/f", &st), 0);
	CHECK_INT(st.st_mode, S_IFREG | 0640);
	CHECK_INT(link("root/f", "can/hard"), 0);
	CHECK_OK(rootfs_write(&r, "f", STR("two"), 0644, &e), &e);
	CHECK_OK(fs_read(&a, "can/hard", 10, &text, &e), &e);
	CHECK_STR(text.p, "one");
	CHECK_INT(unlink("can/hard"), 0);
	check_canary();
}

TEST(write_leaves_nothing_behind_over_a_directory)
{
	AUTO(arena_done) struct arena a = {0};
	struct rootfs r = enter_lab();
	struct strv names;
	struct err e;

	CHECK_INT(mkdir("root/d", 0755), 0);
	CHECK_INT(rootfs_write(&r, "/d", STR("x"), 0644, &e), -EISDIR);
	CHECK_INT(rootfs_symlink(&r, "t", "/d", &e), -EISDIR);
	CHECK_STR(e.text, "replace by a link /d in container root root: Is a directory");
	CHECK_INT(rootfs_write(&r, "/d/..", STR("x"), 0644, &e), -EISDIR);
	CHECK_INT(rootfs_write(&r, "/", STR("x"), 0644, &e), -EISDIR);
	CHECK_OK(rootfs_list(&a, &r, "/", 100, &names, &e), &e);
	CHECK_INT(names.n, 1);
}

TEST(symlink_replaces_files_and_says_when_nothing_was_to_do)
{
	AUTO(arena_done) struct arena a = {0};
	struct rootfs r = enter_lab();
	const char *text;
	struct err e;

	CHECK_INT(rootfs_symlink(&r, "libx.so.1", "/usr/lib/libx.so", &e), 0);
	CHECK_INT(rootfs_symlink(&r, "libx.so.1", "/usr/lib/libx.so", &e), 1);
	CHECK_INT(rootfs_symlink(&r, "libx.so.2", "/usr/lib/libx.so", &e), 0);
	CHECK_INT(rootfs_readlink_entry(&a, r.fd, "usr/lib/libx.so", &text), 0);
	CHECK_STR(text, "libx.so.2");
	CHECK_OK(rootfs_write(&r, "f", STR("x"), 0644, &e), &e);
	CHECK_INT(rootfs_symlink(&r, "t", "f", &e), 0);
	CHECK_INT(rootfs_symlink(&r, "", "g", &e), -ENOENT);
}

TEST(read_takes_regular_files_only_and_never_blocks)
{
	AUTO(arena_done) struct arena a = {0};
	struct rootfs r = enter_lab();
	struct str text;
	struct err e;

	CHECK_INT(mkfifo("root/fifo", 0666), 0);
	CHECK_INT(rootfs_read(&a, &r, "fifo", 100, &text, &e), -EINVAL);
	CHECK_STR(e.text, "fifo in container root root is not a regular file");
	if (geteuid() == 0) {
		CHECK_INT(mknod("root/zero", S_IFCHR | 0666, makedev(1, 5)), 0);
		CHECK_INT(rootfs_read(&a, &r, "zero", 100, &text, &e), -EINVAL);
	}
	CHECK_INT(rootfs_read(&a, &r, "/", 100, &text, &e), -EINVAL);
	CHECK_OK(rootfs_write(&r, "f", STR("0123456789"), 0644, &e), &e);
	CHECK_OK(rootfs_read(&a, &r, "f", 10, &text, &e), &e);
	CHECK_STR(text.p, "0123456789");
	CHECK_INT(rootfs_read(&a, &r, "f", 9, &text, &e), -EFBIG);
	CHECK_INT(truncate("root/f", (off_t)3 << 30), 0);
	CHECK_INT(rootfs_read(&a, &r, "f", 1 << 20, &text, &e), -EFBIG);
}

TEST(path_of_says_where_the_container_finds_it)
{
	AUTO(arena_done) struct arena a = {0};
	struct rootfs r = enter_lab();
	const char *path;
	struct err e;
	int fd;

	CHECK_OK(rootfs_mkdir_p(&r, "/usr/lib", 0755, &e), &e);
	CHECK_INT(symlink("usr/lib", "root/lib"), 0);
	fd = rootfs_resolve(&r, "lib/", &e);
	CHECK_OK(rootfs_path_of(&a, &r, fd, &path, &e), &e);
	CHECK_STR(path, "/usr/lib");
	CHECK_OK(rootfs_path_of(&a, &r, r.fd, &path, &e), &e);
	CHECK_STR(path, "/");
	CHECK_INT(rename("root/usr/lib", "can/lib"), 0);
	CHECK_INT(rootfs_path_of(&a, &r, fd, &path, &e), -ENOENT);
	CHECK_INT(rmdir("can/lib"), 0);
	CHECK_INT(rootfs_path_of(&a, &r, fd, &path, &e), -ENOENT);
}

TEST(names_and_paths_that_are_too_long_are_clean_errors)
{
	struct rootfs r = enter_lab();
	auto_free char *path = mem_alloc(5001), *deep = mem_alloc(2 * 300 + 1);
	struct err e;

	memset(path, 'a', 5000);
	CHECK_INT(rootfs_resolve(&r, path, &e), -ENAMETOOLONG);
	CHECK_INT(rootfs_walk(r.fd, path, false), -ENAMETOOLONG);
	CHECK_INT(rootfs_mkdir_p(&r, path, 0755, &e), -ENAMETOOLONG);
	path[255] = '\0';
	CHECK_OK(rootfs_mkdir_p(&r, path, 0755, &e), &e);
	path[255] = 'a';
	path[256] = '\0';
	CHECK_INT(rootfs_mkdir_p(&r, path, 0755, &e), -ENAMETOOLONG);
	for (int i = 0; i < 300; i++)
		memcpy(deep + i * 2, "d/", 2);
	CHECK_OK(rootfs_mkdir_p(&r, deep, 0755, &e), &e);
	CHECK_INT(rootfs_walk(r.fd, deep, false), -ENAMETOOLONG);
}

TEST(odd_bytes_in_names_are_names)
{
	AUTO(arena_done) struct arena a = {0};
	struct rootfs r = enter_lab();
	struct strv names;
	struct err e;

	CHECK_OK(rootfs_write(&r, "/%s%n \\\xff\n", STR("x"), 0644, &e), &e);
	CHECK_OK(rootfs_list(&a, &r, "/", 10, &names, &e), &e);
	CHECK_STR(names.v[0], "%s%n \\\xff\n");
	CHECK_INT(rootfs_list(&a, &r, "/", 0, &names, &e), -EFBIG);
}

/* A small reproducible generator: a failure names its seed. */
static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 16;
}

/* Components from a small alphabet, so that paths meet what is there. */
static void random_path(uint32_t *seed, struct strbuf *path)
{
	static const char *const parts[] = {"a", "b", "c", "..", ".", "a", "b", "", "f"};

	strbuf_reset(path);
	if (next(seed) % 3 == 0)
		strbuf_addc(path, '/');
	for (unsigned i = 0, n = next(seed) % 5 + 1; i < n; i++) {
		if (i > 0)
			strbuf_addc(path, '/');
		strbuf_adds(path, parts[next(seed) % COUNT_OF(parts)]);
	}
	if (path->n == 0)
		strbuf_addc(path, '/');
}

/*
 * Built through the walk: every rename or mount on the machine makes openat2 give up, and then a
 * seed would not always give the same tree.
 */
static void random_tree(const struct rootfs *r, uint32_t *seed)
{
	static const char *const names[] = {"a", "b", "c", "f"};
	AUTO(strbuf_done) struct strbuf path = {0};
	AUTO(strbuf_done) struct strbuf target = {0};

	for (int i = 0; i < 48; i++) {
		uint32_t kind = next(seed) % 4, name = next(seed) % COUNT_OF(names);
		auto_close int dir = -1, file = -1;

		random_path(seed, &path);
		random_path(seed, &target);
		dir = rootfs_walk(r->fd, path.p, false);
		if (dir < 0)
			continue;
		if (kind == 0)
			(void)!mkdirat(dir, names[name], 0755);
		else if (kind == 1)
			file = openat(dir, names[name], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				      0644);
		else
			(void)!symlinkat(target.p, dir, names[name]);
	}
}

/* Any rename or mount on the machine makes a lookup with ".." in it start again. */
static int ask_kernel(int root, const char *path, const struct open_how *how)
{
	int fd;

	do
		fd = sys_openat2(root, path, how);
	while (fd < 0 && errno == EAGAIN);
	return fd;
}

/* Whether both found something. */
static bool compare(const struct rootfs *r, const char *path, bool nofollow, uint32_t seed)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	auto_close int kernel = ask_kernel(r->fd, path, &how);
	int code = kernel < 0 ? -errno : 0;
	auto_close int ours = rootfs_walk(r->fd, path, nofollow);
	struct stat x, y;

	if (code < 0 && ours != code)
		FAIL("seed %u, path %s: walk %d, kernel %d", seed, path, ours, code);
	if (code < 0)
		return false;
	if (ours < 0)
		FAIL("seed %u, path %s: walk %d, kernel found it", seed, path, ours);
	CHECK(fstat(kernel, &x) == 0 && fstat(ours, &y) == 0);
	if (x.st_ino != y.st_ino || x.st_dev != y.st_dev)
		FAIL("seed %u, path %s: walk and kernel found different things", seed, path);
	return true;
}

TEST(the_walk_agrees_with_the_kernel_on_random_trees)
{
	AUTO(strbuf_done) struct strbuf path = {0};
	struct rootfs lab_root = enter_lab();
	uint32_t found = 0;

	for (uint32_t tree = 1; tree <= 40; tree++) {
		auto_free char *name = mem_printf("root/%u", tree);
		struct rootfs r = ROOTFS_INIT;
		uint32_t seed = tree;
		struct err e;

		CHECK_INT(mkdir(name, 0755), 0);
		CHECK_OK(rootfs_open(name, &r, &e), &e);
		random_tree(&r, &seed);
		for (int i = 0; i < 60; i++) {
			random_path(&seed, &path);
			found += compare(&r, path.p, i % 2 == 0, tree);
		}
		rootfs_close(&r);
	}
	/* The trees are not so bare that everything is absent. */
	CHECK(found > 40 * 60 / 5);
	CHECK(found < 40 * 60);
	check_canary();
	rootfs_close(&lab_root);
}

TEST(reopening_reaches_the_object_and_not_its_name)
{
	AUTO(arena_done) struct arena a = {0};
	struct rootfs r = enter_lab();
	struct str text;
	struct err e;
	int pinned, fd;

	CHECK_OK(rootfs_write(&r, "f", STR("right"), 0644, &e), &e);
	pinned = rootfs_resolve(&r, "f", &e);
	CHECK_OK(rootfs_write(&r, "f", STR("wrong"), 0644, &e), &e);
	fd = procfs_reopen(pinned, O_RDONLY, &e);
	CHECK_OK(fs_read_fd(&a, fd, "f", 10, &text, &e), &e);
	CHECK_STR(text.p, "right");
	CHECK_INT(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(a_procfs_that_is_none_is_refused)
{
	struct err e;

	/* Without the right to make or clone mounts, /proc is used as it stands, if it is procfs.
	 */
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return;
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_INT(mount("tmpfs", "/proc", "tmpfs", 0, NULL), 0);
	CHECK_INT(setresuid(12345, 12345, 12345), 0);
	CHECK_INT(procfs_fd(&e), -EPERM);
	CHECK_STR(e.text, "/proc is not the kernel's procfs but something mounted over it");
	_exit(0); /* the leak checker wants a /proc */
}

TEST(what_is_mounted_over_thread_self_is_noticed_without_rights_to_clone)
{
	auto_free char *fds = mem_printf("/proc/%d/task/%d/fd", getpid(), getpid());
	struct err e;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return;
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_INT(mount("tmpfs", fds, "tmpfs", 0, NULL), 0);
	CHECK_INT(setresuid(12345, 12345, 12345), 0);
	CHECK_INT(procfs_reopen(0, O_PATH, &e), -EPERM);
	CHECK_STR(e.text, "something is mounted over /proc/thread-self");
}

TEST(what_is_mounted_over_thread_self_does_no_harm_with_rights_to_clone)
{
	auto_free char *fds = mem_printf("/proc/%d/task/%d/fd", getpid(), getpid());
	struct err e;

	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return;
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_INT(mount("tmpfs", fds, "tmpfs", 0, NULL), 0);
	CHECK(procfs_reopen(0, O_PATH, &e) >= 0);
}
