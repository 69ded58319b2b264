/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include "base/mem.h"
#include "test.h"

static struct arena arena;

static struct json *parse(const char *text)
{
	struct json *j = NULL;
	struct err e;

	CHECK_OK(json_parse(&arena, str_of(text), "t.json", NULL, &j, &e), &e);
	return j;
}

static const char *written(const struct json *j)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_write(j, &b);
	return arena_str(&arena, strbuf_str(&b));
}

static const char *compact(const struct json *j)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_write_compact(j, &b);
	return arena_str(&arena, strbuf_str(&b));
}

static const char *indented(const struct json *j, unsigned blanks)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_write_indented(j, blanks, &b);
	return arena_str(&arena, strbuf_str(&b));
}

static const char *refusal(struct str text, const struct json_limits *limits, int code)
{
	static struct err e;
	struct json *j;

	CHECK_INT(json_parse(&arena, text, "t.json", limits, &j, &e), -code);
	return e.text;
}

static const char *bad(const char *text)
{
	return refusal(str_of(text), NULL, EBADMSG);
}

static struct json *str(const char *s)
{
	return json_new_str(&arena, str_of(s));
}

TEST(parse_takes_every_kind_of_value)
{
	struct json *j =
		parse(" {\"a\":null,\"b\":[true,false],\"c\":\"x\",\"d\":-0.5e+3,\"e\":{}} \r\n\t");

	CHECK(json_is(json_get(j, "a"), JSON_NULL));
	CHECK_INT(json_get(j, "b")->count, 2);
	CHECK(json_bool(json_get(j, "b")->first, false));
	CHECK(!json_bool(json_get(j, "b")->last, true));
	CHECK(str_is(json_str(json_get(j, "c")), "x"));
	CHECK(str_is(json_get(j, "d")->text, "-0.5e+3"));
	CHECK(json_is(json_get(j, "e"), JSON_OBJECT) && !json_get(j, "e")->first);
	CHECK(json_is(parse("7"), JSON_NUMBER));
	CHECK(json_is(parse("\"\""), JSON_STRING));
}

TEST(parse_records_line_and_column_of_values)
{
	struct json *j = parse("{\n  \"a\": [1,\n\t22]\n}");
	struct json *last = json_get(j, "a")->last;

	CHECK_INT(j->line, 1);
	CHECK_INT(j->column, 1);
	CHECK_INT(json_get(j, "a")->line, 2);
	CHECK_INT(json_get(j, "a")->column, 8);
	CHECK_INT(last->line, 3);
	CHECK_INT(last->column, 2);
}

TEST(strings_are_decoded)
{
	struct json *j =
		parse("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20aC\\ud83d\\ude00\xc3\xa9\x7f\"");

	CHECK(str_is(json_str(j),
		     "a\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9\x7f"));
}

TEST(what_is_not_json_is_refused_with_its_place)
{
	CHECK_STR(bad(""), "t.json:1:1: expected a value, found the end of the text");
	CHECK_STR(bad(" \n"), "t.json:2:1: expected a value, found the end of the text");
	CHECK_STR(bad("[1,\n 2,\n]"), "t.json:3:1: expected a value, found ']'");
	CHECK_STR(bad("[1 2]"), "t.json:1:4: expected ',' or ']', found '2'");
	CHECK_STR(bad("{\"a\" 1}"), "t.json:1:6: expected ':' after the name, found '1'");
	CHECK_STR(bad("{\"a\":1,}"), "t.json:1:8: expected a name in quotes, found '}'");
	CHECK_STR(bad("{a:1}"), "t.json:1:2: expected a name in quotes, found 'a'");
	CHECK_STR(bad("{\"a\":1]"), "t.json:1:7: expected ',' or '}', found ']'");
	CHECK_STR(bad("[}"), "t.json:1:2: expected a value, found '}'");
	CHECK_STR(bad("[[1]"), "t.json:1:5: expected ',' or ']', found the end of the text");
	CHECK_STR(bad("[] []"), "t.json:1:4: expected nothing after the document, found '['");
	CHECK_STR(bad("nul"), "t.json:1:1: expected a value, found 'n'");
	CHECK_STR(bad("truex"), "t.json:1:5: expected nothing after the document, found 'x'");
	CHECK_STR(bad("'a'"), "t.json:1:1: expected a value, found '''");
	CHECK_STR(bad("[1]\v"), "t.json:1:4: expected nothing after the document, found byte 0x0b");
	CHECK_STR(bad("// c\n1"), "t.json:1:1: expected a value, found '/'");
	CHECK_STR(bad("NaN"), "t.json:1:1: expected a value, found 'N'");
	CHECK_STR(refusal((struct str){"1\0", 2}, NULL, EBADMSG),
		  "t.json:1:2: expected nothing after the document, found byte 0x00");
	CHECK(strstr(bad("\xef\xbb\xbf{}"), "t.json:1:1: begins with a byte order mark"));
}

