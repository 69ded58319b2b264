/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <errno.h>
#include <stdio.h>

#include "codec/json-internal.h"
#include "codec/utf8.h"

const struct json_limits json_limits_default = {
	.max_size = 16u << 20,
	.max_string = 1u << 20,
	.max_nodes = 1000000,
	.max_depth = 64,
	.free_map = "annotations",
};

struct parser {
	struct arena *a;
	struct str text;
	const char *name;
	const struct json_limits *limits;
	struct err *e;
	size_t at;
	size_t line_start;
	uint32_t line;
	size_t nodes;
	unsigned depth;
};

struct place {
	size_t line, column;
};

static struct place place_of(const struct parser *p, size_t at)
{
	struct place place = {1, 1};

	for (size_t i = 0; i < at; i++) {
		place.column++;
		if (p->text.p[i] == '\n')
			place = (struct place){place.line + 1, 1};
	}
	return place;
}

/* what: the text after "name:line:column: ". */
static int fail_at(struct parser *p, size_t at, int code, const char *what)
{
	struct place place = place_of(p, at);

	return err_set(p->e, code, "%s:%zu:%zu: %s", p->name, place.line, place.column, what);
}

/* What is at the place of an error, for its text. */
static const char *found(const struct parser *p, char to[16])
{
	unsigned char c;

	if (p->at >= p->text.n)
		return "the end of the text";
	c = (unsigned char)p->text.p[p->at];
	if (c == '\n')
		return "the end of the line";
	(void)snprintf(to, 16, c > 0x20 && c < 0x7f ? "'%c'" : "byte 0x%02x", c);
	return to;
}

static int fail_expected(struct parser *p, const char *what)
{
	char buf[16];

	return fail_at(p, p->at, EBADMSG,
		       arena_printf(p->a, "expected %s, found %s", what, found(p, buf)));
}

/* The next byte, or -1 at the end. */
static int peek(const struct parser *p)
{
	return p->at < p->text.n ? (unsigned char)p->text.p[p->at] : -1;
}

static void skip_blanks(struct parser *p)
{
	for (; p->at < p->text.n && json_is_blank(p->text.p[p->at]); p->at++) {
		if (p->text.p[p->at] == '\n') {
			p->line++;
			p->line_start = p->at + 1;
		}
	}
}

static int parse_hex4(struct parser *p, uint32_t *ret)
{
	struct str digits = str_sub(p->text, p->at, p->at + 4);

	if (digits.n < 4 || str_to_u32_base(digits, 16, ret) < 0)
		return fail_at(p, p->at, EBADMSG, "\\u needs four hexadecimal digits");
	p->at += 4;
	return 0;
}

/* Behind "\u"; a pair of surrogates is one character. */
static int parse_unicode_escape(struct parser *p, uint32_t *ret)
{
	size_t at = p->at - 2;
	uint32_t high, low;

	if (parse_hex4(p, &high) < 0)
		return -EBADMSG;
	if (high == 0)
		return fail_at(p, at, EBADMSG, "a string must not contain \\u0000");
	if (high >= 0xd800 && high <= 0xdbff &&
	    str_has_prefix(str_sub(p->text, p->at, p->text.n), "\\u")) {
		p->at += 2;
		if (parse_hex4(p, &low) < 0)
			return -EBADMSG;
		if (low >= 0xdc00 && low <= 0xdfff)
			high = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
	}
	if (!utf8_is_valid_code(high))
		return fail_at(p, at, EBADMSG,
			       arena_printf(p->a, "\\u%04x is half of a surrogate pair", high));
	*ret = high;
	return 0;
}

/* Decodes the escape at p->at to `to`, at most 4 bytes. */
static int parse_escape(struct parser *p, char **to)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	int c = p->at + 1 < p->text.n ? (unsigned char)p->text.p[p->at + 1] : -1;
	const char *name = c > 0 ? strchr(names, c) : NULL;
	uint32_t code;

	if (name) {
		*(*to)++ = values[name - names];
		p->at += 2;
		return 0;
	}
	if (c != 'u')
		return fail_at(p, p->at, EBADMSG, "unknown escape in a string");
	p->at += 2;
	if (parse_unicode_escape(p, &code) < 0)
		return -EBADMSG;
	*to += utf8_encode(code, *to);
	return 0;
}

