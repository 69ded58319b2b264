/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/apply.h"

#include "test.h"

static struct arena arena;

static void done(void)
{
	arena_done(&arena);
}

static struct oci_spec parse(const char *text)
{
	struct oci_spec s;
	struct err e;

	(void)atexit(done);
	CHECK_OK(oci_spec_parse(&arena, str_of(text), "config.json", &s, &e), &e);
	return s;
}

/* The containerEdits of a CDI spec, as JSON. */
static struct cdi_edits edits_of(const char *text)
{
	struct json *doc;
	struct cdi_spec spec;
	struct err e;
	const char *whole = arena_printf(
		&arena,
		"{\"cdiVersion\":\"1.1.0\",\"kind\":\"acme.com/x\",\"containerEdits\":%s,"
		"\"devices\":[{\"name\":\"d\",\"containerEdits\":{\"env\":[\"UNUSED=1\"]}}]}",
		text);

	CHECK_OK(json_parse(&arena, str_of(whole), "cdi.json", NULL, &doc, &e), &e);
	CHECK_OK(cdi_spec_read(&arena, doc, "cdi.json", &spec, &e), &e);
	return spec.edits;
}

static void check_applied(const char *config, const char *edits, const char *want)
{
	AUTO(strbuf_done) struct strbuf got = {0};
	struct oci_spec s = parse(config);
	struct cdi_edits parsed = edits_of(edits);
	struct err e;

	CHECK_OK(cdi_apply(&s, &parsed, &e), &e);
	json_write(s.root, &got);
	CHECK_STR(strbuf_str(&got).p, want);
}

static void check_refused(const char *config, const char *edits, const char *words)
{
	struct oci_spec s = parse(config);
	struct cdi_edits parsed = edits_of(edits);
	struct err e;

	CHECK(cdi_apply(&s, &parsed, &e) < 0);
	CHECK(!json_changed(s.root));
	if (!strstr(e.text, words))
		FAIL("%s", e.text);
}

TEST(no_edits_change_nothing)
{
	struct oci_spec s = parse("{ }");
	struct cdi_edits none = {0};
	struct err e;

	CHECK_OK(cdi_apply(&s, &none, &e), &e);
	CHECK(!json_changed(s.root));
}

TEST(variables_are_replaced_in_place_or_added)
{
	check_applied("{\"process\":{\"env\":[\"A=1\",\"B=2\"]}}",
		      "{\"env\":[\"A=3\",\"C=4=5\",\"A=6\"]}",
		      "{\"process\":{\"env\":[\"A=6\",\"B=2\",\"C=4=5\"]}}");
}

TEST(a_node_takes_from_the_host_what_the_edit_leaves_open)
{
	check_applied("{\"linux\":{}}",
		      "{\"deviceNodes\":[{\"path\":\"/dev/null\",\"fileMode\":420}]}",
		      "{\"linux\":{\"devices\":[{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,"
		      "\"minor\":3,\"fileMode\":420}],\"resources\":{\"devices\":[{\"allow\":true,"
		      "\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"}]}}}");
}

TEST(a_node_may_come_from_elsewhere_on_the_host)
{
	check_applied(
		"{\"linux\":{}}",
		"{\"deviceNodes\":[{\"path\":\"/dev/x\",\"hostPath\":\"/dev/zero\",\"type\":\"c\","
		"\"fileMode\":0,\"permissions\":\"r\",\"uid\":7,\"gid\":8}]}",
		"{\"linux\":{\"devices\":[{\"path\":\"/dev/x\",\"type\":\"c\",\"major\":1,"
		"\"minor\":5,\"fileMode\":0,\"uid\":7,\"gid\":8}],\"resources\":{\"devices\":[{"
		"\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":5,\"access\":\"r\"}]}}}");
}

TEST(a_complete_node_need_not_exist)
{
	check_applied(
		"{\"linux\":{}}",
		"{\"deviceNodes\":[{\"path\":\"/no/node\",\"type\":\"u\",\"major\":195,"
		"\"minor\":2}]}",
		"{\"linux\":{\"devices\":[{\"path\":\"/no/node\",\"type\":\"c\",\"major\":195,"
		"\"minor\":2}],\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\","
		"\"major\":195,\"minor\":2,\"access\":\"rwm\"}]}}}");
}

TEST(a_node_belongs_to_the_user_of_the_process)
{
	check_applied("{\"process\":{\"user\":{\"uid\":1000,\"gid\":100}},\"linux\":{}}",
		      "{\"deviceNodes\":[{\"path\":\"/no/pipe\",\"type\":\"p\",\"gid\":5}]}",
		      "{\"process\":{\"user\":{\"uid\":1000,\"gid\":100}},\"linux\":{\"devices\":[{"
		      "\"path\":\"/no/pipe\",\"type\":\"p\",\"uid\":1000,\"gid\":5}]}}");
}

