/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include "test.h"

TEST(split_gives_every_piece_and_one_empty_piece_for_empty_text)
{
	struct str rest = STR("a,,b"), piece;

	CHECK(str_split(&rest, ',', &piece) && str_is(piece, "a"));
	CHECK(str_split(&rest, ',', &piece) && str_is(piece, ""));
	CHECK(str_split(&rest, ',', &piece) && str_is(piece, "b"));
	CHECK(!str_split(&rest, ',', &piece));

	rest = STR("");
	CHECK(str_split(&rest, ',', &piece) && piece.n == 0);
	CHECK(!str_split(&rest, ',', &piece));
}

TEST(numbers_take_the_whole_string_and_the_range)
{
	uint32_t u = 7;
	int64_t i = 7;

	CHECK_INT(str_to_u32(STR("4294967295"), &u), 0);
	CHECK_INT(u, 4294967295u);
	CHECK_INT(str_to_u32(STR("4294967296"), &u), -ERANGE);
	CHECK_INT(str_to_u32(STR("18446744073709551616"), &u), -ERANGE);
	CHECK_INT(str_to_u32(STR(""), &u), -EINVAL);
	CHECK_INT(str_to_u32(STR("+1"), &u), -EINVAL);
	CHECK_INT(str_to_u32(STR(" 1"), &u), -EINVAL);
	CHECK_INT(str_to_u32(STR("1x"), &u), -EINVAL);
	CHECK_INT(str_to_u32_base(STR("755"), 8, &u), 0);
	CHECK_INT(u, 0755);
	CHECK_INT(str_to_u32_base(STR("8"), 8, &u), -EINVAL);
	CHECK_INT(u, 0755);
	CHECK_INT(str_to_i64(STR("-9223372036854775808"), &i), 0);
	CHECK(i == INT64_MIN);
	CHECK_INT(str_to_i64(STR("-9223372036854775809"), &i), -ERANGE);
	CHECK_INT(str_to_i64(STR("9223372036854775808"), &i), -ERANGE);
}

TEST(buffer_grows_and_is_always_terminated)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	auto_free char *s = NULL;

	for (int i = 0; i < 1000; i++)
		strbuf_printf(&b, "%d,", i);
	CHECK_INT(strlen(b.p), b.n);
	CHECK(str_has_suffix(strbuf_str(&b), "998,999,"));
	strbuf_reset(&b);
	strbuf_escape(&b, STR("a\n\\\x7f"));
	CHECK_STR(b.p, "a\\x0a\\x5c\\x7f");
	s = strbuf_steal(&b);
	CHECK_INT(b.n, 0);
	CHECK_STR(s, "a\\x0a\\x5c\\x7f");
	/* U+009B begins a command as ESC [ does; what is no control character stays. */
	strbuf_escape(&b, STR("\xc2\x9b"
			      "2J\xc2\xa0\xc3\x9b\xc2"));
	CHECK_STR(b.p, "\\xc2\\x9b2J\xc2\xa0\xc3\x9b\xc2");
}

TEST(trim_prefix_suffix_and_case)
{
	CHECK(str_is(str_trim(STR(" \t a b\r\n")), "a b"));
	CHECK(str_trim(STR("  ")).n == 0);
	CHECK(str_has_prefix(STR("abc"), "ab") && !str_has_prefix(STR("a"), "ab"));
	CHECK(str_has_suffix(STR("abc"), "bc") && !str_has_suffix(STR("c"), "bc"));
	CHECK(str_is_nocase(STR("OciVersion"), "ociversion") && !str_is_nocase(STR("a"), "ab"));
	CHECK(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("b"), STR("ab")) > 0);
}
