/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "codec/json-internal.h"
#include "codec/toml-internal.h"

#define MAX_DEPTH 64

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take(struct str *s, const char *set)
{
	if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* Digits of set with single underscores between; how many. */
static size_t take_digits(struct str *s, const char *set)
{
	size_t n = 0;

	while (take(s, set)) {
		n++;
		if (s->n > 1 && s->p[0] == '_' && s->p[1] != '_' && strchr(set, s->p[1]))
			*s = str_sub(*s, 1, s->n);
	}
	return n;
}

/* Exactly n digits with a value of at most max. */
static bool take_field(struct str *s, size_t n, uint32_t min, uint32_t max, uint32_t *ret)
{
	struct str digits = str_sub(*s, 0, n);

	if (digits.n < n || str_to_u32(digits, ret) < 0 || *ret < min || *ret > max)
		return false;
	*s = str_sub(*s, n, s->n);
	return true;
}

static bool take_date(struct str *s)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	uint32_t year, month, day, last;

	if (!take_field(s, 4, 0, 9999, &year) || !take(s, "-") ||
	    !take_field(s, 2, 1, 12, &month) || !take(s, "-"))
		return false;
	last = days[month - 1];
	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		last = 29;
	return take_field(s, 2, 1, last, &day);
}

static bool take_time(struct str *s)
{
	uint32_t n;

	if (!take_field(s, 2, 0, 23, &n) || !take(s, ":") || !take_field(s, 2, 0, 59, &n) ||
	    !take(s, ":") || !take_field(s, 2, 0, 60, &n))
		return false;
	if (!take(s, "."))
		return true;
	if (s->n == 0 || !is_digit(s->p[0]))
		return false;
	while (take(s, "0123456789"))
		;
	return true;
}

static bool take_offset(struct str *s)
{
	uint32_t n;

	if (take(s, "Zz"))
		return true;
	return take(s, "+-") && take_field(s, 2, 0, 23, &n) && take(s, ":") &&
	       take_field(s, 2, 0, 59, &n);
}

/* The length of a date, a time or both at the beginning of s; 0 when there is none. */
static size_t date_length(struct str s)
{
	struct str left = s, before;

	if (!take_date(&left)) {
		left = s;
		return take_time(&left) ? s.n - left.n : 0;
	}
	before = left;
	if (!take(&left, "Tt ") || !take_time(&left))
		return s.n - before.n;
	before = left;
	return s.n - (take_offset(&left) ? left.n : before.n);
}

/* The text without its underscores and plus signs in front. */
static struct str plain_number(struct toml_parser *p, struct str s)
{
	char *to = arena_alloc(p->t->a, s.n + 1);
	size_t n = 0;

	(void)take(&s, "+");
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '_')
			to[n++] = s.p[i];
	return (struct str){to, n};
}

static bool read_prefixed(struct toml_parser *p, struct str s, struct str *ret)
{
	static const struct {
		char prefix[3];
		unsigned char bits;
		char digits[23];
	} bases[] = {{"0x", 4, "0123456789abcdefABCDEF"}, {"0o", 3, "01234567"}, {"0b", 1, "01"}};

	for (size_t i = 0; i < COUNT_OF(bases); i++) {
		struct str left = str_sub(s, 2, s.n), digits;
		uint64_t value = 0;

		if (!str_has_prefix(s, bases[i].prefix))
			continue;
		if (take_digits(&left, bases[i].digits) == 0 || left.n > 0)
			return false;
		digits = plain_number(p, str_sub(s, 2, s.n));
		for (size_t k = 0; k < digits.n; k++) {
			uint32_t digit = 0;

			if (value >> (63 - bases[i].bits) != 0 ||
			    str_to_u32_base(str_sub(digits, k, k + 1), 16, &digit) < 0)
				return false;
			value = value << bases[i].bits | digit;
		}
		*ret = str_of(arena_printf(p->t->a, "%" PRIu64, value));
		return true;
	}
	return false;
}

/* An integer or a float, as JSON writes it. */
static bool read_number(struct toml_parser *p, struct str s, struct str *ret)
{
	static const char decimal[] = "0123456789";
	struct str left = s, whole;
	bool is_float = false;
	int64_t value;
	size_t n;

	(void)take(&left, "+-");
	if (str_is(left, "inf") || str_is(left, "nan")) {
		*ret = plain_number(p, s);
		return true;
	}
	whole = left;
	n = take_digits(&left, decimal);
	if (n == 0 || (n > 1 && whole.p[0] == '0'))
		return read_prefixed(p, s, ret);
	if (take(&left, ".")) {
		is_float = true;
		if (take_digits(&left, decimal) == 0)
			return false;
	}
	if (take(&left, "eE")) {
		is_float = true;
		(void)take(&left, "+-");
		if (take_digits(&left, decimal) == 0)
			return false;
	}
	if (left.n > 0)
		return !is_float && read_prefixed(p, s, ret);
	*ret = plain_number(p, s);
	return is_float || str_to_i64(*ret, &value) == 0;
}