TEST(numbers_have_one_grammar)
{
	static const char *const good[] = {"0", "-0", "10", "1.0", "1e5", "1E-5", "-1.5e+05"};
	static const char *const wrong[] = {"01",  "-01", "+1",	 ".5",	"1.",	"1e",
					    "1e+", "-",	  "0x1", "1_0", "1.e1", "--1"};

	for (size_t i = 0; i < COUNT_OF(good); i++)
		CHECK(str_is(parse(good[i])->text, good[i]));
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		(void)bad(wrong[i]);
	CHECK_STR(bad("[1.]"), "t.json:1:4: expected a digit after the decimal point, found ']'");
	CHECK_STR(bad("[007]"), "t.json:1:2: a number must not begin with 0");
}

TEST(strings_that_cannot_be_kept_are_refused)
{
	CHECK_STR(bad("[\"ab"), "t.json:1:2: a string has no closing quote");
	CHECK_STR(bad("\"ab\\"), "t.json:1:1: a string has no closing quote");
	CHECK_STR(bad("\"a\nb\""),
		  "t.json:1:3: byte 0x0a in a string must be written as an escape");
	CHECK_STR(bad("\"a\\qb\""), "t.json:1:3: unknown escape in a string");
	CHECK_STR(bad("\"\\u12g4\""), "t.json:1:4: \\u needs four hexadecimal digits");
	CHECK_STR(bad("\"\\u00\""), "t.json:1:4: \\u needs four hexadecimal digits");
	CHECK_STR(bad("\"x\\u0000\""), "t.json:1:3: a string must not contain \\u0000");
	CHECK_STR(bad("\"\\ud800\""), "t.json:1:2: \\ud800 is half of a surrogate pair");
	CHECK_STR(bad("\"\\udc00\\ud800\""), "t.json:1:2: \\udc00 is half of a surrogate pair");
	CHECK_STR(bad("\"\\ud800\\u0041\""), "t.json:1:2: \\ud800 is half of a surrogate pair");
	CHECK_STR(bad("\"a\xff\""), "t.json:1:3: a string is not valid UTF-8");
}

