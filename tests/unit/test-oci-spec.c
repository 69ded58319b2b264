/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/spec.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "test.h"

static char scratch[] = "/tmp/test-oci-spec.XXXXXX";
static struct arena arena;

static void leave_scratch(void)
{
	(void)unlink("config.json");
	(void)rmdir(scratch);
	arena_done(&arena);
}

/* A directory of its own, with the text as config.json. */
static void enter_bundle(const char *text)
{
	struct err e;

	CHECK(mkdtemp(scratch));
	CHECK_INT(chdir(scratch), 0);
	(void)atexit(leave_scratch);
	CHECK_OK(fs_write_atomic("config.json", str_of(text), 0640, 0, &e), &e);
}

static struct oci_spec load(const char *text)
{
	struct oci_spec s;
	struct err e;

	enter_bundle(text);
	CHECK_OK(oci_spec_load(&arena, "config.json", &s, &e), &e);
	return s;
}

static void check_file(const char *want)
{
	struct str got;
	struct err e;

	CHECK_OK(fs_read(&arena, "config.json", 65536, &got, &e), &e);
	CHECK_STR(got.p, want);
}

static void check_refused(const char *text, int code, const char *words)
{
	AUTO(arena_done) struct arena a = {0};
	struct oci_spec s;
	struct err e;

	CHECK_OK(fs_write_atomic("config.json", str_of(text), 0644, 0, &e), &e);
	CHECK_INT(oci_spec_load(&a, "config.json", &s, &e), code);
	if (!strstr(e.text, words))
		FAIL("%s", e.text);
}

TEST(an_untouched_spec_is_not_written)
{
	struct oci_spec s = load("{ \"process\" : {\"env\":[\"A=1\"]} }");
	struct stat before, after;
	struct err e;

	CHECK_INT(stat("config.json", &before), 0);
	oci_spec_set_env(&s, "A", STR("1"));
	CHECK_INT(oci_spec_remove_nvidia_hooks(&s), 0);
	CHECK_INT(oci_spec_save(&s, &e), 0);
	CHECK_INT(stat("config.json", &after), 0);
	CHECK_INT(after.st_ino, before.st_ino);
}

TEST(what_is_not_edited_keeps_its_bytes_and_the_file_its_mode)
{
	struct oci_spec s = load("{\"x\": 18446744073709551616,  \"new field\":[1e400 ],\n"
				 "\t\"process\": {\"env\": [\"A=1\", \"B=2\"], \"y\": 1.50}}\n");
	struct stat st;
	struct err e;

	oci_spec_set_env(&s, "A", STR("3"));
	CHECK_INT(oci_spec_save(&s, &e), 1);
	check_file("{\"x\": 18446744073709551616,  \"new field\":[1e400 ],\n"
		   "\t\"process\": {\"env\": [\"A=3\", \"B=2\"], \"y\": 1.50}}\n");
	CHECK_INT(stat("config.json", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0640);
}

TEST(the_last_variable_counts_and_is_replaced_in_place)
{
	struct oci_spec s =
		load("{\"process\":{\"env\":[\"A=1\",\"A\",\"A=2\",\"AB=3\",\"C==x\"]}}");
	struct err e;

	CHECK(str_is(oci_spec_env(&s, "A"), "2"));
	CHECK(str_is(oci_spec_env(&s, "C"), "=x"));
	CHECK(!oci_spec_env(&s, "B").p);
	oci_spec_set_env(&s, "A", STR("9"));
	oci_spec_set_env(&s, "D", STR(""));
	CHECK_INT(oci_spec_save(&s, &e), 1);
	check_file("{\"process\":{\"env\":[\"A=1\",\"A\",\"A=9\",\"AB=3\",\"C==x\",\"D=\"]}}");
}

TEST(environment_is_made_where_there_is_none)
{
	struct oci_spec s = load("{}");
	struct err e;

	CHECK(!oci_spec_env(&s, "A").p);
	oci_spec_set_env(&s, "A", STR("1"));
	CHECK_INT(oci_spec_save(&s, &e), 1);
	check_file("{\"process\":{\"env\":[\"A=1\"]}}");
}

TEST(fields_are_found_as_go_finds_them)
{
	struct oci_spec s =
		load("{\"Process\":{\"ENV\":[\"A=1\"],\"capabilities\":{\"Bounding\":["
		     "\"CAP_SYS_ADMIN\"]}},\"root\":{\"path\":\"rootfs\"},\"annotations\":{"
		     "\"a/B\":\"c\"}}");

	CHECK(str_is(oci_spec_env(&s, "A"), "1"));
	CHECK(oci_spec_has_bounding(&s, "CAP_SYS_ADMIN"));
	CHECK(!oci_spec_has_bounding(&s, "CAP_CHOWN"));
	CHECK(str_is(oci_spec_root_path(&s), "rootfs"));
}

TEST(capabilities_of_old_specs_are_a_flat_list)
{
	struct oci_spec s = load("{\"process\":{\"capabilities\":[\"CAP_SYS_ADMIN\"]},\"linux\":{"
				 "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"user\"}]}}");

	CHECK(oci_spec_has_bounding(&s, "CAP_SYS_ADMIN"));
}

TEST(nvidia_hooks_are_removed_and_others_stay)
{
	struct oci_spec s = load(
		"{\"hooks\":{\"prestart\":[{\"path\":\"/usr/bin/nvidia-container-runtime-hook\"}],"
		"\"createRuntime\":[{\"path\":\"/a\"},{\"path\":\"/x/nvidia-container-toolkit\"},"
		"{\"path\":\"/x/nvidia-container-runtime-hook.real\"},{\"path\":\"/b\"}],"
		"\"poststop\":[{\"path\":\"/usr/bin/nvidia-container-toolkit\"}]}}");
	struct err e;

	CHECK_INT(oci_spec_remove_nvidia_hooks(&s), 3);
	CHECK_INT(oci_spec_save(&s, &e), 1);
	check_file("{\"hooks\":{\"createRuntime\":[{\"path\":\"/a\"},{\"path\":\"/b\"}],"
		   "\"poststop\":[{\"path\":\"/usr/bin/nvidia-container-toolkit\"}]}}");
}

TEST(a_bad_spec_is_refused_with_its_place)
{
	struct oci_spec s;
	struct err e;

	enter_bundle("");
	check_refused("", -EBADMSG, "config.json:1:1: ");
	check_refused("{\"process\":\n{\"env\": \"x\"}}", -EBADMSG,
		      "config.json:2:9: process.env is not a list");
	check_refused("[]", -EBADMSG, "config.json:1:1: not an object");
	check_refused("{\"linux\":1}", -EBADMSG, "linux is not an object");
	check_refused("{\"process\":{},\"Process\":{}}", -EBADMSG, "config.json:1:");
	check_refused("{} x", -EBADMSG, "config.json:1:4: ");
	CHECK_INT(unlink("config.json"), 0);
	CHECK_INT(oci_spec_load(&arena, "config.json", &s, &e), -ENOENT);
	CHECK_STR(e.text, "open config.json: No such file or directory");
}

TEST(a_full_or_read_only_place_leaves_the_spec_as_it_was)
{
	struct oci_spec s = load("{\"process\":{\"env\":[\"A=1\"]}}");
	struct err e;

	/* The directory is gone under the spec: nothing can be written beside it. */
	oci_spec_set_env(&s, "A", STR("2"));
	s.path = "no-such-directory/config.json";
	CHECK_INT(oci_spec_save(&s, &e), -ENOENT);
	check_file("{\"process\":{\"env\":[\"A=1\"]}}");
}
