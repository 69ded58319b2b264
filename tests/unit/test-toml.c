/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/toml.h"

#include "test.h"

static struct arena arena;

static struct toml *parse(const char *text)
{
	struct toml *t = NULL;
	struct err e;

	CHECK_OK(toml_parse(&arena, str_of(text), "c.toml", &t, &e), &e);
	return t;
}

static const char *json_of(const struct json *j)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_write_compact(j, &b);
	return arena_str(&arena, strbuf_str(&b));
}

static const char *as_json(const char *text)
{
	return json_of(toml_root(parse(text)));
}

static const char *bad(const char *text)
{
	static struct err e;
	struct toml *t;

	CHECK_INT(toml_parse(&arena, str_of(text), "c.toml", &t, &e), -EBADMSG);
	return e.text;
}

/* The text after setting a key to a value that is given as JSON. */
static const char *set(struct toml *t, const char *key, const char *value)
{
	struct json *j = NULL;
	struct err e;

	CHECK_OK(json_parse(&arena, str_of(value), "value", NULL, &j, &e), &e);
	CHECK_OK(toml_set(t, key, j, &e), &e);
	CHECK(toml_get(t, key) && json_equal(toml_get(t, key), j));
	return toml_text(t).p;
}

static const char *set_in(const char *text, const char *key, const char *value)
{
	return set(parse(text), key, value);
}

static const char *removed(const char *text, const char *key)
{
	struct toml *t = parse(text);
	struct err e;

	CHECK_INT(toml_remove(t, key, &e), 1);
	CHECK(!toml_get(t, key));
	return toml_text(t).p;
}

TEST(tables_and_dotted_keys_become_objects)
{
	CHECK_STR(as_json("a = 1\n[b]\nc.d = 2\nc.e = 3\n[b.f]\n\"g h\" = 4\n'i.j' = 5\n[k.l.m]\n"),
		  "{\"a\":1,\"b\":{\"c\":{\"d\":2,\"e\":3},\"f\":{\"g "
		  "h\":4,\"i.j\":5}},\"k\":{\"l\":{"
		  "\"m\":{}}}}");
	CHECK_STR(as_json("[a.b]\nx=1\n[a]\ny=2\n[ a . c ]"),
		  "{\"a\":{\"b\":{\"x\":1},\"y\":2,\"c\":{}}}");
	CHECK_STR(as_json("[[p]]\nn=1\n[p.s]\nq=1\n[[p]]\n[[p.v]]\nw=1\n[[p.v]]\n"),
		  "{\"p\":[{\"n\":1,\"s\":{\"q\":1}},{\"v\":[{\"w\":1},{}]}]}");
	CHECK_STR(as_json("a = { b = 1, c.d = { e = [ ] } }\nf={}"),
		  "{\"a\":{\"b\":1,\"c\":{\"d\":{\"e\":[]}}},\"f\":{}}");
	CHECK_STR(as_json("1 = 2\n-a_ = 3\n\"\" = 4"), "{\"1\":2,\"-a_\":3,\"\":4}");
	CHECK_STR(as_json("apple.color = 1\n[fruit]\napple.color = 1\n[fruit.apple.taste]\nx=1\n"),
		  "{\"apple\":{\"color\":1},\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"x\":1}}}"
		  "}");
	CHECK_STR(as_json(""), "{}");
	CHECK_STR(as_json("\xef\xbb\xbf# only a comment\r\n"), "{}");
}

TEST(arrays_span_lines_and_end_with_a_comma_or_not)
{
	CHECK_STR(as_json("a = [ 1, # one\n  2,\n\n # two\n]\nb=[[1],['x',{y=1}]]"),
		  "{\"a\":[1,2],\"b\":[[1],[\"x\",{\"y\":1}]]}");
}