/* From the opening quote to the closing one; finds out whether there are escapes. */
static int scan_string(struct parser *p, struct str *ret_raw, bool *ret_escapes)
{
	size_t start = ++p->at, n;
	bool escapes = false;
	int c;

	for (; (c = peek(p)) != '"'; p->at += n) {
		n = 1;
		if (p->at - start >= p->limits->max_string)
			return fail_at(p, start - 1, EFBIG,
				       arena_printf(p->a, "a string is longer than %zu bytes",
						    p->limits->max_string));
		if (c == '\\') {
			escapes = true;
			n = p->at + 1 < p->text.n ? 2 : 1;
		} else if (c < 0) {
			return fail_at(p, start - 1, EBADMSG, "a string has no closing quote");
		} else if (c < 0x20) {
			return fail_at(
				p, p->at, EBADMSG,
				arena_printf(p->a,
					     "byte 0x%02x in a string must be written as an escape",
					     c));
		} else if (c >= 0x80) {
			n = utf8_length(str_sub(p->text, p->at, p->text.n));
			if (n == 0)
				return fail_at(p, p->at, EBADMSG, "a string is not valid UTF-8");
		}
	}
	*ret_raw = str_sub(p->text, start, p->at);
	*ret_escapes = escapes;
	return 0;
}

/* Without escapes the result is a part of the source. */
static int parse_string(struct parser *p, struct str *ret)
{
	struct str raw;
	bool escapes;
	char *text, *to;
	size_t end;
	int r = scan_string(p, &raw, &escapes);

	if (r < 0)
		return r;
	end = p->at;
	if (escapes) {
		/* No escape is shorter than the character that it stands for. */
		text = to = arena_alloc(p->a, raw.n + 1);
		p->at = (size_t)(raw.p - p->text.p);
		while (p->at < end) {
			if (p->text.p[p->at] != '\\')
				*to++ = p->text.p[p->at++];
			else if (parse_escape(p, &to) < 0)
				return -EBADMSG;
		}
		raw = (struct str){text, (size_t)(to - text)};
	}
	p->at = end + 1;
	*ret = raw;
	return 0;
}

static bool take_digits(struct parser *p)
{
	size_t start = p->at;

	while (peek(p) >= '0' && peek(p) <= '9')
		p->at++;
	return p->at > start;
}

static int parse_number(struct parser *p, struct str *ret)
{
	size_t start = p->at;

	if (peek(p) == '-')
		p->at++;
	if (peek(p) == '0') {
		p->at++;
		if (peek(p) >= '0' && peek(p) <= '9')
			return fail_at(p, start, EBADMSG, "a number must not begin with 0");
	} else if (!take_digits(p)) {
		return fail_expected(p, "a digit");
	}
	if (peek(p) == '.') {
		p->at++;
		if (!take_digits(p))
			return fail_expected(p, "a digit after the decimal point");
	}
	if (peek(p) == 'e' || peek(p) == 'E') {
		p->at++;
		if (peek(p) == '+' || peek(p) == '-')
			p->at++;
		if (!take_digits(p))
			return fail_expected(p, "a digit in the exponent");
	}
	*ret = str_sub(p->text, start, p->at);
	return 0;
}

static int parse_word(struct parser *p, struct json *j)
{
	static const struct {
		char word[8];
		enum json_type type;
		bool value;
	} words[] = {
		{"null", JSON_NULL, false}, {"true", JSON_BOOL, true}, {"false", JSON_BOOL, false}};
	struct str rest = str_sub(p->text, p->at, p->text.n);

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (str_has_prefix(rest, words[i].word)) {
			j->type = words[i].type;
			j->boolean = words[i].value;
			p->at += strlen(words[i].word);
			return 0;
		}
	}
	return fail_expected(p, "a value");
}

/* The value at p->at; of a container only the bracket. */
static int parse_value(struct parser *p, struct json *j)
{
	int c = peek(p), r;

	j->line = p->line;
	j->column = (uint32_t)(p->at - p->line_start + 1);
	j->start = (uint32_t)p->at;
	if (c == '{' || c == '[') {
		j->type = c == '{' ? JSON_OBJECT : JSON_ARRAY;
		p->at++;
		if (++p->depth > p->limits->max_depth)
			return fail_at(p, j->start, EFBIG,
				       arena_printf(p->a, "nested deeper than %u levels",
						    p->limits->max_depth));
		return 0;
	}
	if (c == '"') {
		j->type = JSON_STRING;
		r = parse_string(p, &j->text);
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		j->type = JSON_NUMBER;
		r = parse_number(p, &j->text);
	} else {
		r = parse_word(p, j);
	}
	j->end = (uint32_t)p->at;
	return r;
}

