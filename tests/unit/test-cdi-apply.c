/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/apply.h"

#include <sys/stat.h>

#include "codec/yaml.h"
#include "test.h"

static struct arena arena;

static struct oci_spec bundle(const char *text)
{
	struct oci_spec s;
	struct err e;

	CHECK_OK(oci_spec_parse(&arena, str_of(text), "config.json", &s, &e), &e);
	return s;
}

/* The edits of one device, written as in a CDI file. */
static struct cdi_edits edits(const char *yaml)
{
	const char *text = arena_printf(&arena,
					"cdiVersion: 1.1.0\nkind: v/c\ndevices:\n- name: d\n"
					"  containerEdits: {%s}\n",
					yaml);
	struct cdi_spec s = {0};
	struct json *doc = NULL;
	struct err e;

	CHECK_OK(yaml_parse(&arena, str_of(text), "s", NULL, &doc, &e), &e);
	CHECK_OK(cdi_spec_read(&arena, doc, "s", &s, &e), &e);
	return s.devices.v[0].edits;
}

static const char *written(const struct oci_spec *s)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_write(s->root, &b);
	return arena_str(&arena, strbuf_str(&b));
}

static const char *applied(const char *config, const char *yaml)
{
	struct oci_spec s = bundle(config);
	struct cdi_edits all = edits(yaml);
	struct err e;

	CHECK_OK(cdi_apply(&s, &all, &e), &e);
	return written(&s);
}

static const char *refused(const char *config, const char *yaml, int code)
{
	struct oci_spec s = bundle(config);
	struct cdi_edits all = edits(yaml);
	static struct err e;

	CHECK_INT(cdi_apply(&s, &all, &e), -code);
	CHECK(!json_changed(s.root));
	return e.text;
}

static const char null_rule[] =
	"{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"}";

static const char *null_device(const char *more)
{
	struct stat st;

	CHECK_INT(stat("/dev/null", &st), 0);
	return arena_printf(&arena,
			    "{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3,"
			    "\"fileMode\":%u%s}",
			    st.st_mode & 07777, more);
}

TEST(environment_is_replaced_in_place_or_appended)
{
	CHECK_STR(applied("{\"process\":{\"env\":[\"A=1\",\"B=2\",\"A=3\"]}}",
			  "env: [A=9, C=x=y, C=4, D=]"),
		  "{\"process\":{\"env\":[\"A=1\",\"B=2\",\"A=9\",\"C=4\",\"D=\"]}}");
	CHECK_STR(applied("{}", "env: [A=1]"), "{\"process\":{\"env\":[\"A=1\"]}}");
}

TEST(a_node_takes_what_is_open_from_the_host)
{
	CHECK_STR(applied("{}", "deviceNodes: [{path: /dev/null}]"),
		  arena_printf(&arena,
			       "{\"linux\":{\"devices\":[%s],\"resources\":{\"devices\":[%s]}}}",
			       null_device(""), null_rule));
	CHECK(strstr(applied("{}", "deviceNodes: [{path: /dev/x, hostPath: /dev/null, type: c, "
				   "permissions: r}]"),
		     "{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,\"minor\":3,"));
	CHECK(strstr(applied("{}", "deviceNodes: [{path: /dev/null, permissions: r}]"),
		     "\"access\":\"r\""));
}

TEST(a_node_that_is_fully_given_need_not_exist)
{
	CHECK_STR(
		applied("{}", "deviceNodes: [{path: /none, type: c, major: 195, minor: 7, uid: 0, "
			      "gid: 44}]"),
		"{\"linux\":{\"devices\":[{\"path\":\"/"
		"none\",\"type\":\"c\",\"major\":195,\"minor\":7,"
		"\"uid\":0,\"gid\":44}],\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\","
		"\"major\":195,\"minor\":7,\"access\":\"rwm\"}]}}}");
	CHECK_STR(applied("{}", "deviceNodes: [{path: /none, type: p, fileMode: 0600}]"),
		  "{\"linux\":{\"devices\":[{\"path\":\"/"
		  "none\",\"type\":\"p\","
		  "\"fileMode\":384}]}}");
	CHECK_STR(applied("{}", "deviceNodes: [{path: /none, type: c, major: 1, minor: 2, "
				"permissions: none}]"),
		  "{\"linux\":{\"devices\":[{\"path\":\"/"
		  "none\",\"type\":\"c\",\"major\":1,\"minor\":2}]}}");
}

