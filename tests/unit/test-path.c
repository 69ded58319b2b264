/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "test.h"

static void check_clean(const char *path, const char *want)
{
	auto_free char *got = path_clean(path);

	CHECK_STR(got, want);
}

TEST(clean_folds_dots_and_slashes)
{
	check_clean("", ".");
	check_clean("/", "/");
	check_clean("//a//b/", "/a/b");
	check_clean("/a/./b/../c", "/a/c");
	check_clean("/../..", "/");
	check_clean("../a/..", "..");
	check_clean("a/../..", "..");
	check_clean("a/..", ".");
	check_clean("../../a", "../../a");
}

TEST(join_leaves_empty_parts_out)
{
	auto_free char *a = path_join("/run/driver/", "/usr/lib");
	auto_free char *b = path_join("", "/usr");
	auto_free char *c = path_join("x", "");

	CHECK_STR(a, "/run/driver/usr/lib");
	CHECK_STR(b, "/usr");
	CHECK_STR(c, "x");
}

TEST(directory_and_base)
{
	auto_free char *a = path_dir("/a/b");
	auto_free char *b = path_dir("/a");
	auto_free char *c = path_dir("a");

	CHECK_STR(a, "/a");
	CHECK_STR(b, "/");
	CHECK_STR(c, ".");
	CHECK_STR(path_base("/a/b"), "b");
	CHECK_STR(path_base("b"), "b");
}

TEST(below_and_strip_compare_components)
{
	CHECK(path_is_below("/a/b", "/a") && path_is_below("/a", "/a") && path_is_below("/a", "/"));
	CHECK(!path_is_below("/ab", "/a"));
	CHECK_STR(path_strip_root("/a/b", "/a"), "/b");
	CHECK_STR(path_strip_root("/ab", "/a"), "/ab");
	CHECK_STR(path_strip_root("/a", "/a"), "/");
	CHECK_STR(path_strip_root("/a", ""), "/a");
}