TEST(numbers_are_read_as_decimal)
{
	CHECK_STR(as_json("a=[0, +1, -17, 1_000, 0xDEAD_beef, 0o755, 0b1101, -0]"),
		  "{\"a\":[0,1,-17,1000,3735928559,493,13,-0]}");
	CHECK_STR(as_json("a=[9223372036854775807, -9223372036854775808, 0x7fffffffffffffff]"),
		  "{\"a\":[9223372036854775807,-9223372036854775808,9223372036854775807]}");
	CHECK_STR(as_json("a=[1.0, -0.01, 5e+22, 1e06, 6.626e-34, 9_224.4_4, +1.5]"),
		  "{\"a\":[1.0,-0.01,5e+22,1e06,6.626e-34,9224.44,1.5]}");
	CHECK(str_is(toml_get(parse("a=-inf"), "a")->text, "-inf"));
	CHECK(json_is(toml_get(parse("a=+nan"), "a"), JSON_NUMBER));
}

TEST(dates_are_strings_as_written)
{
	CHECK_STR(as_json("a=[1979-05-27T07:32:00Z, 1979-05-27 00:32:00.999-07:00, "
			  "1979-05-27t07:32:00,"
			  "1979-05-27, 07:32:00.5, 2000-02-29, 1979-05-27 ]"),
		  "{\"a\":[\"1979-05-27T07:32:00Z\",\"1979-05-27 00:32:00.999-07:00\","
		  "\"1979-05-27t07:32:00\",\"1979-05-27\",\"07:32:00.5\",\"2000-02-29\",\"1979-05-"
		  "27\"]}");
}

TEST(strings_of_all_four_kinds)
{
	CHECK_STR(as_json("a=\"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\t\""),
		  "{\"a\":\"\\b\\t\\n\\f\\r\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80\\t\"}");
	CHECK_STR(as_json("a='C:\\x\\'\nb=''\nc=\"\""),
		  "{\"a\":\"C:\\\\x\\\\\",\"b\":\"\",\"c\":\"\"}");
	CHECK_STR(as_json("a=\"\"\"\none\r\n two\"\"\""), "{\"a\":\"one\\n two\"}");
	CHECK_STR(as_json("a=\"\"\"x \\  \n\n   y\\\n  \"\"\""), "{\"a\":\"x y\"}");
	CHECK_STR(as_json("a=\"\"\"\"q\"\" \"\"\"\"\"\nb=''''q'' "
			  "'''''\nc=''''''\nd=\"\"\"a\\\"\"\"\"\""),
		  "{\"a\":\"\\\"q\\\"\\\" \\\"\\\"\",\"b\":\"'q'' "
		  "''\",\"c\":\"\",\"d\":\"a\\\"\\\"\"}");
	CHECK_STR(as_json("a='''\nx\\\ny'''"), "{\"a\":\"x\\\\\\ny\"}");
}

TEST(what_is_not_toml_is_refused_with_its_place)
{
	CHECK_STR(bad("a = 1\nb = \n"), "c.toml:2:5: expected a value");
	CHECK_STR(bad("a = yes\n"), "c.toml:1:5: \"yes\" is not a value (text needs quotes)");
	CHECK_STR(bad("a = /usr/bin\n"),
		  "c.toml:1:5: \"/usr/bin\" is not a value (text needs quotes)");
	CHECK_STR(bad("a 1"), "c.toml:1:3: expected '=' behind the key");
	CHECK_STR(bad("= 1"), "c.toml:1:1: expected a key");
	CHECK_STR(bad("a. = 1"), "c.toml:1:4: expected a key");
	CHECK_STR(bad("a = 1 b = 2"), "c.toml:1:7: expected the end of the line");
	CHECK_STR(bad("[a\n"), "c.toml:1:3: expected ']' behind the table's name");
	CHECK_STR(bad("[[a]\n"), "c.toml:1:4: expected ']]' behind the table's name");
	CHECK_STR(bad("[]"), "c.toml:1:2: expected a key");
	CHECK_STR(bad("a=[1 2]"), "c.toml:1:6: expected ',' or ']' in an array");
	CHECK_STR(bad("a=[1,,2]"), "c.toml:1:6: expected a value");
	CHECK_STR(bad("a={b=1,}"), "c.toml:1:8: an inline table must not end with a comma");
	CHECK_STR(bad("a={b=1 c=2}"), "c.toml:1:8: expected ',' or '}' in an inline table");
	(void)bad("a={b=1,\nc=2}");
	CHECK_STR(bad("a=\"x\n\""), "c.toml:1:5: a string has no closing quote on its line");
	CHECK_STR(bad("a=\"x"), "c.toml:1:3: a string has no closing quote");
	(void)bad("a='''x''");
	(void)bad("\"\"\"a\"\"\" = 1");
	CHECK_STR(bad("a=\"\\q\""), "c.toml:1:4: unknown escape in a string (a backslash is \\\\)");
	CHECK_STR(bad("a=\"\\ud800\""), "c.toml:1:4: there is no character U+D800");
	CHECK_STR(bad("a=\"\\u0000\""), "c.toml:1:4: a string must not contain U+0000");
	CHECK_STR(bad("a=\"\\u12\""), "c.toml:1:4: \\u needs 4 hexadecimal digits");
	CHECK_STR(bad("a=\"\x01\""), "c.toml:1:4: byte 0x01 in a string must be an escape");
	CHECK_STR(bad("# \x7f"), "c.toml:1:3: byte 0x7f in a comment");
	CHECK_STR(bad("a=1\rb=2"), "c.toml:1:4: expected the end of the line");
	CHECK_STR(bad("a='\xff'"), "c.toml:1:4: not valid UTF-8");
}

