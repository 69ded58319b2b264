/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/arena.h"
#include "codec/ldcache.h"

#define X86_64 (LDCACHE_LIBC6 | LDCACHE_ARCH_X86_64)

static struct arena arena;

static void add(struct ldcache *c, struct ldcache_entry entry)
{
	arena_push(&arena, c, entry);
}

static void add_library(struct ldcache *c, const char *soname, const char *path)
{
	add(c, (struct ldcache_entry){.flags = X86_64, .soname = soname, .path = path});
}

static struct ldcache parse(struct str bytes)
{
	struct ldcache c = {0};
	struct err e;

	CHECK_OK(ldcache_parse(&arena, bytes, "cache", &c, &e), &e);
	return c;
}

static void check_damaged(struct str bytes, const char *part)
{
	struct ldcache c = {0};
	struct err e = {""};

	CHECK_INT(ldcache_parse(&arena, bytes, "cache", &c, &e), -EBADMSG);
	CHECK(c.n == 0);
	if (!strstr(e.text, part))
		FAIL("\"%s\" does not say \"%s\"", e.text, part);
}

/* Two libraries, one of them also for newer processors. */
static void write_sample(struct strbuf *b)
{
	struct ldcache c = {0};

	add_library(&c, "libc.so.6", "/lib/libc.so.6");
	add_library(&c, "libcuda.so.1", "/usr/lib/libcuda.so.1");
	add(&c, (struct ldcache_entry){.flags = X86_64,
				       .hwcap = UINT64_C(2) << LDCACHE_ISA_SHIFT,
				       .hwcaps = "x86-64-v3",
				       .soname = "libc.so.6",
				       .path = "/lib/glibc-hwcaps/x86-64-v3/libc.so.6.1"});
	ldcache_write(&c, b);
}

static void set32(struct strbuf *b, size_t at, uint32_t value)
{
	memcpy(b->p + at, &value, sizeof(value));
}

TEST(names_compare_by_the_value_of_their_numbers)
{
	CHECK(ldcache_compare("libx.so.10", "libx.so.9") > 0);
	CHECK(ldcache_compare("libx.so.1", "libx.so.1") == 0);
	CHECK(ldcache_compare("libx.so.01", "libx.so.1") == 0);
	CHECK(ldcache_compare("libx.so", "libx.so.1") < 0);
	CHECK(ldcache_compare("libx1.so", "libxa.so") > 0);
	CHECK(ldcache_compare("libxa.so", "libx1.so") < 0);
	CHECK(ldcache_compare("liba.so", "libb.so") < 0);
}

TEST(what_was_written_is_read_back_in_the_loaders_order)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct ldcache c;

	write_sample(&b);
	c = parse(strbuf_str(&b));
	CHECK_INT(c.n, 3);
	CHECK_STR(c.v[0].soname, "libcuda.so.1");
	CHECK_STR(c.v[0].path, "/usr/lib/libcuda.so.1");
	CHECK_INT(c.v[0].flags, X86_64);
	CHECK(!c.v[0].hwcaps);
	CHECK_STR(c.v[1].hwcaps, "x86-64-v3");
	CHECK_STR(c.v[1].path, "/lib/glibc-hwcaps/x86-64-v3/libc.so.6.1");
	CHECK_INT(c.v[1].hwcap >> LDCACHE_ISA_SHIFT, 2);
	CHECK_STR(c.v[2].path, "/lib/libc.so.6");
}

TEST(the_first_of_equal_names_stays_first)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct ldcache c = {0};
	char names[64][16];

	add_library(&c, "libcuda.so.1", "/compat/libcuda.so.1");
	add_library(&c, "libcuda.so.1", "/driver/libcuda.so.1");
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "libb%zu.so", i * 37 % 64);
		add_library(&c, names[i], names[i]);
	}
	add_library(&c, "libcuda.so.1", "/image/libcuda.so.1");
	ldcache_write(&c, &b);
	c = parse(strbuf_str(&b));
	CHECK_INT(c.n, 67);
	CHECK_STR(c.v[0].path, "/compat/libcuda.so.1");
	CHECK_STR(c.v[1].path, "/driver/libcuda.so.1");
	CHECK_STR(c.v[2].path, "/image/libcuda.so.1");
	for (size_t i = 3; i + 1 < c.n; i++)
		CHECK(ldcache_compare(c.v[i].soname, c.v[i + 1].soname) > 0);
}