static int parse_bare(struct toml_parser *p, struct toml_node **ret)
{
	struct str s = str_sub(p->t->text, p->at, p->t->text.n), token, number;
	struct toml_node *node = toml_new_node(p, JSON_STRING, TOML_VALUE);
	size_t n = date_length(s), start = p->at;

	if (n == 0)
		while (n < s.n && s.p[n] && !strchr(" \t\r\n,]}#=", s.p[n]))
			n++;
	token = str_sub(s, 0, n);
	p->at += n;
	if (n == 0)
		return toml_fail(p, start, EBADMSG, "expected a value");
	if (str_is(token, "true") || str_is(token, "false")) {
		node->json.type = JSON_BOOL;
		node->json.boolean = str_is(token, "true");
	} else if (date_length(token) == n) {
		node->json.text = token;
	} else if (read_number(p, token, &number)) {
		node->json.type = JSON_NUMBER;
		node->json.text = number;
	} else {
		bool numeric = is_digit(token.p[0]) || strchr("+-", token.p[0]);

		return toml_fail(p, start, EBADMSG, "\"%.*s\" is not a %s",
				 STR_ARG(str_sub(token, 0, 40)),
				 numeric ? "number or date of TOML, or does not fit into 64 bits"
					 : "value (text needs quotes)");
	}
	*ret = node;
	return 0;
}

static int parse_array(struct toml_parser *p, struct toml_node **ret)
{
	struct toml_node *array = toml_new_node(p, JSON_ARRAY, TOML_VALUE), *value = NULL;
	int r;

	p->at++;
	for (;;) {
		r = toml_skip_lines(p);
		if (r < 0)
			return r;
		if (toml_peek(p) == ']')
			break;
		r = toml_parse_value(p, NULL, &value);
		if (r < 0)
			return r;
		json_link(&array->json, &value->json);
		r = toml_skip_lines(p);
		if (r < 0)
			return r;
		if (toml_peek(p) == ']')
			break;
		if (toml_peek(p) != ',')
			return toml_fail(p, p->at, EBADMSG, "expected ',' or ']' in an array");
		p->at++;
	}
	p->at++;
	*ret = array;
	return 0;
}

static int parse_inline(struct toml_parser *p, const struct toml_path *path, struct toml_node **ret)
{
	struct toml_node *table = toml_new_node(p, JSON_OBJECT, TOML_INLINE);
	unsigned outside = p->section;
	int r = 0;

	/* Its dotted keys are a section of their own: nothing outside may add to them. */
	table->section = p->section = ~(unsigned)p->nodes;
	p->at++;
	toml_skip_blanks(p);
	while (toml_peek(p) != '}') {
		r = toml_parse_keyval(p, table, path, TOML_INLINE_KEY);
		if (r < 0)
			return r;
		toml_skip_blanks(p);
		if (toml_peek(p) == '}')
			break;
		if (toml_peek(p) != ',')
			return toml_fail(p, p->at, EBADMSG,
					 "expected ',' or '}' in an inline table");
		p->at++;
		toml_skip_blanks(p);
		if (toml_peek(p) == '}')
			return toml_fail(p, p->at, EBADMSG,
					 "an inline table must not end with a comma");
	}
	p->at++;
	p->section = outside;
	*ret = table;
	return 0;
}

int toml_parse_value(struct toml_parser *p, const struct toml_path *path, struct toml_node **ret)
{
	struct toml_node *node = NULL;
	size_t start = p->at;
	int c = toml_peek(p), r;

	if (++p->depth > MAX_DEPTH)
		return toml_fail(p, p->at, EFBIG, "nested deeper than %d levels", MAX_DEPTH);
	if (c == '"' || c == '\'') {
		node = toml_new_node(p, JSON_STRING, TOML_VALUE);
		r = toml_parse_string(p, false, &node->json.text);
	} else if (c == '[') {
		r = parse_array(p, &node);
	} else if (c == '{') {
		r = parse_inline(p, path, &node);
	} else {
		r = parse_bare(p, &node);
	}
	if (r < 0)
		return r;
	p->depth--;
	node->json.start = (uint32_t)start;
	node->json.end = (uint32_t)p->at;
	*ret = node;
	return 0;
}
