/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

bool str_is_nocase(struct str a, const char *b)
{
	return str_eq_nocase(a, str_of(b));
}

bool str_has_prefix(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool str_has_suffix(struct str s, const char *suffix)
{
	size_t n = strlen(suffix);

	return s.n >= n && memcmp(s.p + s.n - n, suffix, n) == 0;
}

bool str_contains(struct str s, const char *part)
{
	return memmem(s.p, s.n, part, strlen(part)) != NULL;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int r = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (r != 0)
		return r;
	return (a.n > b.n) - (a.n < b.n);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0]))
		s = str_sub(s, 1, s.n);
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){s.p + from, to - from};
}

size_t str_find(struct str s, char c)
{
	const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return hit ? (size_t)(hit - s.p) : s.n;
}

bool str_split(struct str *rest, char sep, struct str *ret)
{
	size_t at;

	if (!rest->p)
		return false;
	at = str_find(*rest, sep);
	*ret = str_sub(*rest, 0, at);
	*rest = at < rest->n ? str_sub(*rest, at + 1, rest->n) : (struct str){0};
	return true;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 99;
}

static int to_u64(struct str s, unsigned base, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < s.n; i++) {
		unsigned digit = (unsigned)digit_value(s.p[i]);

		if (digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

int str_to_u64(struct str s, uint64_t *ret)
{
	return to_u64(s, 10, ret);
}

int str_to_u32_base(struct str s, unsigned base, uint32_t *ret)
{
	uint64_t value;
	int r = to_u64(s, base, &value);

	if (r < 0)
		return r;
	if (value > UINT32_MAX)
		return -ERANGE;
	*ret = (uint32_t)value;
	return 0;
}

int str_to_u32(struct str s, uint32_t *ret)
{
	return str_to_u32_base(s, 10, ret);
}

int str_to_i64(struct str s, int64_t *ret)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	uint64_t value;
	int r = to_u64(negative ? str_sub(s, 1, s.n) : s, 10, &value);

	if (r < 0)
		return r;
	if (value > (uint64_t)INT64_MAX + (negative ? 1 : 0))
		return -ERANGE;
	*ret = negative ? (int64_t)(0 - value) : (int64_t)value;
	return 0;
}

void strbuf_done(struct strbuf *b)
{
	free(b->p);
	*b = (struct strbuf){0};
}

void strbuf_reset(struct strbuf *b)
{
	b->n = 0;
	if (b->p)
		b->p[0] = '\0';
}

char *strbuf_room(struct strbuf *b, size_t n)
{
	size_t need;

	if (__builtin_add_overflow(b->n, n, &need) ||
	    __builtin_add_overflow(need, (size_t)1, &need))
		mem_exhausted();
	if (need > b->size) {
		size_t size = b->size > 0 ? b->size : 64;

		while (size < need)
			size *= 2;
		b->p = mem_realloc(b->p, size);
		b->size = size;
	}
	return b->p + b->n;
}

void strbuf_add(struct strbuf *b, struct str s)
{
	char *to = strbuf_room(b, s.n);

	if (s.n > 0)
		memcpy(to, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

void strbuf_adds(struct strbuf *b, const char *s)
{
	strbuf_add(b, str_of(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_add(b, (struct str){&c, 1});
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_exhausted();
	(void)vsnprintf(strbuf_room(b, (size_t)n), (size_t)n + 1, fmt, again);
	va_end(again);
	b->n += (size_t)n;
}

char *strbuf_steal(struct strbuf *b)
{
	char *p;

	(void)strbuf_room(b, 0);
	b->p[b->n] = '\0';
	p = b->p;
	*b = (struct strbuf){0};
	return p;
}

bool str_is_c1(struct str s)
{
	return s.n >= 2 && (unsigned char)s.p[0] == 0xc2 && (unsigned char)s.p[1] >= 0x80 &&
	       (unsigned char)s.p[1] <= 0x9f;
}

void strbuf_escape(struct strbuf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (str_is_c1(str_sub(s, i, s.n)))
			strbuf_printf(b, "\\x%02x\\x%02x", c, (unsigned char)s.p[++i]);
		else if (c < 0x20 || c == 0x7f || c == '\\')
			strbuf_printf(b, "\\x%02x", c);
		else
			strbuf_addc(b, s.p[i]);
	}
}
