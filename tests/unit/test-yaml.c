/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include "test.h"

static struct arena arena;

static struct json *parse(const char *text)
{
	struct json *j = NULL;
	struct err e;

	CHECK_OK(yaml_parse(&arena, str_of(text), "t.yaml", NULL, &j, &e), &e);
	return j;
}

static const char *refusal(const char *text, int code)
{
	static struct err e;
	struct json *j;

	CHECK_INT(yaml_parse(&arena, str_of(text), "t.yaml", NULL, &j, &e), -code);
	return e.text;
}

static const char *bad(const char *text)
{
	return refusal(text, EBADMSG);
}

static const char *as_json(const char *text)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_write_compact(parse(text), &b);
	return arena_str(&arena, strbuf_str(&b));
}

static const char *as_yaml(const char *json)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct json *j = NULL;
	struct err e;

	CHECK_OK(json_parse(&arena, str_of(json), "t.json", NULL, &j, &e), &e);
	yaml_write(j, &b);
	return arena_str(&arena, strbuf_str(&b));
}

/* One scalar in a list, written and without what stands around it. */
static const char *scalar(const char *text)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct json *list = json_new(&arena, JSON_ARRAY), *again;

	json_append(list, json_new_str(&arena, str_of(text)));
	yaml_write(list, &b);
	again = parse(arena_str(&arena, strbuf_str(&b)));
	CHECK(str_is(json_str(again->first), text));
	return arena_str(&arena, str_sub(strbuf_str(&b), strlen("---\n- "), b.n - 1));
}

TEST(blocks_and_flows_become_the_same_tree)
{
	CHECK_STR(as_json("---\na:\n  - b: 1\n    c: [x, \"y\", 'z']\n  - {d: null}\ne: |\n  l1\n  "
			  "l2\nf:\n- g\n"),
		  "{\"a\":[{\"b\":1,\"c\":[\"x\",\"y\",\"z\"]},{\"d\":null}],\"e\":\"l1\\nl2\\n\","
		  "\"f\":"
		  "[\"g\"]}");
	CHECK_STR(as_json("{\"a\": [1, {\"b\": \"\\u00e9\"}]}"),
		  "{\"a\":[1,{\"b\":\"\xc3\xa9\"}]}");
	CHECK_STR(as_json("# comment\nx: z # more\n"), "{\"x\":\"z\"}");
}

TEST(plain_scalars_mean_what_go_readers_take_them_for)
{
	CHECK_STR(as_json("[~, null, Null, NULL, '']"), "[null,null,null,null,\"\"]");
	CHECK_STR(as_json("[true, Yes, on, y, false, No, OFF, n, tRue]"),
		  "[true,true,true,true,false,false,false,false,\"tRue\"]");
	CHECK_STR(as_json("[0, -1, +2, 0644, 0o17, 0x1F, 0b11, 1_000, -0x10, 00, 08, 0755]"),
		  "[0,-1,2,420,15,31,3,1000,-16,0,8,493]");
	CHECK_STR(as_json("[1.50, .5, 1., +1.5, 1e3, 1_0.5, 18446744073709551615]"),
		  "[1.50,0.5,1,1.5,1e3,10.5,18446744073709551615]");
	CHECK_STR(as_json("[1:0, 2001-12-14, 0x, 1e, +, '-', -., 0xg, 1e999, GPU-1, \"0\", '1']"),
		  "[\"1:0\",\"2001-12-14\",\"0x\",\"1e\",\"+\",\"-\",\"-.\",\"0xg\",\"1e999\","
		  "\"GPU-1\","
		  "\"0\",\"1\"]");
}

TEST(values_know_their_place)
{
	struct json *j = parse("a:\n  - b\n  - c: d\n");

	CHECK_INT(json_get(j, "a")->first->line, 2);
	CHECK_INT(json_get(j, "a")->first->column, 5);
	CHECK_INT(json_get(json_get(j, "a")->last, "c")->line, 3);
	CHECK_INT(json_get(json_get(j, "a")->last, "c")->column, 8);
}

TEST(only_the_first_document_is_read)
{
	CHECK_STR(as_json("a: 1\n---\n* } ]"), "{\"a\":1}");
	CHECK_STR(as_json("{\"a\": 1} trailing"), "{\"a\":1}");
}

TEST(an_empty_document_is_told_apart)
{
	CHECK_STR(refusal("", ENODATA), "t.yaml: the document is empty");
	(void)refusal("# nothing\n", ENODATA);
	(void)refusal("---\n", ENODATA);
}

TEST(what_a_cdi_file_has_no_need_of_is_refused_with_its_place)
{
	CHECK_STR(bad("a: &x 1\n"), "t.yaml:1:4: anchors are not supported");
	CHECK_STR(bad("a: &x {}\n"), "t.yaml:1:4: anchors are not supported");
	CHECK_STR(bad("a:\n - *x\n"), "t.yaml:2:4: aliases are not supported");
	CHECK_STR(bad("a: !!str 1\n"), "t.yaml:1:4: tags are not supported");
	CHECK_STR(bad("a: !x [1]\n"), "t.yaml:1:4: tags are not supported");
	CHECK_STR(bad("<<: {a: 1}\n"), "t.yaml:1:1: merge keys are not supported");
	CHECK_STR(bad("? [a]\n: 1\n"), "t.yaml:1:3: a name must be a plain word or a string");
	CHECK_STR(bad("a: 1\nb: 2\nA: 3\n"),
		  "t.yaml:3:4: duplicate name \"A\" (\"a\" in line 1 differs only in case)");
	CHECK_STR(bad("a: .inf\n"),
		  "t.yaml:1:4: infinite numbers and not-a-number are not supported");
	CHECK_STR(bad("a: \"x\\0y\"\n"), "t.yaml:1:4: a string must not contain \\0");
	CHECK_STR(as_json("annotations: {a: x, A: z}"),
		  "{\"annotations\":{\"a\":\"x\",\"A\":\"z\"}}");
}

