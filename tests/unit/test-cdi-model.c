/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/model.h"

#include "codec/yaml.h"
#include "test.h"

static struct arena arena;

static int read_spec(const char *text, struct cdi_spec *ret, struct err *e)
{
	struct json *doc = NULL;

	CHECK_OK(yaml_parse(&arena, str_of(text), "s.yaml", NULL, &doc, e), e);
	return cdi_spec_read(&arena, doc, "s.yaml", ret, e);
}

static struct cdi_spec spec(const char *text)
{
	struct cdi_spec s = {0};
	struct err e;

	CHECK_OK(read_spec(text, &s, &e), &e);
	return s;
}

static const char *bad(const char *text)
{
	static struct err e;
	struct cdi_spec s;

	CHECK_INT(read_spec(text, &s, &e), -EBADMSG);
	return e.text;
}

/* A spec around one device's edits, which begin in line 6. */
static const char *with_edits(const char *version, const char *edits)
{
	return arena_printf(&arena,
			    "cdiVersion: \"%s\"\nkind: nvidia.com/gpu\ndevices:\n- name: a\n"
			    "  containerEdits:\n    %s\n",
			    version, edits);
}

static const char *bad_edits(const char *edits)
{
	return bad(with_edits("1.1.0", edits));
}

static const char whole[] =
	"cdiVersion: 1.1.0\n"
	"kind: nvidia.com/gpu\n"
	"annotations: {k: v}\n"
	"devices:\n"
	"- name: 0\n"
	"  annotations: {a: \"1\", A: \"2\"}\n"
	"  containerEdits:\n"
	"    DEVICENODES:\n"
	"    - path: /dev/nvidia0\n"
	"      hostPath: /host/nvidia0\n"
	"      type: c\n"
	"      major: 195\n"
	"      minor: 3\n"
	"      fileMode: 0660\n"
	"      permissions: rw\n"
	"      uid: 0\n"
	"      gid: 44\n"
	"    netDevices:\n"
	"    - {hostInterfaceName: eth1, name: net1}\n"
	"    intelRdt: {closID: x, enableMonitoring: true}\n"
	"    additionalGids: [44]\n"
	"containerEdits:\n"
	"  env: [A=1, B=]\n"
	"  mounts:\n"
	"  - {hostPath: /a, containerPath: /b, options: [ro, bind], type: bind}\n"
	"  hooks:\n"
	"  - {hookName: createContainer, path: /h, args: [h, yes, 1], env: [X=1], timeout: 5}\n";

TEST(every_field_is_read)
{
	struct cdi_spec s = spec(whole);
	const struct cdi_device *d = &s.devices.v[0];
	const struct cdi_node *n = &d->edits.nodes.v[0];

	CHECK_STR(s.version, "1.1.0");
	CHECK_STR(s.kind, "nvidia.com/gpu");
	CHECK_STR(s.path, "s.yaml");
	CHECK_INT(s.devices.n, 1);
	CHECK_STR(d->name, "0");
	CHECK_INT(d->annotations.n, 2);
	CHECK_STR(d->annotations.v[1].value, "2");
	CHECK_STR(n->host_path, "/host/nvidia0");
	CHECK_INT(n->major, 195);
	CHECK_INT(n->minor, 3);
	CHECK(n->has_file_mode && n->file_mode == 0660);
	CHECK(n->has_uid && n->uid == 0 && n->has_gid && n->gid == 44);
	CHECK_STR(d->edits.net_devices.v[0].name, "net1");
	CHECK(json_bool(json_field(d->edits.intel_rdt, "enableMonitoring"), false));
	CHECK_INT(d->edits.gids.v[0], 44);
	CHECK_STR(s.edits.env.v[1], "B=");
	CHECK_STR(s.edits.mounts.v[0].options.v[1], "bind");
	CHECK_STR(s.edits.hooks.v[0].args.v[1], "true");
	CHECK_STR(s.edits.hooks.v[0].args.v[2], "1");
	CHECK_INT(s.edits.hooks.v[0].timeout, 5);
}

TEST(what_is_written_reads_as_the_same)
{
	AUTO(strbuf_done) struct strbuf b = {0}, c = {0};
	struct cdi_spec s = spec(whole), again;

	yaml_write(cdi_spec_write(&arena, &s), &b);
	again = spec(b.p);
	yaml_write(cdi_spec_write(&arena, &again), &c);
	CHECK_STR(c.p, b.p);
	CHECK(strstr(b.p,
		     "  - path: /dev/nvidia0\n              hostPath: /host/nvidia0\n"
		     "              type: c\n              major: 195\n              minor: 3\n"
		     "              fileMode: 432\n              permissions: rw\n"
		     "              uid: 0\n              gid: 44\n"));
	CHECK(strstr(b.p, "annotations:\n        a: \"1\"\n        A: \"2\"\n"));
}

TEST(absent_fields_stay_absent)
{
	struct cdi_spec s = spec(with_edits("0.3.0", "deviceNodes: [{path: /dev/x, type: null}]"));
	const struct cdi_node *n = &s.devices.v[0].edits.nodes.v[0];

	CHECK(!n->has_file_mode && !n->has_uid && !n->has_gid && !n->type && !n->permissions);
	CHECK(!n->host_path && n->major == 0);
}