TEST(a_node_replaces_the_one_of_the_same_path)
{
	check_applied(
		"{\"linux\":{\"devices\":[{\"path\":\"/no/n\",\"type\":\"b\"},{\"path\":\"/dev/b\"}"
		"]}}",
		"{\"deviceNodes\":[{\"path\":\"/no/n\",\"type\":\"p\"}]}",
		"{\"linux\":{\"devices\":[{\"path\":\"/dev/b\"},{\"path\":\"/no/n\",\"type\":\"p\"}"
		"]}}");
}

TEST(a_rule_is_given_once_unless_something_takes_it_away)
{
#define RULE  "{\"allow\":true,\"type\":\"c\",\"major\":195,\"minor\":0,\"access\":\"rwm\"}"
#define NODE  "{\"path\":\"/no/n\",\"type\":\"c\",\"major\":195}"
#define OUT   "\"devices\":[{\"path\":\"/no/n\",\"type\":\"c\",\"major\":195,\"minor\":0}]"
#define RULES "\"resources\":{\"devices\":["
	check_applied("{\"linux\":{" RULES "{\"allow\":false}," RULE "]}}}",
		      "{\"deviceNodes\":[" NODE "]}",
		      "{\"linux\":{" RULES "{\"allow\":false}," RULE "]}," OUT "}}");
	check_applied("{\"linux\":{" RULES RULE ",{\"allow\":false}]}}}",
		      "{\"deviceNodes\":[" NODE "]}",
		      "{\"linux\":{" RULES RULE ",{\"allow\":false}," RULE "]}," OUT "}}");
#undef RULES
#undef OUT
#undef NODE
#undef RULE
}

TEST(mounts_replace_those_of_the_same_place_and_are_sorted_by_depth)
{
	check_applied(
		"{\"mounts\":[{\"destination\":\"/a/b/c\"},{\"destination\":\"/x/\"},"
		"{\"destination\":\"/a//b\"},{\"destination\":\"/y\"}],\"linux\":{}}",
		"{\"mounts\":[{\"hostPath\":\"/h\",\"containerPath\":\"/y\",\"options\":[\"ro\"]},"
		"{\"hostPath\":\"/t\",\"containerPath\":\"/\",\"type\":\"tmpfs\"}]}",
		"{\"mounts\":[{\"destination\":\"/\",\"type\":\"tmpfs\",\"source\":\"/t\"},"
		"{\"destination\":\"/x/\"},"
		"{\"destination\":\"/y\",\"source\":\"/h\",\"options\":[\"ro\"]},"
		"{\"destination\":\"/a//b\"},{\"destination\":\"/a/b/c\"}],\"linux\":{}}");
}

TEST(hooks_groups_and_the_rest_are_added_once)
{
	check_applied(
		"{\"process\":{\"user\":{\"uid\":0,\"additionalGids\":[44]}},\"hooks\":{"
		"\"createContainer\":[{\"path\":\"/a\"}]},\"linux\":{}}",
		"{\"hooks\":[{\"hookName\":\"createContainer\",\"path\":\"/h\",\"args\":[\"h\"],"
		"\"env\":[\"A=1\"],\"timeout\":5}],\"additionalGids\":[0,44,109,109],"
		"\"netDevices\":[{\"hostInterfaceName\":\"eth1\",\"name\":\"rdma0\"}],"
		"\"intelRdt\":{\"closID\":\"x\"}}",
		"{\"process\":{\"user\":{\"uid\":0,\"additionalGids\":[44,109]}},\"hooks\":{"
		"\"createContainer\":[{\"path\":\"/a\"},{\"path\":\"/h\",\"args\":[\"h\"],\"env\":["
		"\"A=1\"],\"timeout\":5}]},\"linux\":{\"netDevices\":{\"eth1\":{\"name\":\"rdma0\"}"
		"},"
		"\"intelRdt\":{\"closID\":\"x\"}}}");
}

TEST(a_failure_changes_nothing)
{
	check_refused("{}", "{\"env\":[\"A=1\"],\"deviceNodes\":[{\"path\":\"/no/such\"}]}",
		      "device node /no/such: look at device /no/such: No such file or directory");
	check_refused("{}", "{\"deviceNodes\":[{\"path\":\"/dev/null\",\"type\":\"b\"}]}",
		      "is to be of type b, but /dev/null is of type c");
	check_refused("{}", "{\"deviceNodes\":[{\"path\":\"/etc\"}]}", "/etc is not a device node");
	check_refused("{\"linux\":{\"devices\":{}}}", "{\"env\":[\"A=1\"]}",
		      "config.json:1:21: devices is not a list");
	check_refused("{\"hooks\":{\"prestart\":1}}",
		      "{\"hooks\":[{\"hookName\":\"prestart\",\"path\":\"/h\"}]}",
		      "prestart is not a list");
}