TEST(utf8_is_taken_in_shortest_form_only)
{
	static const char *const wrong[] = {
		"\x80",
		"\xc0\x80",
		"\xc1\xbf",
		"\xe0\x80\x80",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xc3",
		"\xe2\x82",
		"\xf0\x80\x80\x80",
		"\xf4\x90\x80\x80",
		"\xf8\x88\x80\x80\x80",
	};
	static const char *const good[] = {"\xc2\x80",	   "\xe0\xa0\x80",     "\xed\x9f\xbf",
					   "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};

	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		CHECK(strstr(bad(arena_printf(&arena, "\"%s\"", wrong[i])), "not valid UTF-8"));
	for (size_t i = 0; i < COUNT_OF(good); i++)
		CHECK(str_is(json_str(parse(arena_printf(&arena, "\"%s\"", good[i]))), good[i]));
}

TEST(names_that_go_takes_for_one_are_duplicates)
{
	CHECK_STR(bad("{\"a\":1,\n\"b\":2,\n \"a\":3}"),
		  "t.json:3:2: duplicate name \"a\" (first in line 1)");
	CHECK_STR(bad("{\"mounts\":1, \"Mounts\":3}"),
		  "t.json:1:14: duplicate name \"Mounts\" (\"mounts\" in line 1 differs only in "
		  "case)");
	CHECK(strstr(bad("{\"mounts\":1,\"mount\\u017f\":3}"), "duplicate name"));
	CHECK(strstr(bad("{\"hooks\":1,\"hoo\xe2\x84\xaas\":3}"), "duplicate name"));
	CHECK(strstr(bad("{\"\\u0061\":1,\"a\":3}"), "duplicate name"));
	CHECK(strstr(bad("{\"x\":{\"q\":0,\"Q\":0}}"), "duplicate name"));
	CHECK_INT(parse("{\"a\":1,\"a \":2,\"\":3,\"\xc3\x89\":4,\"\xc3\xa9\":5}")->count, 5);
}

TEST(names_of_a_free_map_are_duplicates_only_when_equal)
{
	struct json *j = parse("{\"annotations\":{\"a\":\"1\",\"A\":\"2\"}}");

	CHECK_INT(json_get(j, "annotations")->count, 2);
	CHECK(str_is(json_str(json_field(json_get(j, "annotations"), "A")), "2"));
	(void)bad("{\"annotations\":{\"a\":\"1\",\"a\":\"2\"}}");
	(void)bad("{\"annotations\":{\"x\":{\"a\":1,\"A\":2}}}");
	(void)bad("{\"annotations\":1,\"Annotations\":2}");
}

TEST(duplicates_are_found_in_large_objects_and_the_first_repetition_is_named)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	strbuf_adds(&b, "{");
	for (int i = 0; i < 50000; i++)
		strbuf_printf(&b, "\"k%d\":0,\n", i);
	strbuf_adds(&b, "\"K49\":0,\n\"k7\":0}");
	CHECK(strstr(refusal(strbuf_str(&b), NULL, EBADMSG),
		     "t.json:50001:1: duplicate name \"K49\""));
}

TEST(limits_hold)
{
	struct json_limits l = {.max_size = 40, .max_string = 5, .max_nodes = 4, .max_depth = 3};
	struct json *j;
	struct err e;

	CHECK_STR(refusal(STR("                                         "), &l, EFBIG),
		  "t.json: larger than 40 bytes");
	CHECK_STR(refusal(STR("[\"123456\"]"), &l, EFBIG),
		  "t.json:1:2: a string is longer than 5 bytes");
	CHECK_STR(refusal(STR("[1,2,3,4]"), &l, EFBIG), "t.json:1:8: more than 4 values");
	CHECK_STR(refusal(STR("[[[[]]]]"), &l, EFBIG), "t.json:1:4: nested deeper than 3 levels");
	CHECK_OK(json_parse(&arena, STR("[\"12345\",[[]]]"), "t", &l, &j, &e), &e);
	CHECK_OK(json_parse(&arena, STR("[[[]]]"), "t", &l, &j, &e), &e);
}

TEST(a_million_brackets_are_refused_without_recursion)
{
	char *text = mem_alloc(1000001);

	memset(text, '[', 1000000);
	CHECK_STR(refusal(str_of(text), NULL, EFBIG), "t.json:1:65: nested deeper than 64 levels");
	free(text);
}

TEST(integers_are_read_exactly_or_not_at_all)
{
	uint64_t u;
	int64_t i;

	CHECK_INT(json_u64(parse("18446744073709551615"), &u), 0);
	CHECK(u == UINT64_MAX);
	CHECK_INT(json_u64(parse("18446744073709551616"), &u), -EINVAL);
	CHECK_INT(json_u64(parse("-1"), &u), -EINVAL);
	CHECK_INT(json_u64(parse("1.0"), &u), -EINVAL);
	CHECK_INT(json_u64(parse("1e3"), &u), -EINVAL);
	CHECK_INT(json_u64(parse("\"1\""), &u), -EINVAL);
	CHECK_INT(json_u64(NULL, &u), -EINVAL);
	CHECK_INT(json_i64(parse("-9223372036854775808"), &i), 0);
	CHECK(i == INT64_MIN);
}

