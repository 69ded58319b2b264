/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/state.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

#include "test.h"

static struct arena a;
static struct err e;

static struct oci_state parse(const char *text)
{
	struct oci_state s;

	CHECK_OK(oci_state_parse(&a, str_of(text), "standard input", &s, &e), &e);
	return s;
}

/* A bundle with that config.json; its absolute path. */
static const char *make_bundle(const char *config)
{
	static char dir[] = "/tmp/test-oci-state.XXXXXX";

	CHECK(mkdtemp(dir));
	CHECK_INT(chdir(dir), 0);
	CHECK_OK(fs_write_atomic("config.json", str_of(config), 0644, 0, &e), &e);
	return dir;
}

static void remove_bundle(const char *dir)
{
	CHECK_INT(unlink("config.json"), 0);
	CHECK_INT(rmdir(dir), 0);
}

TEST(state_gives_what_hooks_need)
{
	struct oci_state s =
		parse("{\"ociVersion\":\"1.0.2\",\"id\":\"c1\",\"status\":\"creating\","
		      "\"pid\":42,\"bundle\":\"/b\",\"annotations\":{\"x\":\"y\"}}");

	CHECK_STR(s.id, "c1");
	CHECK_STR(s.bundle, "/b");
	CHECK_INT(s.pid, 42);
	CHECK(!s.root);
}

TEST(the_root_of_the_state_needs_no_config)
{
	const char *root;
	struct oci_state s = parse("{\"bundle\":\"/none\",\"root\":\"/var//lib/x/./merged\"}");

	CHECK_OK(oci_state_rootfs(&a, &s, &root, &e), &e);
	CHECK_STR(root, "/var/lib/x/merged");
	s = parse("{\"bundle\":\"/none\",\"root\":\"rootfs\"}");
	CHECK_OK(oci_state_rootfs(&a, &s, &root, &e), &e);
	CHECK_STR(root, "/none/rootfs");
	s = parse("{\"root\":\"/r\"}");
	CHECK_OK(oci_state_rootfs(&a, &s, &root, &e), &e);
	CHECK_STR(root, "/r");
}

TEST(a_relative_root_of_the_config_lies_in_the_bundle)
{
	const char *bundle = make_bundle("{\"root\":{\"path\":\"rootfs\",\"readonly\":true}}"),
		   *root;
	auto_free char *want = mem_printf("%s/rootfs", bundle);
	struct oci_state s = {.bundle = bundle};

	CHECK_OK(oci_state_rootfs(&a, &s, &root, &e), &e);
	CHECK_STR(root, want);
	remove_bundle(bundle);
}

TEST(a_state_without_a_place_is_refused_and_never_means_the_working_directory)
{
	const char *root;
	struct oci_state s = parse("{\"id\":\"c1\",\"bundle\":\"\"}");

	CHECK_INT(oci_state_rootfs(&a, &s, &root, &e), -EINVAL);
	CHECK_STR(e.text, "the OCI state names neither a bundle nor the container's root");
	s = parse("{\"bundle\":\"b/../c\"}");
	CHECK_INT(oci_state_rootfs(&a, &s, &root, &e), -EINVAL);
	CHECK_STR(e.text, "bundle \"b/../c\" of the OCI state is not an absolute path");
	s = parse("{\"bundle\":\"/none\"}");
	CHECK_INT(oci_state_rootfs(&a, &s, &root, &e), -ENOENT);
}

TEST(a_config_without_a_root_is_an_error)
{
	const char *bundle = make_bundle("{\"root\":{}}"), *root;
	struct oci_state s = {.bundle = bundle};

	CHECK_INT(oci_state_rootfs(&a, &s, &root, &e), -EINVAL);
	CHECK(strstr(e.text, "config.json names no root.path"));
	remove_bundle(bundle);
}

TEST(malformed_states_are_refused_with_their_place)
{
	auto_free char *large = mem_alloc(OCI_STATE_MAX + 2);
	struct oci_state s;

	CHECK_INT(oci_state_parse(&a, STR(""), "x", &s, &e), -EBADMSG);
	CHECK_INT(oci_state_parse(&a, STR("[]"), "x", &s, &e), -EBADMSG);
	CHECK_STR(e.text, "OCI state: x:1:1: not an object");
	CHECK_INT(oci_state_parse(&a, STR(" \n"), "x", &s, &e), -EBADMSG);
	CHECK(str_has_prefix(str_of(e.text), "OCI state: x is empty: "));
	CHECK_INT(oci_state_parse(&a, STR("{\"id\":\"a\\u0000b\"}"), "x", &s, &e), -EBADMSG);
	CHECK_INT(oci_state_parse(&a, STR("{\"root\":\"/a\",\"Root\":\"/b\"}"), "x", &s, &e),
		  -EBADMSG);
	CHECK_INT(oci_state_parse(&a, STR("{\"pid\":\"1\"}"), "x", &s, &e), -EBADMSG);
	memset(large, ' ', OCI_STATE_MAX + 1);
	CHECK_INT(oci_state_parse(&a, str_of(large), "x", &s, &e), -EFBIG);
	memset(large, '[', 64);
	CHECK(oci_state_parse(&a, (struct str){large, 64}, "x", &s, &e) < 0);
}