TEST(an_unbuffered_device_is_a_character_device)
{
	CHECK(strstr(applied("{}", "deviceNodes: [{path: /dev/null, type: u}]"), null_device("")));
}

TEST(a_node_without_owner_gets_the_users)
{
	CHECK(strstr(applied("{\"process\":{\"user\":{\"uid\":7,\"gid\":8}}}",
			     "deviceNodes: [{path: /dev/null}]"),
		     null_device(",\"uid\":7,\"gid\":8")));
	CHECK(strstr(applied("{\"process\":{\"user\":{\"uid\":7,\"gid\":8}}}",
			     "deviceNodes: [{path: /dev/null, uid: 0, gid: 5}]"),
		     null_device(",\"uid\":0,\"gid\":5")));
	CHECK(strstr(applied("{\"process\":{\"user\":{\"uid\":0,\"gid\":0}}}",
			     "deviceNodes: [{path: /dev/null}]"),
		     null_device("")));
}

TEST(a_node_that_cannot_be_had_fails_and_nothing_changes)
{
	CHECK_STR(refused("{}", "env: [A=1], deviceNodes: [{path: /dev/null}, {path: /no/node}]",
			  ENOENT),
		  "CDI device node /no/node: look at device /no/node: No such file or directory");
	CHECK_STR(refused("{}", "deviceNodes: [{path: /d, hostPath: /proc/self/status}]", ENODEV),
		  "CDI device node /d: /proc/self/status is not a device node");
	CHECK_STR(refused("{}", "deviceNodes: [{path: /dev/null, type: b}]", EINVAL),
		  "CDI device node /dev/null: /dev/null is of type c, not b");
}

TEST(a_device_of_the_same_path_is_replaced_and_an_equal_one_left)
{
	const char *same = arena_printf(
		&arena,
		"{ \"linux\": {\"devices\": [ %s ], \"resources\": {\"devices\": [ %s ] } } }",
		null_device(""), null_rule);

	CHECK_STR(applied(same, "deviceNodes: [{path: /dev/null}, {path: /dev/null}]"), same);
	CHECK_STR(applied("{\"linux\":{\"devices\":[{\"path\":\"/x\",\"type\":\"b\"},{\"path\":\"/"
			  "y\"}]}}",
			  "deviceNodes: [{path: /x, type: p}]"),
		  "{\"linux\":{\"devices\":[{\"path\":\"/x\",\"type\":\"p\"},"
		  "{\"path\":\"/y\"}]}}");
}

TEST(a_rule_is_not_repeated_unless_a_later_one_denies)
{
	const char *config =
		"{\"linux\":{\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":"
		"9,"
		"\"minor\":1,\"access\":\"mrw\"},%s{\"allow\":true,\"type\":\"c\",\"major\":9,"
		"\"minor\":2,\"access\":\"r\"}]}}}";
	const char *deny = "{\"allow\":false,\"access\":\"rwm\"},";
	const char *one = "\"minor\":1,\"access\":\"rwm\"}]",
		   *two = "\"minor\":2,\"access\":\"rwm\"}]";
	const char *plain = arena_printf(&arena, config, ""),
		   *denied = arena_printf(&arena, config, deny);
	const char *node = "deviceNodes: [{path: /a, type: c, major: 9, minor: %d}]";

	CHECK(!strstr(applied(plain, arena_printf(&arena, node, 1)), one));
	CHECK(strstr(applied(denied, arena_printf(&arena, node, 1)), one));
	CHECK(strstr(applied(plain, arena_printf(&arena, node, 2)), two));
}