TEST(reading_copes_with_what_is_not_there)
{
	const struct json *none = NULL;

	CHECK(!json_get(NULL, "a") && !json_field(NULL, "a"));
	CHECK(!json_get(parse("[1]"), "a") && !json_field(parse("[1]"), "a"));
	CHECK(!json_str(NULL).p && !json_str(parse("1")).p);
	CHECK(json_bool(NULL, true) && json_bool(parse("1"), true));
	json_each (j, none)
		FAIL("%p", (void *)j);
}

TEST(field_prefers_the_exact_name_and_then_folds)
{
	struct json *j = parse("{\"Mounts\":1,\"hoo\xe2\x84\xaas\":2}");

	CHECK(json_field(j, "mounts") && !json_get(j, "mounts"));
	CHECK(json_field(j, "hooks"));
	CHECK(!json_field(j, "mount"));
}

TEST(an_untouched_document_is_written_byte_for_byte)
{
	static const char *const texts[] = {
		" \n{ \"b\" :1e400 ,\r\n\t\"a\":\"\\u0041\\/\" , \"c\":[ ] }\n\n",
		"[1,2 , 3]",
		"\"x\"",
		"  -0.0  ",
		"{}",
		"{ }",
		"[[[]]]"};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct json *j = parse(texts[i]);

		CHECK(!json_changed(j));
		CHECK_STR(written(j), texts[i]);
	}
}

TEST(an_edit_leaves_every_other_byte)
{
	struct json *j = parse("{ \"n\" : 1.50,\n\t\"env\": [ \"A=1\" , \"B\\u003d2\" "
			       "],\n\t\"z\":{\"q\" :0}\n}\n");

	json_replace(json_get(j, "env")->first, str("A=9"));
	CHECK(json_changed(j));
	CHECK_STR(written(j), "{ \"n\" : 1.50,\n\t\"env\": [ \"A=9\" , \"B\\u003d2\" "
			      "],\n\t\"z\":{\"q\" :0}\n}\n");

	json_append(json_get(j, "env"), str("C=3"));
	json_remove(json_get(j, "n"));
	CHECK_STR(written(j),
		  "{ \"env\": [ \"A=9\" , \"B\\u003d2\", \"C=3\" ],\n\t\"z\":{\"q\" :0}\n}\n");
}

TEST(new_parts_of_a_compact_document_are_compact)
{
	struct json *j = parse("{\"a\":[1],\"b\":{\"x\":1}}");
	struct json *list;

	json_append(json_get(j, "a"), json_new_i64(&arena, -2));
	json_set(&arena, json_get(j, "b"), "y", json_new_bool(&arena, true));
	list = json_need(&arena, json_need(&arena, j, "c", JSON_OBJECT), "d", JSON_ARRAY);
	json_append(list, str("e"));
	json_append(list, str("f"));
	CHECK_STR(written(j),
		  "{\"a\":[1,-2],\"b\":{\"x\":1,\"y\":true},\"c\":{\"d\":[\"e\",\"f\"]}}");
}

TEST(new_parts_of_a_spaced_line_are_spaced)
{
	struct json *j = parse("{\"a\": [1], \"b\": [1, 2], \"c\": {\"x\": 1}}");

	json_append(json_get(j, "a"), json_new_i64(&arena, 2));
	json_append(json_get(j, "b"), json_new_i64(&arena, 3));
	json_set(&arena, json_get(j, "c"), "y", json_new(&arena, JSON_NULL));
	CHECK_STR(written(j), "{\"a\": [1, 2], \"b\": [1, 2, 3], \"c\": {\"x\": 1, \"y\": null}}");
}

TEST(new_parts_of_an_indented_document_are_indented)
{
	struct json *j = parse("{\n  \"a\": [\n    1\n  ],\n  \"b\": {},\n  \"e\": []\n}\n");
	struct json *o;

	json_append(json_get(j, "a"), json_new_i64(&arena, 2));
	o = json_need(&arena, json_get(j, "b"), "c", JSON_OBJECT);
	json_set(&arena, o, "d", str("x"));
	json_append(json_get(j, "e"), json_new_i64(&arena, 3));
	json_set(&arena, j, "f", json_new(&arena, JSON_OBJECT));
	CHECK_STR(written(j),
		  "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {\n    \"c\": {\n"
		  "      \"d\": \"x\"\n    }\n  },\n  \"e\": [\n    3\n  ],\n  \"f\": {}\n}\n");
}

