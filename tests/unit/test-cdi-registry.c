/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/registry.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "codec/yaml.h"
#include "tree.h"

static struct arena arena;
static struct strv dirs;

/* An empty place with the directories low and high, the latter of higher priority. */
static void enter_scratch(void)
{
	(void)tree_enter();
	CHECK_INT(mkdir("low", 0755), 0);
	CHECK_INT(mkdir("high", 0755), 0);
	arena_push(&arena, &dirs, "low");
	arena_push(&arena, &dirs, "high");
}

static void put(const char *path, const char *text)
{
	struct err e;

	CHECK_OK(fs_write_atomic(path, str_of(text), 0644, FS_NO_SYNC, &e), &e);
}

/* A spec with one variable of its own and one for each device, which say where they are from. */
static void put_spec(const char *path, const char *kind, const char *devices)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct str rest = str_of(devices), name;

	strbuf_printf(
		&b,
		"{\"cdiVersion\":\"0.5.0\",\"kind\":\"%s\",\"containerEdits\":{\"env\":[\"S=%s\"]},"
		"\"devices\":[",
		kind, path);
	while (str_split(&rest, ' ', &name))
		strbuf_printf(&b, "%s{\"name\":\"%.*s\",\"containerEdits\":{\"env\":[\"D=%.*s\"]}}",
			      name.p == devices ? "" : ",", STR_ARG(name), STR_ARG(name));
	strbuf_adds(&b, "]}");
	put(path, b.p);
}

static int read_yaml(struct arena *a, struct str text, const char *path, struct json **ret,
		     struct err *e)
{
	return yaml_parse(a, text, path, NULL, ret, e);
}

static struct cdi_registry load(void)
{
	struct cdi_registry r = {0};
	struct err e;

	CHECK_OK(cdi_registry_load(&arena, &dirs, read_yaml, false, &r, &e), &e);
	return r;
}

static const char *joined(const struct strv *list)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	for (size_t i = 0; i < list->n; i++)
		strbuf_printf(&b, "%s%s", i > 0 ? " " : "", list->v[i]);
	return arena_str(&arena, strbuf_str(&b));
}

static const char *names(const struct cdi_registry *r)
{
	struct strv list;

	cdi_registry_names(&arena, r, &list);
	return joined(&list);
}

static struct strv words(const char *text)
{
	struct str rest = str_of(text), word;
	struct strv list = {0};

	while (str_split(&rest, ' ', &word))
		arena_push(&arena, &list, arena_str(&arena, word));
	return list;
}

/* The variables that names bring. */
static const char *resolved(const struct cdi_registry *r, const char *wanted)
{
	struct strv list = words(wanted);
	struct cdi_founds founds = {0};
	struct cdi_edits edits = {0};
	struct err e;

	CHECK_OK(cdi_registry_resolve(&arena, r, &list, &founds, &e), &e);
	CHECK_INT(founds.n, list.n);
	for (size_t i = 0; i < founds.n; i++)
		cdi_found_edits(&arena, &founds.v[i], &edits);
	return joined(&edits.env);
}

static const char *unresolved(const struct cdi_registry *r, const char *wanted)
{
	static struct err e;
	struct strv list = words(wanted);
	struct cdi_founds founds;

	CHECK_INT(cdi_registry_resolve(&arena, r, &list, &founds, &e), -ENOENT);
	return e.text;
}

TEST(specs_are_read_from_json_and_yaml_files_alone)
{
	struct cdi_registry r;

	enter_scratch();
	put_spec("low/a.json", "v/c", "1 0");
	put("low/b.yaml",
	    "cdiVersion: 0.3.0\nkind: v/d\ndevices: [{name: x, containerEdits: {env: [A=1]}}]\n");
	put_spec("low/c.yml", "v/e", "x");
	put_spec("low/d.json.bak", "v/e", "x");
	CHECK_INT(mkdir("low/e.json", 0755), 0);
	put_spec("low/e.json/f.json", "v/e", "x");
	CHECK_INT(symlink("../elsewhere.json", "low/g.json"), 0);
	put_spec("elsewhere.json", "v/g", "all");
	r = load();
	CHECK_INT(r.problems.n, 0);
	CHECK_STR(names(&r), "v/c=0 v/c=1 v/d=x v/g=all");
}

TEST(missing_directories_are_no_problem_and_linked_ones_are_read)
{
	struct cdi_registry r;

	enter_scratch();
	CHECK_INT(rmdir("high"), 0);
	put_spec("low/a.json", "v/c", "0");
	CHECK_INT(symlink("low", "link"), 0);
	dirs.v[0] = "link";
	r = load();
	CHECK_INT(r.problems.n, 0);
	CHECK_STR(names(&r), "v/c=0");
}

TEST(edits_come_spec_first_and_once_per_spec)
{
	struct cdi_registry r;

	enter_scratch();
	put_spec("low/a.json", "v/c", "0 1");
	put_spec("low/b.json", "v/d", "x");
	r = load();
	CHECK_STR(resolved(&r, "v/c=1 v/d=x v/c=0"), "S=low/a.json D=1 S=low/b.json D=x D=0");
}

TEST(a_higher_directory_wins)
{
	struct cdi_registry r;

	enter_scratch();
	put_spec("low/a.json", "v/c", "0 1");
	put_spec("high/b.json", "v/c", "1");
	r = load();
	CHECK_STR(names(&r), "v/c=0 v/c=1");
	CHECK_STR(resolved(&r, "v/c=1"), "S=high/b.json D=1");
	CHECK_STR(resolved(&r, "v/c=0"), "S=low/a.json D=0");
}