TEST(wrong_fields_are_refused_with_file_and_line)
{
	CHECK_STR(bad_edits("mount: []"), "s.yaml:6: unknown field \"mount\" (misspelt, or of a "
					  "newer version of CDI than 1.1.0)");
	CHECK_STR(bad_edits("mounts: {}"), "s.yaml:6: mounts must be a list");
	CHECK_STR(bad_edits("mounts: [x]"), "s.yaml:6: an entry of mounts must be an object");
	CHECK_STR(bad_edits("deviceNodes:\n    - path: [x]"), "s.yaml:7: path must be a string");
	CHECK_STR(bad_edits("deviceNodes:\n    - path: x\n      major: \"1\""),
		  "s.yaml:8: major must be a whole number");
	CHECK_STR(bad_edits("deviceNodes:\n    - path: x\n      uid: -1"),
		  "s.yaml:8: uid must be a whole number from 0 to 4294967295");
	CHECK_STR(bad_edits("intelRdt: {enableCMT: true}"),
		  "s.yaml:6: unknown field \"enableCMT\" (misspelt, or of a newer version of CDI "
		  "than "
		  "1.1.0)");
	CHECK_STR(bad("[]"), "s.yaml:1: the document must be an object");
}

TEST(wrong_edits_are_refused_with_file_and_line)
{
	CHECK_STR(bad_edits("env:\n    - A=1\n    - B"),
		  "s.yaml:8: environment variable \"B\" is not NAME=value");
	(void)bad_edits("env: [=x]");
	CHECK_STR(bad_edits("deviceNodes: [{type: c}]"), "s.yaml:6: a device node has no path");
	CHECK_STR(bad_edits("deviceNodes: [{path: /d, type: x}]"),
		  "s.yaml:6: device node /d: type \"x\" is none of b, c, u and p");
	CHECK_STR(bad_edits("deviceNodes: [{path: /d, permissions: rx}]"),
		  "s.yaml:6: device node /d: permissions \"rx\" are not letters of rwm");
	(void)bad_edits("deviceNodes: [{path: /d, major: 4294967296}]");
	CHECK_STR(bad_edits("mounts: [{containerPath: /c}]"),
		  "s.yaml:6: the mount at /c has no hostPath");
	CHECK_STR(bad_edits("mounts: [{hostPath: /c}]"),
		  "s.yaml:6: the mount of /c has no containerPath");
	CHECK_STR(bad_edits("hooks: [{hookName: x, path: /h}]"),
		  "s.yaml:6: \"x\" is not the name of a hook (createContainer …)");
	CHECK_STR(bad_edits("hooks: [{hookName: poststop}]"),
		  "s.yaml:6: a poststop hook has no path");
	(void)bad_edits("hooks: [{hookName: poststop, path: /h, env: [x]}]");
	CHECK_STR(bad_edits("netDevices: [{name: a}]"),
		  "s.yaml:6: a net device needs both hostInterfaceName and name");
	(void)bad_edits(
		"netDevices: [{hostInterfaceName: a, name: b}, {hostInterfaceName: c, name: b}]");
	CHECK_STR(bad_edits("intelRdt: {closID: ../x}"),
		  "s.yaml:6: intelRdt: closID is not a directory name");
	(void)spec(with_edits("1.1.0", "deviceNodes: [{path: /d, permissions: none}]"));
}

TEST(wrong_specs_are_refused_with_file_and_line)
{
	const char *device = "devices: [{name: a, containerEdits: {env: [A=1]}}]";

	CHECK_STR(bad(arena_printf(&arena, "kind: a/b\n%s", device)),
		  "s.yaml:1: cdiVersion is missing (\"0.3.0\" would do)");
	CHECK_STR(bad(arena_printf(&arena, "kind: a/b\ncdiVersion: 9.9.9\n%s", device)),
		  "s.yaml:2: cdiVersion \"9.9.9\" is not known; the newest known is 1.1.0");
	CHECK_STR(bad(arena_printf(&arena, "cdiVersion: 0.3.0\n%s", device)),
		  "s.yaml:1: kind is missing (vendor/class)");
	CHECK_STR(bad(arena_printf(&arena, "cdiVersion: 0.3.0\nkind: nvidia.com\n%s", device)),
		  "s.yaml:2: kind \"nvidia.com\" is not vendor/class");
	CHECK_STR(bad("cdiVersion: 0.3.0\nkind: a/b\n"), "s.yaml:1: there is no device");
	CHECK_STR(bad("cdiVersion: 0.3.0\nkind: a/b\ndevices:\n- name: a\n  containerEdits: {}\n"),
		  "s.yaml:4: device \"a\" has no containerEdits");
	CHECK(strstr(bad("cdiVersion: 0.3.0\nkind: a/b\ndevices:\n- name: a/b\n"),
		     "s.yaml:4: device name \"a/b\" must begin"));
	CHECK_STR(bad("cdiVersion: 0.3.0\nkind: a/b\ndevices:\n- {name: a, containerEdits: {env: "
		      "[A=1]}}\n"
		      "- {name: b, containerEdits: {env: [A=1]}}\n- {name: a, containerEdits: "
		      "{env: [A=1]}}\n"),
		  "s.yaml:6: device \"a\" is defined twice");
	(void)spec(arena_printf(&arena, "cdiVersion: v0.3.0\nkind: a/b\n%s", device));
}

