/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * str: borrowed slices of text, a growing buffer, and strict numbers.
 *
 * A struct str points into memory that somebody else owns and need not end
 * with a NUL. Functions that read take slices; functions that hand text to the
 * kernel take NUL-terminated strings. To print a slice: "%.*s", STR_ARG(s).
 */

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "base/macro.h"

struct str {
	const char *p;
	size_t n;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).n, (s).p

static inline struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

bool str_eq(struct str a, struct str b);
bool str_is(struct str a, const char *b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_is_nocase(struct str a, const char *b);
bool str_has_prefix(struct str s, const char *prefix);
bool str_has_suffix(struct str s, const char *suffix);
bool str_contains(struct str s, const char *part);

/* Less than, equal to or greater than 0, in byte order. */
int str_cmp(struct str a, struct str b);

/* Without blanks (space, tab, newline, carriage return) at both ends. */
struct str str_trim(struct str s);

/* The part from index from on; to excludes. Out of range is cut. */
struct str str_sub(struct str s, size_t from, size_t to);

/*
 * Takes the text before the first sep off *rest and stores it in *ret. The
 * last piece is what has no sep behind it; after that, false. An empty *rest
 * with p != NULL gives one empty piece, as splitting does elsewhere.
 */
bool str_split(struct str *rest, char sep, struct str *ret);

/* The position of c, or s.n. */
size_t str_find(struct str s, char c);

/*
 * Numbers: the whole string, digits only (no sign but '-' for i64, no blanks,
 * no prefix), in range. 0, or -EINVAL, or -ERANGE; *ret is then untouched.
 */
int str_to_u32(struct str s, uint32_t *ret) MUST_USE;
int str_to_u64(struct str s, uint64_t *ret) MUST_USE;
int str_to_i64(struct str s, int64_t *ret) MUST_USE;
int str_to_u32_base(struct str s, unsigned base, uint32_t *ret) MUST_USE; /* 8, 10 or 16 */

/*
 * A growing buffer that is always NUL-terminated once something was added.
 *
 *	AUTO(strbuf_done) struct strbuf b = {0};
 */
struct strbuf {
	char *p;
	size_t n;
	size_t size;
};

void strbuf_done(struct strbuf *b);
void strbuf_add(struct strbuf *b, struct str s);
void strbuf_adds(struct strbuf *b, const char *s);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) PRINTF(2, 3);
void strbuf_reset(struct strbuf *b);

/* Room for n more bytes; the caller writes them and adds to b->n. */
char *strbuf_room(struct strbuf *b, size_t n);

/* What was built, for the caller to free; never NULL. The buffer is empty again. */
char *strbuf_steal(struct strbuf *b) MUST_USE;

static inline struct str strbuf_str(const struct strbuf *b)
{
	return (struct str){b->p ? b->p : "", b->n};
}

/* Whether s begins with a control character of U+0080 to U+009F: some terminals obey these, too. */
bool str_is_c1(struct str s);

/* Adds s with control characters and '\\' as \xNN: for text of unknown origin in messages. */
void strbuf_escape(struct strbuf *b, struct str s);