TEST(a_new_element_looks_like_its_siblings)
{
	struct json *j = parse("{\n\t\"mounts\": [\n\t\t{ \"d\": \"/a\", \"t\": \"b\" },\n"
			       "\t\t{ \"d\": \"/c\" }\n\t]\n}\n");
	struct json *m = json_new(&arena, JSON_OBJECT);

	json_set(&arena, m, "d", str("/e"));
	json_set(&arena, m, "t", str("f"));
	json_append(json_get(j, "mounts"), m);
	CHECK_STR(written(j),
		  "{\n\t\"mounts\": [\n\t\t{ \"d\": \"/a\", \"t\": \"b\" },\n"
		  "\t\t{ \"d\": \"/c\" },\n\t\t{ \"d\": \"/e\", \"t\": \"f\" }\n\t]\n}\n");
}

TEST(an_empty_document_of_two_lines_gets_lines)
{
	struct json *j = parse("{\n}\n");

	json_set(&arena, json_need(&arena, j, "a", JSON_OBJECT), "b", json_new_i64(&arena, 1));
	CHECK_STR(written(j), "{\n    \"a\": {\n        \"b\": 1\n    }\n}\n");
}

TEST(removing_at_either_end_keeps_the_layout)
{
	struct json *j = parse("[1, 2, 3 ]"), *k = parse("[\n  1,\n  2\n]");

	json_remove(j->first);
	CHECK_STR(written(j), "[2, 3 ]");
	json_remove(j->last);
	CHECK_STR(written(j), "[2 ]");
	json_remove(j->first);
	CHECK_STR(written(j), "[]");
	CHECK_INT(j->count, 0);
	json_append(j, json_new_i64(&arena, 4));
	CHECK_STR(written(j), "[4 ]");

	json_remove(k->last);
	CHECK_STR(written(k), "[\n  1\n]");
}

TEST(inserting_first_takes_the_first_place)
{
	struct json *j = parse("[1, 2]");

	json_insert_before(j->first, json_new_i64(&arena, 0));
	json_insert_before(j->last, json_new_number(&arena, STR("1.5")));
	CHECK_INT(j->count, 4);
	CHECK_STR(written(j), "[0, 1, 1.5, 2]");
}

TEST(set_keeps_name_and_place_of_a_member)
{
	struct json *j = parse("{\"x\" : 1,\"Mounts\" :  [ 1 ], \"y\":2}");
	struct json *list = json_new(&arena, JSON_ARRAY);

	json_append(list, str("m"));
	json_set(&arena, j, "mounts", list);
	json_set(&arena, j, "y", json_new(&arena, JSON_OBJECT));
	CHECK_STR(written(j), "{\"x\" : 1,\"Mounts\" :  [ \"m\" ], \"y\":{}}");
	CHECK(j->last->type == JSON_OBJECT && !j->last->next && j->count == 3);
}

TEST(setting_an_equal_scalar_changes_nothing)
{
	struct json *j = parse("{\"a\":\"\\u0041\",\"b\":[1,2],\"c\":true,\"d\":null}");

	json_set(&arena, j, "a", str("A"));
	json_replace(json_get(j, "b")->first, json_new_i64(&arena, 1));
	json_set(&arena, j, "c", json_new_bool(&arena, true));
	json_set(&arena, j, "d", json_new(&arena, JSON_NULL));
	CHECK(!json_changed(j));
	CHECK_STR(written(j), "{\"a\":\"\\u0041\",\"b\":[1,2],\"c\":true,\"d\":null}");

	json_set(&arena, j, "c", json_new_bool(&arena, false));
	CHECK(json_changed(j));
	CHECK_STR(written(j), "{\"a\":\"\\u0041\",\"b\":[1,2],\"c\":false,\"d\":null}");
}

TEST(need_makes_what_is_absent_or_null_and_refuses_another_type)
{
	struct json *j = parse("{\"a\":null,\"b\":[],\"C\":{}}");

	CHECK(json_need(&arena, j, "b", JSON_ARRAY) == json_get(j, "b"));
	CHECK(json_need(&arena, j, "c", JSON_OBJECT) == json_get(j, "C"));
	CHECK(!json_changed(j));
	CHECK(!json_need(&arena, j, "b", JSON_OBJECT));
	CHECK(json_need(&arena, j, "a", JSON_OBJECT));
	CHECK(json_need(&arena, j, "z", JSON_ARRAY));
	CHECK_STR(written(j), "{\"a\":{},\"b\":[],\"C\":{},\"z\":[]}");
}