TEST(numbers_and_dates_have_one_grammar)
{
	static const char *const wrong[] = {"01",
					    "+01",
					    "1__0",
					    "_1",
					    "1_",
					    "0x",
					    "0xg",
					    "+0x1",
					    "0X1",
					    "1.",
					    ".5",
					    "1.e1",
					    "1e",
					    "1._5",
					    "1_.5",
					    "1e_5",
					    "--1",
					    "Inf",
					    "infinity",
					    "0x8000000000000000",
					    "9223372036854775808",
					    "1979-13-01",
					    "1979-02-29",
					    "1979-5-27",
					    "24:00:00",
					    "07:32",
					    "07:60:00",
					    "1979-05-27T",
					    "1979-05-27T07:32:00.Z",
					    "1979-05-27T07:32:00+24:00",
					    "TRUE",
					    "1,2"};

	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		(void)bad(arena_printf(&arena, "a = %s\n", wrong[i]));
}

TEST(nothing_is_defined_twice)
{
	CHECK_STR(bad("a=1\n\na=2"), "c.toml:3:1: a is defined already (line 1)");
	CHECK_STR(bad("[a]\n[b]\n[a]"), "c.toml:3:2: a is defined already (line 1)");
	(void)bad("a=1\n[a]");
	(void)bad("a=1\na.b=2");
	(void)bad("a.b=1\n[a]");
	(void)bad("[a.b]\nx=1\n[a]\nb.y=1");
	(void)bad("[a.b.c]\nz=9\n[a]\nb.c.t=1");
	(void)bad("[x]\na.b=1\n[x.a]");
	(void)bad("a={b=1}\na.c=2");
	(void)bad("a={b=1}\n[a.c]");
	(void)bad("a={b.c=1,b={d=1}}");
	(void)bad("a={b={c=1},b.d=1}");
	(void)bad("a={b=1,b=2}");
	(void)bad("a=[]\n[[a]]");
	(void)bad("[[a]]\n[a]");
	(void)bad("[a]\n[[a]]");
	(void)bad("[a.b]\n[[a]]");
	(void)bad("[[a.b]]\n[a]\nb.c=1");
	(void)bad("a=[{b=1}]\n[a.c]");
}

TEST(limits_hold)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct toml *t;
	struct err e;

	for (int i = 0; i < 65; i++)
		strbuf_adds(&b, i == 0 ? "a=[" : "[");
	CHECK_INT(toml_parse(&arena, strbuf_str(&b), "t", &t, &e), -EFBIG);
	strbuf_reset(&b);
	for (int i = 0; i < 10001; i++)
		strbuf_printf(&b, "k%d=1\n", i);
	CHECK_INT(toml_parse(&arena, strbuf_str(&b), "t", &t, &e), -EFBIG);
	strbuf_reset(&b);
	for (int i = 0; i <= 1 << 20; i++)
		strbuf_addc(&b, '\n');
	CHECK_INT(toml_parse(&arena, strbuf_str(&b), "t", &t, &e), -EFBIG);
}