TEST(what_is_not_yaml_is_refused_with_its_place)
{
	CHECK(strstr(bad("a: b: c\n"), "t.yaml:1:5: "));
	CHECK(strstr(bad("a:\n\t- b\n"), "t.yaml:2:1: "));
	CHECK_STR(bad("{a: 1"), "t.yaml:2:1: did not find expected ',' or '}'");
	CHECK(strstr(bad("a: \xff\n"), "t.yaml: byte 3: "));
}

TEST(yaml_limits_hold)
{
	struct json_limits l = {.max_size = 40, .max_string = 5, .max_nodes = 4, .max_depth = 3};
	struct json *j;
	struct err e;

	CHECK_INT(yaml_parse(&arena, STR("                                         "), "t", &l, &j,
			     &e),
		  -EFBIG);
	CHECK_INT(yaml_parse(&arena, STR("a: 123456"), "t", &l, &j, &e), -EFBIG);
	CHECK_INT(yaml_parse(&arena, STR("[1,2,3,4]"), "t", &l, &j, &e), -EFBIG);
	CHECK_INT(yaml_parse(&arena, STR("[[[[]]]]"), "t", &l, &j, &e), -EFBIG);
	CHECK_OK(yaml_parse(&arena, STR("[[[]]]"), "t", &l, &j, &e), &e);
}

TEST(a_spec_is_laid_out_as_existing_readers_know_it)
{
	CHECK_STR(as_yaml("{\"cdiVersion\":\"0.5.0\",\"kind\":\"nvidia.com/"
			  "gpu\",\"devices\":[{\"name\":\"0\","
			  "\"containerEdits\":{\"deviceNodes\":[{\"path\":\"/dev/"
			  "nvidia0\",\"major\":195,"
			  "\"gid\":44}]}},{\"name\":\"all\",\"containerEdits\":{}}],"
			  "\"containerEdits\":"
			  "{\"env\":[\"A=1\",\"B=x: "
			  "y\"],\"hooks\":[{\"hookName\":\"createContainer\",\"args\":"
			  "[\"a\",\"--b\"]}],\"mounts\":[]}}"),
		  "---\n"
		  "cdiVersion: 0.5.0\n"
		  "kind: nvidia.com/gpu\n"
		  "devices:\n"
		  "    - name: \"0\"\n"
		  "      containerEdits:\n"
		  "        deviceNodes:\n"
		  "            - path: /dev/nvidia0\n"
		  "              major: 195\n"
		  "              gid: 44\n"
		  "    - name: all\n"
		  "      containerEdits: {}\n"
		  "containerEdits:\n"
		  "    env:\n"
		  "        - A=1\n"
		  "        - 'B=x: y'\n"
		  "    hooks:\n"
		  "        - hookName: createContainer\n"
		  "          args:\n"
		  "            - a\n"
		  "            - --b\n"
		  "    mounts: []\n");
	CHECK_STR(as_yaml("[[1,[true]],null]"), "---\n- - 1\n  - - true\n- null\n");
	CHECK_STR(as_yaml("\"x\""), "---\nx\n");
}

TEST(strings_are_quoted_only_where_yaml_would_read_something_else)
{
	static const char *const plain[] = {"nvidia.com/gpu=0",
					    "GPU-a:b",
					    "a#b",
					    "1:75",
					    "0.5.0",
					    "ro",
					    "--x",
					    "x,y[z]",
					    "-x",
					    "?x",
					    ":x",
					    "tRue",
					    "\xc3\xa9",
					    "1.2.3.4",
					    "_1"};
	static const char *const twice[] = {
		"",	"0",	      "755", "1e3",  "0x1f", "true", "yes", "No",  "off", "~",
		"null", "2001-12-14", "1:0", ".inf", "<<",   "+1",   ".5",  "1_0", "n"};
	static const char *const once[] = {"a: b", "a:", " a", "a ",  "# x", "a #b", "- x",
					   "-",	   "*x", "&x", "!x",  "%x",  "@x",   "'x'",
					   "[x",   "{x", ",x", "---", "? x"};

	for (size_t i = 0; i < COUNT_OF(plain); i++)
		CHECK_STR(scalar(plain[i]), plain[i]);
	for (size_t i = 0; i < COUNT_OF(twice); i++)
		CHECK_STR(scalar(twice[i]), arena_printf(&arena, "\"%s\"", twice[i]));
	for (size_t i = 0; i < COUNT_OF(once); i++)
		CHECK(scalar(once[i])[0] == '\'');
	CHECK_STR(scalar("it's: x"), "'it''s: x'");
	CHECK_STR(scalar("\t\"\\\x01\xc2\x85"), "\"\\t\\\"\\\\\\x01\\x85\"");
	CHECK_STR(scalar("\xf0\x9f\x98\x80"), "\"\\U0001F600\"");
}

TEST(lines_are_written_as_blocks)
{
	CHECK_STR(scalar("a\nb"), "|-\n  a\n  b");
	CHECK_STR(scalar("a\n\nb\n"), "|\n  a\n\n  b");
	CHECK_STR(scalar("a\n\n"), "|+\n  a\n");
	CHECK_STR(scalar(" a\nb"), "|2-\n   a\n  b");
	CHECK_STR(scalar("a\n b"), "|-\n  a\n   b");
	CHECK_STR(scalar("a \nb"), "\"a \\nb\"");
	CHECK_STR(as_yaml("{\"a\\nb\":\"c\\nd\"}"), "---\n\"a\\nb\": |-\n    c\n    d\n");
}
