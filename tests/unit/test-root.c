/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/root.h"

#include "tree.h"

static struct arena arena;

static const char *resolved(const struct nv_root *root, const char *path)
{
	const char *real = "(failed)";

	if (nv_root_resolve(&arena, root, "", path, &real) < 0)
		return "(failed)";
	return real;
}

static struct nv_root open_root(const char *path)
{
	struct nv_root root;
	struct err e;

	CHECK_OK(nv_root_open(&arena, path, &root, &e), &e);
	return root;
}

TEST(empty_and_slash_are_the_machines_own_root)
{
	CHECK_STR(open_root("").prefix, "");
	CHECK_STR(open_root("/").prefix, "");
	CHECK_STR(open_root("//").prefix, "");
}

TEST(a_trailing_slash_makes_no_difference)
{
	(void)tree_enter();
	tree_dir("driver");
	CHECK_STR(open_root(tree_path("driver/")).prefix, tree_path("driver"));
	CHECK_STR(open_root("driver").prefix, tree_path("driver"));
}

TEST(a_root_given_through_a_link_keeps_its_name)
{
	struct nv_root root;

	(void)tree_enter();
	tree_file("driver/usr/lib/libcuda.so.1.2", "");
	tree_link("libcuda.so.1.2", "driver/usr/lib/libcuda.so");
	tree_link("driver", "current");
	root = open_root(tree_path("current"));
	CHECK_STR(root.prefix, tree_path("current"));
	CHECK_STR(resolved(&root, "/usr/lib/libcuda.so"), "/usr/lib/libcuda.so.1.2");
}

TEST(absolute_links_stay_inside_the_root)
{
	struct nv_root root;

	(void)tree_enter();
	tree_file("driver/etc/passwd-of-the-driver", "");
	tree_link("/etc/passwd-of-the-driver", "driver/usr/lib/a");
	tree_link("/usr/lib", "driver/lib");
	tree_link("../../../../../../../../etc/passwd-of-the-driver", "driver/usr/lib/b");
	root = open_root(tree_path("driver"));
	CHECK_STR(resolved(&root, "/lib/a"), "/etc/passwd-of-the-driver");
	CHECK_STR(resolved(&root, "/lib/b"), "/etc/passwd-of-the-driver");
	CHECK_STR(resolved(&root, "lib//./../lib/"), "/usr/lib");
	CHECK_STR(resolved(&root, "/.."), "/");
}

TEST(loops_and_missing_names_are_told_apart)
{
	struct nv_root root;
	const char *real;

	(void)tree_enter();
	tree_link("b", "driver/a");
	tree_link("a", "driver/b");
	tree_file("driver/file", "");
	root = open_root(tree_path("driver"));
	CHECK_INT(nv_root_resolve(&arena, &root, "", "/a", &real), -ELOOP);
	CHECK_INT(nv_root_resolve(&arena, &root, "", "/c", &real), -ENOENT);
	CHECK_INT(nv_root_resolve(&arena, &root, "", "/file/x", &real), -ENOTDIR);
}

TEST(a_walk_may_begin_in_a_directory)
{
	struct nv_root root;
	const char *real;

	(void)tree_enter();
	tree_file("driver/usr/lib/x", "");
	tree_link("../lib/x", "driver/usr/lib64/y");
	root = open_root(tree_path("driver"));
	CHECK_INT(nv_root_resolve(&arena, &root, "/usr/lib64", "y", &real), 0);
	CHECK_STR(real, "/usr/lib/x");
	CHECK_INT(nv_root_resolve(&arena, &root, "/", "usr", &real), 0);
	CHECK_STR(real, "/usr");
}

TEST(a_root_that_is_no_directory_is_refused_by_name)
{
	struct nv_root root;
	struct err e;

	(void)tree_enter();
	tree_file("file", "");
	CHECK_INT(nv_root_open(&arena, tree_path("file"), &root, &e), -ENOTDIR);
	CHECK(strstr(e.text, "/file is not a directory"));
	CHECK_INT(nv_root_open(&arena, "/does/not/exist", &root, &e), -ENOENT);
	CHECK(strstr(e.text, "/does/not/exist: No such file"));
}