TEST(mounts_replace_the_one_at_their_place_and_are_sorted_by_depth)
{
	CHECK_STR(applied("{\"mounts\":[{\"destination\":\"/proc\"},{\"destination\":\"/a/b/c\"},"
			  "{\"destination\":\"/a\",\"source\":\"old\"},{\"destination\":\"/z/./y//"
			  "\"}]}",
			  "mounts: [{hostPath: /h, containerPath: /a, options: [ro, bind], type: "
			  "bind},"
			  " {hostPath: /i, containerPath: /b/c}]"),
		  "{\"mounts\":[{\"destination\":\"/proc\"},{\"destination\":\"/"
		  "a\",\"type\":\"bind\","
		  "\"source\":\"/h\",\"options\":[\"ro\",\"bind\"]},{\"destination\":\"/z/./y//\"},"
		  "{\"destination\":\"/b/c\",\"source\":\"/i\"},{\"destination\":\"/a/b/c\"}]}");
}

TEST(every_earlier_mount_on_a_place_goes_and_the_root_comes_first)
{
	CHECK_STR(
		applied("{\"mounts\":[{\"destination\":\"/x/\"},{\"destination\":\"/y\"},"
			"{\"destination\":\"/y\",\"source\":\"/old\"}]}",
			"mounts: [{hostPath: /h, containerPath: /y}, {hostPath: /t, containerPath: "
			"/}]"),
		"{\"mounts\":[{\"destination\":\"/\",\"source\":\"/t\"},{\"destination\":\"/x/\"},"
		"{\"destination\":\"/y\",\"source\":\"/h\"}]}");
}

TEST(mounts_keep_their_order_when_none_is_added)
{
	const char *config = "{\"mounts\":[{\"destination\":\"/a/b\",\"source\":\"/"
			     "h\"},{\"destination\":\"/a\"}]}";

	CHECK_STR(applied(config, "env: [A=1]"), "{\"mounts\":[{\"destination\":\"/a/"
						 "b\",\"source\":\"/h\"},{\"destination\":\"/a\"}],"
						 "\"process\":{\"env\":[\"A=1\"]}}");
	CHECK_STR(applied(config, "mounts: [{hostPath: /h, containerPath: /a/b}]"), config);
}

TEST(hooks_go_to_the_end_of_their_stage)
{
	CHECK_STR(applied("{\"hooks\":{\"createContainer\":[{\"path\":\"/x\"}],\"poststop\":null}}",
			  "hooks: [{hookName: createContainer, path: /h, args: [h, a], env: [X=1], "
			  "timeout: 3},"
			  " {hookName: poststop, path: /p}]"),
		  "{\"hooks\":{\"createContainer\":[{\"path\":\"/x\"},{\"path\":\"/"
		  "h\",\"args\":[\"h\",\"a\"],"
		  "\"env\":[\"X=1\"],\"timeout\":3}],\"poststop\":[{\"path\":\"/p\"}]}}");
}

TEST(groups_net_devices_and_rdt_are_set)
{
	CHECK_STR(applied("{\"process\":{\"user\":{\"additionalGids\":[44]}}}",
			  "additionalGids: [0, 44, 45, 45]"),
		  "{\"process\":{\"user\":{\"additionalGids\":[44,45]}}}");
	CHECK_STR(
		applied("{}",
			"netDevices: [{hostInterfaceName: eth1, name: n1}], intelRdt: {closID: x}"),
		"{\"linux\":{\"netDevices\":{\"eth1\":{\"name\":\"n1\"}},\"intelRdt\":{\"closID\":"
		"\"x\"}}}");
}

TEST(a_document_of_the_wrong_shape_is_refused_before_anything_changes)
{
	CHECK_STR(refused("{\"linux\":{\"resources\":{\"devices\":{}}}}", "env: [A=1]", EBADMSG),
		  "config.json:1:34: linux.resources.devices is not a list");
	(void)refused("{\"hooks\":{\"createContainer\":3}}", "env: [A=1]", EBADMSG);
	(void)refused("{\"process\":{\"user\":[]}}", "env: [A=1]", EBADMSG);
}

TEST(applying_twice_changes_nothing_but_hooks)
{
	const char *yaml = "env: [A=1], deviceNodes: [{path: /dev/null}], additionalGids: [5],"
			   " mounts: [{hostPath: /h, containerPath: /a, options: [ro]}]";
	const char *once = applied("{}", yaml);

	CHECK_STR(applied(once, yaml), once);
}