TEST(get_takes_dotted_and_quoted_keys)
{
	struct toml *t = parse("[a.'b.c']\nd = 7\n[[l]]\nx=1\n");

	CHECK(str_is(toml_get(t, "a.'b.c'.d")->text, "7"));
	CHECK(str_is(toml_get(t, " a . \"b.c\" . d")->text, "7"));
	CHECK_INT(toml_get(t, "a.'b.c'.d")->line, 2);
	CHECK_INT(toml_get(t, "a.'b.c'.d")->column, 5);
	CHECK(json_is(toml_get(t, "a"), JSON_OBJECT));
	CHECK(json_is(toml_get(t, "l"), JSON_ARRAY) && !toml_get(t, "l.x"));
	CHECK(!toml_get(t, "a.b") && !toml_get(t, "") && !toml_get(t, "a..b") &&
	      !toml_get(t, "a.b x"));
}

static const char config[] =
	"# top\ndisable = false # why\n\n[cli]\n  path = \"\"  # p\n  # debug = 1\n\n"
	"# second\n[run]\nlist = [\n  1,\n]\n\n[run.modes.cdi]\nkind = 'x'\n";

TEST(setting_a_value_leaves_every_other_byte)
{
	struct toml *t = parse(config);

	CHECK_STR(set(t, "disable", "true"),
		  "# top\ndisable = true # why\n\n[cli]\n  path = \"\"  # p\n  # debug = 1\n\n"
		  "# second\n[run]\nlist = [\n  1,\n]\n\n[run.modes.cdi]\nkind = 'x'\n");
	CHECK_STR(set(t, "run.list", "[\"a\", 2, [true]]"),
		  "# top\ndisable = true # why\n\n[cli]\n  path = \"\"  # p\n  # debug = 1\n\n"
		  "# second\n[run]\nlist = [\"a\", 2, [true]]\n\n[run.modes.cdi]\nkind = 'x'\n");
	CHECK_STR(set(t, "cli.path", "\"\\u007f\\\"\\u0001\\n\""),
		  "# top\ndisable = true # why\n\n[cli]\n  path = \"\\u007F\\\"\\u0001\\n\"  # p\n"
		  "  # debug = 1\n\n"
		  "# second\n[run]\nlist = [\"a\", 2, [true]]\n\n[run.modes.cdi]\nkind = 'x'\n");
}

TEST(setting_what_is_there_already_changes_nothing)
{
	CHECK_STR(set_in("a = 'x' # y\nb=0x10", "a", "\"x\""), "a = 'x' # y\nb=0x10");
	CHECK_STR(set_in("a = 'x' # y\nb=0x10", "b", "16"), "a = 'x' # y\nb=0x10");
}

TEST(a_new_key_goes_to_the_end_of_its_table)
{
	CHECK_STR(set_in("[a]\nx=1\n\n# b\n[b]\n", "a.y", "2"), "[a]\nx=1\ny = 2\n\n# b\n[b]\n");
	CHECK_STR(set_in("[a]\n  x=1\n[a.s]\n[b]\n", "a.y", "2"),
		  "[a]\n  x=1\n  y = 2\n[a.s]\n[b]\n");
	CHECK_STR(set_in("[a]\n\n# b\n[b]\n", "a.y", "2"), "[a]\ny = 2\n\n# b\n[b]\n");
	CHECK_STR(set_in("x=1\n[a]\n", "y", "2"), "x=1\ny = 2\n[a]\n");
	CHECK_STR(set_in("x=1", "y", "2"), "x=1\ny = 2\n");
	CHECK_STR(set_in("", "y", "2"), "y = 2\n");
	CHECK_STR(set_in("# about\n\n# a\n[a]\n", "y", "2"), "# about\n\ny = 2\n\n# a\n[a]\n");
	CHECK_STR(set_in("x=1\r\n[a]\r\n", "y", "2"), "x=1\r\ny = 2\r\n[a]\r\n");
	CHECK_STR(set_in("[a]", "a.'b c'", "2"), "[a]\n\"b c\" = 2\n");
}

