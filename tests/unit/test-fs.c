/* SPDX-License-Identifier: Apache-2.0 */
#include "base/fs.h"

#include <dirent.h>
#include <sys/stat.h>

#include "tree.h"

/* Every test starts in an empty directory of its own. */
static void enter_scratch(void)
{
	(void)tree_enter();
}

/* Names in the current directory. */
static int entries_here(void)
{
	DIR *d = opendir(".");
	int n = -2; /* "." and ".." */

	CHECK(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

TEST(write_atomic_replaces_content_and_mode)
{
	char got[16] = "";
	struct stat st;
	struct err e;
	FILE *f;

	enter_scratch();
	CHECK_OK(fs_write_atomic("spec.json", STR("a long first version"), 0644, 0, &e), &e);
	CHECK_OK(fs_write_atomic("spec.json", STR("short"), 0600, 0, &e), &e);

	CHECK((f = fopen("spec.json", "re")));
	CHECK_INT(fread(got, 1, sizeof(got) - 1, f), 5);
	CHECK_STR(got, "short");
	CHECK_INT(stat("spec.json", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	CHECK_INT(entries_here(), 1);
	(void)fclose(f);
}

TEST(write_atomic_undoes_everything_when_the_rename_fails)
{
	struct err e;

	enter_scratch();
	CHECK_INT(mkdir("spec.json", 0755), 0);

	CHECK_INT(fs_write_atomic("spec.json", STR("x"), 0644, 0, &e), -EISDIR);
	CHECK(strstr(e.text, "to spec.json: Is a directory"));
	CHECK_INT(entries_here(), 1);
}

TEST(write_atomic_names_the_target_when_the_directory_is_missing)
{
	struct err e;

	enter_scratch();
	CHECK_INT(fs_write_atomic("no/such/spec.json", STR("x"), 0644, 0, &e), -ENOENT);
	CHECK_STR(e.text, "create a temporary beside no/such/spec.json: No such file or directory");
}

TEST(write_atomic_follows_a_link_and_keeps_the_owners_mode)
{
	struct stat st;
	struct err e;

	enter_scratch();
	CHECK_OK(fs_write_atomic("real.json", STR("old"), 0640, 0, &e), &e);
	CHECK_INT(symlink("real.json", "link.json"), 0);
	CHECK_OK(fs_write_atomic("link.json", STR("new"), 0600, FS_KEEP_OWNER | FS_NO_SYNC, &e),
		 &e);
	CHECK_INT(lstat("link.json", &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_INT(stat("real.json", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0640);
	CHECK_INT(st.st_size, 3);
}

TEST(read_refuses_what_is_too_large_or_no_file)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text;
	struct err e;

	enter_scratch();
	CHECK_OK(fs_write_atomic("f", STR("0123456789"), 0644, 0, &e), &e);
	CHECK_OK(fs_read(&a, "f", 10, &text, &e), &e);
	CHECK_STR(text.p, "0123456789");
	CHECK_INT(fs_read(&a, "f", 9, &text, &e), -EFBIG);
	CHECK_STR(e.text, "f is larger than 9 bytes");
	CHECK_INT(mkfifo("pipe", 0600), 0);
	CHECK_INT(fs_read(&a, "pipe", 9, &text, &e), -EINVAL);
	CHECK_STR(e.text, "pipe is not a regular file");
	CHECK_INT(fs_read(&a, "/proc/self/uid_map", 4096, &text, &e), 0);
	CHECK(text.n > 0);
}

TEST(trusted_refuses_a_file_that_others_may_write)
{
	struct err e;

	enter_scratch();
	CHECK_OK(fs_write_atomic("f", STR("x"), 0644, 0, &e), &e);
	CHECK_OK(fs_check_trusted("f", &e), &e);
	CHECK_INT(chmod("f", 0664), 0);
	CHECK_INT(fs_check_trusted("f", &e), -EPERM);
	CHECK(strstr(e.text, "chmod go-w"));
	if (geteuid() == 0) {
		CHECK_INT(chmod("f", 0644), 0);
		CHECK_INT(chown("f", 12345, 0), 0);
		CHECK_INT(fs_check_trusted("f", &e), -EPERM);
		CHECK(strstr(e.text, "belongs to user 12345"));
	}
}

/* A directory of another user, where names are that one's to change. */
static void make_directory_of_another(const char *name)
{
	CHECK_INT(mkdir(name, 0755), 0);
	CHECK_INT(lchown(name, 12345, 12345), 0);
}

TEST(trusted_looks_at_every_link_and_directory_on_the_way)
{
	struct err e;

	if (geteuid() != 0)
		return;
	enter_scratch();
	CHECK_OK(fs_write_atomic("f", STR("x"), 0644, 0, &e), &e);
	make_directory_of_another("theirs");
	CHECK_INT(symlink("../f", "theirs/link"), 0);
	/* Where it leads now is fine; tomorrow it leads elsewhere. */
	CHECK_INT(fs_check_trusted("theirs/link", &e), -EPERM);
	CHECK(strstr(e.text, "/theirs belongs to user 12345, so theirs/link is not trusted"));
	CHECK_INT(symlink("theirs/link", "mine"), 0);
	CHECK_INT(fs_check_trusted("mine", &e), -EPERM);
	CHECK_INT(fs_check_trusted("theirs/../f", &e), -EPERM);

	CHECK_INT(mkdir("sticky", 0755), 0);
	CHECK_INT(chmod("sticky", 01777), 0);
	CHECK_INT(symlink("../f", "sticky/mine"), 0);
	CHECK_INT(symlink("../f", "sticky/theirs"), 0);
	CHECK_INT(lchown("sticky/theirs", 12345, 12345), 0);
	CHECK_OK(fs_check_trusted("sticky/mine", &e), &e);
	CHECK_INT(fs_check_trusted("sticky/theirs", &e), -EPERM);
	CHECK(strstr(e.text, "chown -h root"));
}

TEST(trusted_walks_as_the_kernel_does)
{
	struct err e;

	enter_scratch();
	CHECK_INT(mkdir("a", 0755), 0);
	CHECK_OK(fs_write_atomic("a/f", STR("x"), 0644, 0, &e), &e);
	CHECK_INT(symlink("a/../a//./f", "one"), 0);
	CHECK_INT(symlink("../one", "a/two"), 0);
	CHECK_OK(fs_check_trusted("./a/./two", &e), &e);
	CHECK_OK(fs_check_trusted("/", &e), &e);
	CHECK_OK(fs_check_trusted("a/", &e), &e);
	CHECK_INT(symlink("round", "round"), 0);
	CHECK_INT(fs_check_trusted("round", &e), -ELOOP);
	CHECK_STR(e.text, "check round: Too many levels of symbolic links");
	CHECK_INT(symlink("none", "dangling"), 0);
	CHECK_INT(fs_check_trusted("dangling", &e), -ENOENT);
}

TEST(write_atomic_follows_no_link_of_another_user)
{
	char got[8] = "";
	struct err e;
	FILE *f;

	if (geteuid() != 0)
		return;
	enter_scratch();
	CHECK_OK(fs_write_atomic("secret", STR("old"), 0600, 0, &e), &e);
	CHECK_INT(symlink("secret", "theirs"), 0);
	CHECK_INT(lchown("theirs", 12345, 12345), 0);
	CHECK_INT(symlink("theirs", "mine"), 0);
	CHECK_INT(fs_write_atomic("theirs", STR("new"), 0644, 0, &e), -EPERM);
	CHECK(strstr(e.text, "theirs is a symbolic link of user 12345"));
	CHECK_INT(fs_write_atomic("mine", STR("new"), 0644, 0, &e), -EPERM);
	CHECK((f = fopen("secret", "re")));
	CHECK_INT(fread(got, 1, sizeof(got) - 1, f), 3);
	CHECK_STR(got, "old");
	CHECK_INT(entries_here(), 3);
	(void)fclose(f);
}

TEST(a_dangling_link_of_ours_is_written_through)
{
	struct stat st;
	struct err e;
	char *target = NULL;

	enter_scratch();
	CHECK_INT(mkdir("d", 0755), 0);
	CHECK_INT(symlink("d/new", "link"), 0);
	CHECK_OK(fs_write_atomic("link", STR("x"), 0644, 0, &e), &e);
	CHECK_INT(stat("d/new", &st), 0);
	CHECK_INT(symlink("round", "round"), 0);
	CHECK_INT(fs_follow("round", &target, &e), -ELOOP);
}
