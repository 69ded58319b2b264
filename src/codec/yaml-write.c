/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include "codec/utf8.h"
#include "codec/yaml-internal.h"

/*
 * The layout is that of Go's yaml.v3, which wrote the files that are out there:
 * a nested block starts at the next multiple of this column; what lies inside a
 * list item starts behind its dash.
 */
#define STEP 4

enum quoting { PLAIN, SINGLE, DOUBLE, LITERAL };

static unsigned next_indent(unsigned indent)
{
	return indent / STEP * STEP + STEP;
}

static void add_indent(struct strbuf *out, unsigned indent)
{
	memset(strbuf_room(out, indent), ' ', indent);
	out->n += indent;
}

/* Beyond ASCII, what libyaml's writers leave as it is: not C1 controls, U+FEFF and what lies above
 * the BMP. */
static bool is_printable(uint32_t code)
{
	return (code >= 0x20 && code < 0x7f) || (code >= 0xa0 && code != 0xfeff && code < 0xfffe);
}

static bool is_break(uint32_t code)
{
	return code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

/* What stands in a text and where, as far as it decides how to write it. */
struct look {
	bool breaks, special; /* special: only an escape can write it */
	bool blank_at_end, blank_at_start;
	bool indicator; /* would mean something else in a block */
};

/* Decodes one character; what is not UTF-8 counts as special. */
static size_t take_char(struct str s, uint32_t *code)
{
	size_t n = utf8_decode(s, code);

	if (n == 0)
		*code = 0xfffd;
	return n > 0 ? n : 1;
}

static struct look look_at(struct str text)
{
	struct look l = {0};
	char before = ' ';
	uint32_t code;
	size_t n;

	l.indicator = str_has_prefix(text, "---") || str_has_prefix(text, "...") ||
		      (text.n > 0 && text.p[0] && strchr("#,[]{}&*!|>'\"%@`", text.p[0]));
	for (size_t i = 0; i < text.n; i += n) {
		char c = text.p[i];
		bool last = i + 1 == text.n;
		bool ends_word = last || strchr(" \t\r\n", text.p[i + 1]);

		n = take_char(str_sub(text, i, text.n), &code);
		l.breaks = l.breaks || is_break(code);
		l.special = l.special ||
			    (code != '\n' && (!is_printable(code) || is_break(code))) ||
			    utf8_length(str_sub(text, i, text.n)) == 0 ||
			    (c == '\n' && before == ' ' && i > 0);
		l.blank_at_start = l.blank_at_start || (i == 0 && (c == ' ' || is_break(code)));
		l.blank_at_end = l.blank_at_end || (last && (c == ' ' || is_break(code)));
		l.indicator = l.indicator || (c == ':' && ends_word) ||
			      (i == 0 && (c == '?' || c == '-') && ends_word) ||
			      (c == '#' && (before == ' ' || before == '\n') && i > 0);
		before = c;
	}
	return l;
}

static enum quoting choose(struct str text)
{
	struct look l = look_at(text);

	if (yaml_resolve(text).type != JSON_STRING || yaml_is_old_special(text) || l.special)
		return DOUBLE;
	if (l.breaks)
		return str_has_suffix(text, " ") ? DOUBLE : LITERAL;
	return l.blank_at_end || l.blank_at_start || l.indicator ? SINGLE : PLAIN;
}

static void write_single(struct str text, struct strbuf *out)
{
	strbuf_addc(out, '\'');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\'')
			strbuf_addc(out, '\'');
		strbuf_addc(out, text.p[i]);
	}
	strbuf_addc(out, '\'');
}

static void write_escape(uint32_t code, struct strbuf *out)
{
	static const char codes[] = "\a\b\t\n\v\f\r\x1b\"\\", names[] = "abtnvfre\"\\";
	const char *hit = code > 0 && code < 0x80 ? strchr(codes, (int)code) : NULL;

	if (hit)
		strbuf_printf(out, "\\%c", names[hit - codes]);
	else if (code == 0)
		strbuf_adds(out, "\\0");
	else if (code <= 0xff)
		strbuf_printf(out, "\\x%02X", code);
	else
		strbuf_printf(out, code <= 0xffff ? "\\u%04X" : "\\U%08X", code);
}

static void write_double(struct str text, struct strbuf *out)
{
	uint32_t code;
	size_t n;

	strbuf_addc(out, '"');
	for (; text.n > 0; text = str_sub(text, n, text.n)) {
		n = take_char(text, &code);
		if (!is_printable(code) || is_break(code) || code == '"' || code == '\\')
			write_escape(code, out);
		else if (code == 0xfffd)
			strbuf_adds(out, "\xef\xbf\xbd");
		else
			strbuf_add(out, str_sub(text, 0, n));
	}
	strbuf_addc(out, '"');
}

/* The lines of a text, indented, behind "|" and what says how they begin and end. */
static void write_literal(struct str text, unsigned outer, unsigned indent, struct strbuf *out)
{
	struct str rest = text, line;

	strbuf_addc(out, '|');
	if (text.p[0] == ' ' || text.p[0] == '\n')
		strbuf_printf(out, "%u", indent - outer);
	if (!str_has_suffix(text, "\n"))
		strbuf_addc(out, '-');
	else if (text.n == 1 || str_has_suffix(text, "\n\n"))
		strbuf_addc(out, '+');
	if (str_has_suffix(rest, "\n"))
		rest.n--;
	while (str_split(&rest, '\n', &line)) {
		strbuf_addc(out, '\n');
		if (line.n > 0)
			add_indent(out, indent);
		strbuf_add(out, line);
	}
}

/* outer is the indentation of its name or dash, indent that of further lines. */
static void write_string(struct str text, unsigned outer, unsigned indent, struct strbuf *out)
{
	switch (choose(text)) {
	case PLAIN:
		strbuf_add(out, text);
		break;
	case SINGLE:
		write_single(text, out);
		break;
	case DOUBLE:
		write_double(text, out);
		break;
	case LITERAL:
		write_literal(text, outer, indent, out);
		break;
	}
}

static void write_inline(const struct json *j, unsigned outer, unsigned indent, struct strbuf *out)
{
	if (j->type == JSON_STRING)
		write_string(j->text, outer, indent, out);
	else
		json_write_compact(j, out);
}

static void write_name(struct str name, struct strbuf *out)
{
	enum quoting q = choose(name);

	if (q == PLAIN)
		strbuf_add(out, name);
	else if (q == SINGLE)
		write_single(name, out);
	else
		write_double(name, out);
}

/* A container with children; the first line is indented already. */
static void write_block(const struct json *j, unsigned indent, struct strbuf *out)
{
	bool object = j->type == JSON_OBJECT;

	json_each (child, j) {
		unsigned inside = object ? next_indent(indent) : indent + 2;

		if (child != j->first)
			add_indent(out, indent);
		if (object) {
			write_name(child->key, out);
			strbuf_adds(out, child->first ? ":\n" : ": ");
		} else {
			strbuf_adds(out, "- ");
		}
		if (child->first) {
			if (object)
				add_indent(out, inside);
			write_block(child, inside, out);
		} else {
			write_inline(child, indent, inside, out);
			strbuf_addc(out, '\n');
		}
	}
}

void yaml_write(const struct json *root, struct strbuf *out)
{
	strbuf_adds(out, "---\n");
	if (root->first) {
		write_block(root, 0, out);
	} else {
		write_inline(root, 0, STEP, out);
		strbuf_addc(out, '\n');
	}
}