TEST(kinds_of_one_name_are_sorted_by_their_flags)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct ldcache c = {0};

	add(&c, (struct ldcache_entry){.flags = LDCACHE_LIBC6, .soname = "l", .path = "/lib32/l"});
	add(&c, (struct ldcache_entry){.flags = X86_64, .soname = "l", .path = "/lib64/l"});
	ldcache_write(&c, &b);
	c = parse(strbuf_str(&b));
	CHECK_STR(c.v[0].path, "/lib64/l");
	CHECK_STR(c.v[1].path, "/lib32/l");
}

TEST(numbers_too_large_for_an_int_do_not_break_the_order)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct ldcache c = {0};

	add_library(&c, "lib.so.99999999999999999999", "/a");
	add_library(&c, "lib.so.4294967296", "/b");
	add_library(&c, "lib.so.2147483648", "/c");
	add_library(&c, "lib.so.1", "/d");
	ldcache_write(&c, &b);
	CHECK_INT(parse(strbuf_str(&b)).n, 4);
}

TEST(an_empty_cache_is_a_cache)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct ldcache c = {0};

	ldcache_write(&c, &b);
	CHECK_INT(parse(strbuf_str(&b)).n, 0);
}

TEST(the_cache_behind_something_else_starts_its_offsets_there)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct ldcache c = {0};

	strbuf_adds(&b, "12345678");
	add_library(&c, "liba.so.1", "/lib/liba.so.1");
	ldcache_write(&c, &b);
	c = parse(str_sub(strbuf_str(&b), 8, b.n));
	CHECK_STR(c.v[0].path, "/lib/liba.so.1");
}

TEST(the_old_format_is_read_alone_and_with_the_new_one_behind_it)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	static const char strings[] = "liba.so.1\0/lib/liba.so.1";
	struct ldcache c;

	strbuf_add(&b, (struct str){"ld.so-1.7.0\0\1\0\0\0", 16});
	strbuf_add(&b, (struct str){"\3\3\0\0\0\0\0\0\12\0\0\0", 12});
	strbuf_add(&b, (struct str){strings, sizeof(strings)});
	c = parse(strbuf_str(&b));
	CHECK_INT(c.n, 1);
	CHECK_STR(c.v[0].path, "/lib/liba.so.1");
	CHECK_INT(c.v[0].flags, X86_64);

	b.n = 28;
	strbuf_add(&b, (struct str){"\0\0\0\0", 4});
	/* glibc counts the extension from the beginning of the file; this one has none. */
	c = (struct ldcache){0};
	add_library(&c, "libz.so.1", "/lib/libz.so.1");
	ldcache_write(&c, &b);
	set32(&b, 32 + 32, 0);
	c = parse(strbuf_str(&b));
	CHECK_INT(c.n, 1);
	CHECK_STR(c.v[0].soname, "libz.so.1");
}

TEST(damage_is_found_and_named)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *says;
	} cases[] = {{20, 1000, "fewer entries"},     {20, UINT32_MAX, "fewer entries"},
		     {32, 3, "extensions"},	      {32, UINT32_MAX & ~3U, "extensions"},
		     {32, 48, "extensions"},	      {28, 3, "big-endian"},
		     {48 + 4, UINT32_MAX, "outside"}, {48 + 8, 100000, "outside"},
		     {48 + 24 + 16, 5, "not listed"}};

	check_damaged(STR(""), "not a loader cache");
	check_damaged(STR("glibc-ld.so.cache1.1"), "not a loader cache");
	check_damaged(STR("ld.so-1.7.0"), "not a loader cache");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO(strbuf_done) struct strbuf b = {0};

		write_sample(&b);
		set32(&b, cases[i].at, cases[i].value);
		check_damaged(strbuf_str(&b), cases[i].says);
	}
}

TEST(a_cache_cut_anywhere_is_damaged_or_shorter_but_never_read_beyond)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	write_sample(&b);
	for (size_t n = 0; n < b.n; n++) {
		/* A block of exactly n bytes, so that the sanitizer sees one byte too many. */
		auto_free char *cut = mem_dup(b.p, n);
		auto_free char *exact = malloc(n > 0 ? n : 1);
		struct ldcache c = {0};

		memcpy(exact, cut, n);
		(void)!ldcache_parse(&arena, (struct str){exact, n}, "cache", &c, NULL);
	}
}