TEST(a_part_of_another_document_is_written_anew)
{
	struct json *j = parse("{\"a\":1}"), *k = parse("[ { \"long name\" : [ 1 ,2 ] } ]");
	struct json *part = k->first;

	json_remove(part);
	json_set(&arena, j, "k", part);
	json_set(&arena, j, "l", parse("  [ 3 ]"));
	CHECK_STR(written(j), "{\"a\":1,\"k\":{\"long name\":[1,2]},\"l\":[3]}");
	CHECK_STR(written(k), "[]");
}

TEST(a_copy_is_equal_and_independent)
{
	struct json *j = parse("{\"a\" : [1, {\"b\":\"c\"}], \"d\":true}");
	struct json *copy = json_copy(&arena, j);

	CHECK(json_equal(j, copy));
	json_append(json_get(copy, "a"), str("x"));
	CHECK(!json_equal(j, copy) && !json_changed(j));
	CHECK_STR(written(copy), "{\"a\":[1,{\"b\":\"c\"},\"x\"],\"d\":true}");
}

TEST(equality_is_by_value_without_regard_to_member_order)
{
	CHECK(json_equal(parse("{\"a\":1,\"b\":[2]}"), parse("{ \"b\":[ 2 ],\"a\":1}")));
	CHECK(!json_equal(parse("{\"a\":1}"), parse("{\"a\":1.0}")));
	CHECK(!json_equal(parse("{\"a\":1,\"b\":1}"), parse("{\"a\":1,\"c\":1}")));
	CHECK(!json_equal(parse("[1,2]"), parse("[2,1]")));
	CHECK(!json_equal(parse("[1]"), parse("[1,1]")));
	CHECK(!json_equal(parse("true"), parse("false")));
	CHECK(!json_equal(parse("\"1\""), parse("1")));
	CHECK(json_equal(parse("\"\\u0041\""), parse("\"A\"")));
}

static bool shorter(const struct json *x, const struct json *y)
{
	return x->text.n < y->text.n;
}

TEST(sort_is_stable_and_touches_nothing_when_in_order)
{
	struct json *j = parse("[\"a\", \"b\", \"cc\", \"dd\"]");
	struct json *k = parse("[\"ccc\", \"bb\", \"a\", \"dd\", \"e\", \"fff\", \"g\"]");

	json_sort(j, shorter);
	CHECK(!json_changed(j));
	json_sort(k, shorter);
	CHECK_STR(written(k), "[\"a\", \"e\", \"g\", \"bb\", \"dd\", \"ccc\", \"fff\"]");
	CHECK(str_is(k->last->text, "fff") && !k->last->next);
}

static const char *quoted(struct str text)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_quote(&b, text);
	return arena_str(&arena, strbuf_str(&b));
}

TEST(quoting_escapes_what_must_be_and_never_gives_bad_utf8)
{
	CHECK_STR(quoted(STR("a\"\\/\b\f\n\r\t\x01\x1f\x7f<\xc3\xa9\xff\xe2\x82")),
		  "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f<\xc3\xa9"
		  "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
	CHECK_STR(quoted((struct str){"a\0b", 3}), "\"a\\u0000b\"");
	CHECK_STR(quoted(STR("")), "\"\"");
}

TEST(compact_and_indented_writing_do_not_look_at_the_source)
{
	struct json *j = parse("{ \"a\" : [ 1 , { } ], \"b\":{\"c\": \"\\u0041\"}, \"d\": [ ] }");

	CHECK_STR(compact(j), "{\"a\":[1,{}],\"b\":{\"c\":\"A\"},\"d\":[]}");
	CHECK_STR(indented(j, 2),
		  "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": {\n    \"c\": \"A\"\n"
		  "  },\n  \"d\": []\n}");
	CHECK_STR(compact(parse("7")), "7");
}