static int check_members(struct parser *p, const struct json *object)
{
	bool exact =
		p->limits->free_map && object->parent && str_is(object->key, p->limits->free_map);
	const struct json *first, *again;
	size_t at;
	int r = json_find_duplicate(object, exact, &first, &again);

	if (r < 0)
		return err_set(p->e, -r, "%s: not enough memory", p->name);
	if (r == 0)
		return 0;
	at = again->lead;
	while (json_is_blank(p->text.p[at]))
		at++;
	return fail_at(p, at, EBADMSG, json_describe_duplicate(p->a, first, again));
}

/* Behind the closing bracket. */
static int finish_container(struct parser *p, struct json *j)
{
	p->at++;
	p->depth--;
	j->end = (uint32_t)p->at;
	return j->type == JSON_OBJECT ? check_members(p, j) : 0;
}

/* A child of container (NULL: the document), from behind the bracket or comma before it. */
static int parse_child(struct parser *p, struct json *container, struct json **ret)
{
	struct json *j = arena_new(p->a, struct json);
	int r;

	if (++p->nodes > p->limits->max_nodes)
		return fail_at(p, p->at, EFBIG,
			       arena_printf(p->a, "more than %zu values", p->limits->max_nodes));
	j->lead = (uint32_t)p->at;
	skip_blanks(p);
	if (container && container->type == JSON_OBJECT) {
		if (peek(p) != '"')
			return fail_expected(p, "a name in quotes");
		r = parse_string(p, &j->key);
		if (r < 0)
			return r;
		skip_blanks(p);
		if (peek(p) != ':')
			return fail_expected(p, "':' after the name");
		p->at++;
		skip_blanks(p);
	}
	r = parse_value(p, j);
	if (r < 0)
		return r;
	if (container)
		json_link(container, j);
	*ret = j;
	return 0;
}

/* Whether a container that was just opened is closed at once. */
static bool at_closing(const struct parser *p, const struct json *j)
{
	size_t at = p->at;

	while (at < p->text.n && json_is_blank(p->text.p[at]))
		at++;
	return at < p->text.n && p->text.p[at] == (j->type == JSON_OBJECT ? '}' : ']');
}

static int parse_document(struct parser *p, struct json **ret)
{
	struct json *container = NULL, *j = NULL, *root = NULL;
	int r;

	for (;;) {
		r = parse_child(p, container, &j);
		if (r < 0)
			return r;
		if (!root)
			root = j;
		if (j->end == 0) {
			container = j;
			if (!at_closing(p, j))
				continue;
		}
		for (; container; container = container->parent) {
			bool object = container->type == JSON_OBJECT;

			skip_blanks(p);
			if (peek(p) == ',')
				break;
			if (peek(p) != (object ? '}' : ']'))
				return fail_expected(p, object ? "',' or '}'" : "',' or ']'");
			r = finish_container(p, container);
			if (r < 0)
				return r;
		}
		if (!container)
			break;
		p->at++;
	}
	*ret = root;
	return 0;
}

int json_parse(struct arena *a, struct str text, const char *name, const struct json_limits *limits,
	       struct json **ret, struct err *e)
{
	struct parser p = {.a = a, .text = text, .name = name, .e = e, .line = 1};
	struct json *root;
	int r;

	p.limits = limits ? limits : &json_limits_default;
	if (text.n > p.limits->max_size || text.n >= UINT32_MAX)
		return err_set(e, EFBIG, "%s: larger than %zu bytes", name, p.limits->max_size);
	if (str_has_prefix(text, "\xef\xbb\xbf"))
		return fail_at(&p, 0, EBADMSG,
			       "begins with a byte order mark; save it as UTF-8 without one");
	r = parse_document(&p, &root);
	if (r < 0)
		return r;
	skip_blanks(&p);
	if (p.at < text.n)
		return fail_expected(&p, "nothing after the document");
	root->source = text;
	*ret = root;
	return 0;
}