TEST(a_new_table_goes_to_the_end_of_the_document)
{
	CHECK_STR(set_in("x=1\n", "a.b.c", "2"), "x=1\n\n[a.b]\nc = 2\n");
	CHECK_STR(set_in("[a]\nx=1\n\n", "a.b.c", "2"), "[a]\nx=1\n\n[a.b]\nc = 2\n");
	CHECK_STR(set_in("[a.b]\nx=1", "a.y", "2"), "[a.b]\nx=1\n\n[a]\ny = 2\n");
	CHECK_STR(set_in("", "a.b", "2"), "[a]\nb = 2\n");
}

TEST(a_new_key_among_dotted_or_inline_ones_is_like_them)
{
	CHECK_STR(set_in("[t]\na.b = 1\nz = 3\n", "t.a.c.d", "2"),
		  "[t]\na.b = 1\na.c.d = 2\nz = 3\n");
	CHECK_STR(set_in("a = { b = 1 } # x\n", "a.c", "2"), "a = { b = 1, c = 2 } # x\n");
	CHECK_STR(set_in("a = {}\n", "a.c.d", "2"), "a = {c.d = 2}\n");
	CHECK_STR(set_in("a = { b = { c = 1 }, d.e = 1 }\n", "a.b.x", "2"),
		  "a = { b = { c = 1, x = 2 }, d.e = 1 }\n");
	CHECK_STR(set_in("a = { b = { c = 1 }, d.e = 1 }\n", "a.d.x", "2"),
		  "a = { b = { c = 1 }, d.e = 1, d.x = 2 }\n");
}

TEST(what_cannot_be_set_is_refused_and_nothing_changes)
{
	struct toml *t = parse("a = 1\n[b]\n[[c]]\n");
	struct err e;

	CHECK_INT(toml_set(t, "b", json_new_bool(&arena, true), &e), -EINVAL);
	CHECK_STR(e.text, "b is a table");
	CHECK_INT(toml_set(t, "c", json_new_bool(&arena, true), &e), -EINVAL);
	CHECK_INT(toml_set(t, "a.x", json_new_bool(&arena, true), &e), -EINVAL);
	CHECK_STR(e.text, "a is not a table that a key could be put into");
	CHECK_INT(toml_set(t, "c.x", json_new_bool(&arena, true), &e), -EINVAL);
	CHECK_INT(toml_set(t, "b..c", json_new_bool(&arena, true), &e), -EINVAL);
	CHECK_STR(e.text, "\"b..c\" is not a key (names with dots between)");
	CHECK_INT(toml_set(t, "x", json_new(&arena, JSON_OBJECT), &e), -EINVAL);
	CHECK_STR(toml_text(t).p, "a = 1\n[b]\n[[c]]\n");
}

TEST(removing_takes_the_line_or_the_whole_table)
{
	CHECK_STR(removed("a=1 # x\nb=2\n", "a"), "b=2\n");
	CHECK_STR(removed("a=1\nb=[\n1,\n]\n", "b"), "a=1\n");
	CHECK_STR(removed("x=1\n\n[a]\ny=1\n\n[a.b]\n\n# c\n[c]\n", "a"), "x=1\n\n# c\n[c]\n");
	CHECK_STR(removed("[a.b]\n[c]\n[a]\n", "a"), "[c]\n");
	CHECK_STR(removed("a.b=1\na.c=2\nd=3\n", "a"), "d=3\n");
	CHECK_STR(removed("[[x]]\n[x.s]\n[[x]]\n[y]\n", "x"), "[y]\n");
	CHECK_STR(removed("a = { b = 1, c = 2 }\n", "a.b"), "a = { c = 2 }\n");
	CHECK_STR(removed("a = { b = 1, c = 2 }\n", "a.c"), "a = { b = 1 }\n");
	CHECK_STR(removed("a = { b.x = 1, c = 2, b.y = 3 }\n", "a.b"), "a = { c = 2 }\n");
	CHECK_STR(removed("a = { b = {c = 1} }\n", "a.b"), "a = {  }\n");
	CHECK_INT(toml_remove(parse("a=1"), "b", NULL), 0);
	CHECK_INT(toml_remove(parse("a=1"), "a.b", NULL), 0);
	CHECK_INT(toml_remove(parse("a=1"), "?", NULL), -EINVAL);
}
