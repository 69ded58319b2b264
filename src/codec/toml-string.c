/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "codec/toml-internal.h"
#include "codec/utf8.h"

#define MAX_KEY_PARTS 64

static struct str rest(const struct toml_parser *p)
{
	return str_sub(p->t->text, p->at, p->t->text.n);
}

/* A line ends here: 0, or the bytes of its end. */
static size_t line_end(struct str s)
{
	if (str_has_prefix(s, "\r\n"))
		return 2;
	return str_has_prefix(s, "\n") ? 1 : 0;
}

static int parse_code(struct toml_parser *p, size_t digits, struct strbuf *out)
{
	char encoded[4];
	struct str hex = str_sub(rest(p), 2, 2 + digits);
	uint32_t code;

	if (hex.n < digits || str_to_u32_base(hex, 16, &code) < 0)
		return toml_fail(p, p->at, EBADMSG, "\\%c needs %zu hexadecimal digits",
				 rest(p).p[1], digits);
	if (!utf8_is_valid_code(code))
		return toml_fail(p, p->at, EBADMSG, "there is no character U+%04X", code);
	if (code == 0)
		return toml_fail(p, p->at, EBADMSG, "a string must not contain U+0000");
	strbuf_add(out, (struct str){encoded, utf8_encode(code, encoded)});
	p->at += 2 + digits;
	return 0;
}

/* A backslash at the end of a line takes with it all blanks and lines up to the next text. */
static bool skip_continuation(struct toml_parser *p)
{
	struct str s = str_sub(rest(p), 1, SIZE_MAX);
	size_t n = 0, ending;

	while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\t'))
		n++;
	if (line_end(str_sub(s, n, s.n)) == 0)
		return false;
	while (n < s.n) {
		ending = line_end(str_sub(s, n, s.n));
		if (ending == 0 && s.p[n] != ' ' && s.p[n] != '\t')
			break;
		n += ending > 0 ? ending : 1;
	}
	p->at += 1 + n;
	return true;
}

static int parse_escape(struct toml_parser *p, bool lines, struct strbuf *out)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	int c = rest(p).n > 1 ? rest(p).p[1] : 0;
	const char *name = c > 0 ? strchr(names, c) : NULL;

	if (name) {
		strbuf_addc(out, values[name - names]);
		p->at += 2;
		return 0;
	}
	if (c == 'u' || c == 'U')
		return parse_code(p, c == 'u' ? 4 : 8, out);
	if (lines && skip_continuation(p))
		return 0;
	return toml_fail(p, p->at, EBADMSG, "unknown escape in a string (a backslash is \\\\)");
}

/* One character, or an escape, of a string. */
static int parse_char(struct toml_parser *p, bool literal, bool lines, struct strbuf *out)
{
	unsigned char c = (unsigned char)toml_peek(p);
	size_t n = line_end(rest(p));

	if (n > 0 && lines) {
		strbuf_addc(out, '\n');
		p->at += n;
		return 0;
	}
	if (c == '\\' && !literal)
		return parse_escape(p, lines, out);
	if (n > 0)
		return toml_fail(p, p->at, EBADMSG, "a string has no closing quote on its line");
	if ((c < 0x20 && c != '\t') || c == 0x7f)
		return toml_fail(p, p->at, EBADMSG, "byte 0x%02x in a string must be an escape", c);
	strbuf_addc(out, (char)c);
	p->at++;
	return 0;
}

/* How many of the quote stand here, at most five: two may belong to the text before the last three.
 */
static size_t count_quotes(const struct toml_parser *p, char quote)
{
	struct str s = rest(p);
	size_t n = 0;

	while (n < 5 && n < s.n && s.p[n] == quote)
		n++;
	return n;
}

int toml_parse_string(struct toml_parser *p, bool is_key, struct str *ret)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	char quote = (char)toml_peek(p);
	bool lines = !is_key && count_quotes(p, quote) >= 3;
	size_t start = p->at, fence = lines ? 3 : 1, quotes;
	int r;

	p->at += fence;
	if (lines)
		p->at += line_end(rest(p));
	while ((quotes = count_quotes(p, quote)) < fence) {
		if (p->at >= p->t->text.n)
			return toml_fail(p, start, EBADMSG, "a string has no closing quote");
		r = parse_char(p, quote == '\'', lines, &out);
		if (r < 0)
			return r;
	}
	for (size_t i = lines ? quotes : 1; i > fence; i--)
		strbuf_addc(&out, quote);
	p->at += lines ? quotes : 1;
	*ret = (struct str){arena_str(p->t->a, strbuf_str(&out)), out.n};
	return 0;
}

static bool is_bare(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-';
}

static int parse_key_part(struct toml_parser *p, struct str *ret)
{
	struct str s = rest(p);
	size_t n = 0;

	if (toml_peek(p) == '"' || toml_peek(p) == '\'')
		return toml_parse_string(p, true, ret);
	while (n < s.n && is_bare(s.p[n]))
		n++;
	if (n == 0)
		return toml_fail(p, p->at, EBADMSG, "expected a key");
	*ret = str_sub(s, 0, n);
	p->at += n;
	return 0;
}

int toml_parse_key(struct toml_parser *p, struct toml_path *ret)
{
	struct toml_path path = {0};
	struct str part = {0};
	int r;

	for (;;) {
		toml_skip_blanks(p);
		r = parse_key_part(p, &part);
		if (r < 0)
			return r;
		if (path.n >= MAX_KEY_PARTS)
			return toml_fail(p, p->at, EFBIG, "a key has more than %d parts",
					 MAX_KEY_PARTS);
		arena_push(p->t->a, &path, part);
		toml_skip_blanks(p);
		if (toml_peek(p) != '.')
			break;
		p->at++;
	}
	*ret = path;
	return 0;
}