TEST(a_conflict_names_both_files_and_spares_the_other_devices)
{
	struct cdi_registry r;

	enter_scratch();
	put_spec("low/a.json", "v/c", "0 1");
	put_spec("low/b.json", "v/c", "1 2");
	r = load();
	CHECK_STR(names(&r), "v/c=0 v/c=2");
	CHECK_STR(unresolved(&r, "v/c=1"), "unresolvable CDI devices v/c=1: v/c=1: defined by both "
					   "low/a.json and low/b.json; remove one");
}

TEST(a_conflict_below_does_not_matter_to_a_higher_directory)
{
	struct cdi_registry r;

	enter_scratch();
	put_spec("low/a.json", "v/c", "1");
	put_spec("low/b.json", "v/c", "1");
	put_spec("high/c.json", "v/c", "1");
	r = load();
	CHECK_STR(names(&r), "v/c=1");
	CHECK_STR(resolved(&r, "v/c=1"), "S=high/c.json D=1");
}

TEST(a_bad_file_is_a_problem_and_the_rest_is_read)
{
	struct cdi_registry r;

	enter_scratch();
	put("low/a.json", "{\n\"cdiVersion\":\"0.6.0\"");
	put_spec("low/b.json", "v/c", "0");
	put("low/c.yaml", "cdiVersion: 0.5.0\nkind: v/x\ndevices: [{name: y, containerEdits: "
			  "{additionalGids: [1]}}]\n");
	r = load();
	CHECK_INT(r.problems.n, 2);
	CHECK_STR(r.problems.v[0].path, "low/a.json");
	CHECK_STR(r.problems.v[0].text,
		  "low/a.json:2:21: expected ',' or '}', found the end of the text");
	CHECK_STR(names(&r), "v/c=0");
	CHECK_STR(unresolved(&r, "v/x=y v/c=0"),
		  "unresolvable CDI devices v/x=y: v/x=y: no CDI spec for v/x in low, high; not "
		  "read: "
		  "low/a.json:2:21: expected ',' or '}', found the end of the text; not read: "
		  "low/c.yaml:1: "
		  "cdiVersion 0.5.0 is too low: additionalGids needs 0.7.0");
}

TEST(what_does_not_resolve_is_listed_with_its_reason)
{
	struct cdi_registry r;

	enter_scratch();
	put_spec("low/a.json", "nvidia.com/gpu", "0 1 2 3 4 5 6 7 8 all");
	r = load();
	CHECK_STR(unresolved(&r, "nvidia.com/gpu=0 nvidia.com/gpu=9 gpu nvidia.com/gpu=al"),
		  "unresolvable CDI devices nvidia.com/gpu=9, gpu, nvidia.com/gpu=al: "
		  "nvidia.com/gpu=9: no such device; nvidia.com/gpu has 0, 1, 2, 3, 4, 5, 6, 7 and "
		  "2 more; "
		  "gpu: not of the form vendor/class=device; "
		  "nvidia.com/gpu=al: no such device; nvidia.com/gpu has 0, 1, 2, 3, 4, 5, 6, 7 "
		  "and 2 more "
		  "(did you mean all?)");
	CHECK_STR(unresolved(&r, "nvidia.com/nic=0"),
		  "unresolvable CDI devices nvidia.com/nic=0: nvidia.com/nic=0: no CDI spec for "
		  "nvidia.com/nic in low, high (nvidia-ctk cdi generate --output=high/nvidia.yaml "
		  "makes one)");
}

TEST(yaml_without_a_reader_is_a_problem)
{
	struct cdi_registry r = {0};
	struct err e;

	enter_scratch();
	put("low/a.yaml", "x");
	CHECK_OK(cdi_registry_load(&arena, &dirs, NULL, false, &r, &e), &e);
	CHECK_STR(r.problems.v[0].text,
		  "low/a.yaml: YAML cannot be read here; write the spec as JSON");
}

TEST(a_file_that_others_may_write_is_a_problem_where_trust_is_asked_for)
{
	struct cdi_registry r = {0};
	struct err e;

	enter_scratch();
	put_spec("low/a.json", "v/c", "0");
	put_spec("low/b.json", "v/d", "0");
	CHECK_INT(chmod("low/b.json", 0666), 0);
	CHECK_OK(cdi_registry_load(&arena, &dirs, NULL, true, &r, &e), &e);
	CHECK_STR(names(&r), "v/c=0");
	CHECK(strstr(r.problems.v[0].text, "low/b.json"));
}

TEST(files_beyond_the_limits_are_problems)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct cdi_registry r;

	enter_scratch();
	strbuf_adds(&b, "{\"x\":");
	for (int i = 0; i < 40; i++)
		strbuf_addc(&b, '[');
	put("low/deep.json", b.p);
	memset(strbuf_room(&b, 5u << 20), ' ', 5u << 20);
	b.n += 5u << 20;
	strbuf_addc(&b, ' ');
	put("low/large.json", b.p);
	r = load();
	CHECK_INT(r.problems.n, 2);
	CHECK(strstr(r.problems.v[0].text, "low/deep.json:1:37: nested deeper than 32 levels"));
	CHECK(strstr(r.problems.v[1].text, "low/large.json"));
}