TEST(a_version_that_is_too_low_says_what_needs_which)
{
	CHECK_STR(bad(with_edits("0.6.0", "additionalGids: [1]")),
		  "s.yaml:1: cdiVersion 0.6.0 is too low: additionalGids needs 0.7.0");
	CHECK_STR(bad(with_edits("0.6.0", "intelRdt: {}")),
		  "s.yaml:1: cdiVersion 0.6.0 is too low: intelRdt needs 0.7.0");
	CHECK_STR(bad(with_edits("0.4.0", "deviceNodes: [{path: /a, hostPath: /a}]")),
		  "s.yaml:1: cdiVersion 0.4.0 is too low: hostPath of a device node needs 0.5.0");
	CHECK_STR(
		bad(with_edits("0.3.0", "mounts: [{hostPath: /a, containerPath: /a, type: bind}]")),
		"s.yaml:1: cdiVersion 0.3.0 is too low: type of a mount needs 0.4.0");
	CHECK_STR(bad(with_edits("1.0.0", "netDevices: [{hostInterfaceName: a, name: b}]")),
		  "s.yaml:1: cdiVersion 1.0.0 is too low: netDevices needs 1.1.0");
	CHECK_STR(bad(with_edits("0.2.0", "env: [A=1]")),
		  "s.yaml:1: cdiVersion 0.2.0 is too low: every spec needs 0.3.0");
}

/* Other readers look at the last device only, so such files are out there. */
TEST(hostpath_of_an_earlier_device_is_read_in_an_old_version_but_not_written)
{
	struct cdi_spec s =
		spec("cdiVersion: 0.3.0\nkind: a/b\ndevices:\n"
		     "- {name: x, containerEdits: {deviceNodes: [{path: /d, hostPath: /e}]}}\n"
		     "- {name: y, containerEdits: {env: [A=1]}}\n");
	struct err e;

	CHECK_STR(cdi_spec_minimum_version(&s), "0.5.0");
	CHECK_INT(cdi_spec_validate(&s, &e), -EINVAL);
	CHECK_STR(e.text, "cdiVersion 0.3.0 is too low: hostPath of a device node needs 0.5.0");
	s.version = "0.5.0";
	CHECK_OK(cdi_spec_validate(&s, &e), &e);
}

TEST(the_lowest_version_is_found)
{
	struct cdi_spec s = spec(with_edits("0.3.0", "env: [A=1]"));

	CHECK_STR(cdi_spec_minimum_version(&s), "0.3.0");
	s.devices.v[0].name = "0";
	CHECK_STR(cdi_spec_minimum_version(&s), "0.5.0");
	s.kind = "a.b/c.d";
	CHECK_STR(cdi_spec_minimum_version(&s), "0.6.0");
	arena_push(&arena, &s.edits.gids, 44);
	CHECK_STR(cdi_spec_minimum_version(&s), "0.7.0");
}

TEST(validate_names_the_device)
{
	struct cdi_spec s = spec(with_edits("0.3.0", "env: [A=1]"));
	struct err e;

	s.devices.v[0].edits.env.v[0] = "A";
	CHECK_INT(cdi_spec_validate(&s, &e), -EINVAL);
	CHECK_STR(e.text, "device \"a\": environment variable \"A\" is not NAME=value");
}

TEST(names_are_split_and_checked)
{
	static const char *const good[] = {"nvidia.com/gpu=0", "a/b=c", "v-1/c_2.x=1:0",
					   "a/b=GPU-1:2.3_4"};
	static const char *const wrong[] = {"",	       "0",	 "gpu=0",   "/b=c",    "a/=c",
					    "a/b=",    "a/b",	 "1a/b=c",  "a/1b=c",  "a-/b=c",
					    "a/b=-",   "a/b=c-", "a/b/c=d", "a b/c=d", "/a/b=c",
					    "a/b=c=d", "a/b=c/d"};
	struct cdi_name name;

	CHECK_INT(cdi_name_parse(STR("nvidia.com/gpu=1:0"), &name), 0);
	CHECK(str_is(name.kind, "nvidia.com/gpu") && str_is(name.device, "1:0"));
	for (size_t i = 0; i < COUNT_OF(good); i++)
		CHECK(cdi_name_is_qualified(str_of(good[i])));
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		CHECK_INT(cdi_name_parse(str_of(wrong[i]), &name), -EINVAL);
	CHECK(cdi_kind_is_valid(STR("a/b")) && !cdi_kind_is_valid(STR("a")));
	CHECK(cdi_device_name_is_valid(STR("all")) && !cdi_device_name_is_valid(STR("a b")));
}
