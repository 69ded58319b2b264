/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include "codec/json-internal.h"
#include "codec/utf8.h"

/* The step of a document whose own children are not on lines of their own. */
#define DEFAULT_STEP "    "

/*
 * How a container's children are set apart. In a source document it is read off
 * the children that are there; a new container continues the style of the one
 * around it, a line further in.
 */
struct style {
	struct str open;    /* behind the opening bracket */
	struct str between; /* behind a comma */
	struct str close;   /* before the closing bracket */
	struct str colon;   /* between a name and its value, with the colon */
};

struct writer {
	struct strbuf *out;
	struct str source;
	struct str step; /* one level of indentation */
};

void json_quote(struct strbuf *out, struct str text)
{
	static const char escapes[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
	size_t n;

	strbuf_addc(out, '"');
	for (; text.n > 0; text = str_sub(text, n, text.n)) {
		unsigned char c = (unsigned char)text.p[0];
		const char *escape = c ? strchr(escapes, c) : NULL;

		for (n = 0; n < text.n; n++) {
			c = (unsigned char)text.p[n];
			if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
				break;
		}
		if (n > 0) {
			strbuf_add(out, str_sub(text, 0, n));
			continue;
		}
		n = utf8_length(text);
		if (escape)
			strbuf_printf(out, "\\%c", names[escape - escapes]);
		else if (c < 0x20)
			strbuf_printf(out, "\\u%04x", c);
		else
			strbuf_add(out, n > 0 ? str_sub(text, 0, n) : STR("\xef\xbf\xbd"));
		if (n == 0)
			n = 1;
	}
	strbuf_addc(out, '"');
}

static void write_scalar(struct strbuf *out, const struct json *j)
{
	switch (j->type) {
	case JSON_NULL:
		strbuf_adds(out, "null");
		break;
	case JSON_BOOL:
		strbuf_adds(out, j->boolean ? "true" : "false");
		break;
	case JSON_NUMBER:
		strbuf_add(out, j->text);
		break;
	case JSON_STRING:
		json_quote(out, j->text);
		break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		strbuf_adds(out, j->type == JSON_ARRAY ? "[]" : "{}");
		break;
	}
}

static bool has_line(struct str blanks)
{
	return str_find(blanks, '\n') < blanks.n;
}

static struct str blanks_behind(struct str s, size_t at)
{
	size_t end = at;

	while (end < s.n && json_is_blank(s.p[end]))
		end++;
	return str_sub(s, at, end);
}

static struct str blanks_before(struct str s, size_t at)
{
	size_t start = at;

	while (start > 0 && json_is_blank(s.p[start - 1]))
		start--;
	return str_sub(s, start, at);
}

/* Whether a child still stands behind the bracket or comma that it had in the source. */
static bool has_place(const struct json *j)
{
	return j->end > 0;
}

/* Of a source member: what is between its name and its value. */
static struct str colon_of(struct str source, const struct json *member)
{
	size_t start = member->start;

	while (source.p[start - 1] != '"')
		start--;
	return str_sub(source, start, member->start);
}

/* A buffer that lives as long as its block; a writer has few of them at a time. */
static struct str join(struct strbuf *b, struct str x, struct str y)
{
	strbuf_add(b, x);
	strbuf_add(b, y);
	return strbuf_str(b);
}

/* Whether the source text at j's place is a container of j's type that had children. */
static bool has_source_style(const struct writer *w, const struct json *j)
{
	size_t inside;

	if (!has_place(j) || w->source.p[j->start] != (j->type == JSON_OBJECT ? '{' : '['))
		return false;
	inside = j->start + 1 + blanks_behind(w->source, j->start + 1).n;
	return inside + 1 < j->end;
}

/* The style of a container in the source; only for those with has_source_style(). */
static struct style source_style(const struct writer *w, const struct json *j, struct str colon)
{
	struct style s = {
		.open = blanks_behind(w->source, j->start + 1),
		.close = blanks_before(w->source, j->end - 1),
		.colon = colon,
	};
	bool known = false;

	s.between = has_line(s.open) ? s.open : STR("");
	json_each (child, j) {
		if (!has_place(child))
			continue;
		if (j->type == JSON_OBJECT)
			s.colon = colon_of(w->source, child);
		if (child->lead != j->start + 1) {
			s.between = blanks_behind(w->source, child->lead);
			known = true;
			break;
		}
	}
	if (!known && !has_line(s.open) && s.colon.n > 1)
		s.between = STR(" ");
	return s;
}

static void write_children(const struct writer *w, const struct json *j, const struct style *s);

/* A container among siblings of its kind looks like them, as far as one is found in the source. */
static const struct json *find_model(const struct writer *w, const struct json *j)
{
	if (!j->parent)
		return NULL;
	json_each (sibling, j->parent)
		if (sibling != j && sibling->type == j->type && !sibling->touched &&
		    has_source_style(w, sibling))
			return sibling;
	return NULL;
}

/* A touched container with children, inside one of style `outer`. */
static void write_container(const struct writer *w, const struct json *j, const struct style *outer)
{
	AUTO(strbuf_done) struct strbuf deeper = {0};
	const struct json *model = has_source_style(w, j) ? j : find_model(w, j);
	struct style s;

	if (model) {
		s = source_style(w, model, outer->colon);
	} else if (has_line(outer->between)) {
		s = (struct style){.close = outer->between, .colon = outer->colon};
		s.open = s.between = join(&deeper, outer->between, w->step);
	} else {
		s = (struct style){STR(""), outer->between, STR(""), outer->colon};
	}
	write_children(w, j, &s);
}

/* Name, colon and the blanks before, as they were or as the siblings have them. */
static void write_lead(const struct writer *w, const struct json *j, const struct style *s)
{
	bool first = j == j->parent->first;
	struct str lead = first ? s->open : s->between;

	if (has_place(j)) {
		struct str source = str_sub(w->source, j->lead, j->start);
		struct str blanks = blanks_behind(source, 0);
		bool was_first = j->lead == j->parent->start + 1;

		/* At another end of the list than before it takes the blanks of its new place. */
		strbuf_add(w->out, first == was_first ? blanks : lead);
		strbuf_add(w->out, str_sub(source, blanks.n, source.n));
		return;
	}
	strbuf_add(w->out, lead);
	if (j->parent->type == JSON_OBJECT) {
		json_quote(w->out, j->key);
		strbuf_add(w->out, s->colon);
	}
}

static void write_node(const struct writer *w, const struct json *j, const struct style *s)
{
	if (!j->touched)
		strbuf_add(w->out, str_sub(w->source, j->start, j->end));
	else if (j->first)
		write_container(w, j, s);
	else
		write_scalar(w->out, j);
}

static void write_children(const struct writer *w, const struct json *j, const struct style *s)
{
	strbuf_addc(w->out, j->type == JSON_OBJECT ? '{' : '[');
	json_each (child, j) {
		write_lead(w, child, s);
		write_node(w, child, s);
		if (!child->next)
			break;
		/* Blanks before a comma stay. */
		if (has_place(child)) {
			struct str after = blanks_behind(w->source, child->end);

			if (w->source.p[child->end + after.n] == ',')
				strbuf_add(w->out, after);
		}
		strbuf_addc(w->out, ',');
	}
	strbuf_add(w->out, s->close);
	strbuf_addc(w->out, j->type == JSON_OBJECT ? '}' : ']');
}

/* The indentation of the document's own children, when they are on lines of their own. */
static struct str step_of(const struct json *root)
{
	struct str open = blanks_behind(root->source, root->start + 1);
	size_t line = open.n;

	while (line > 0 && open.p[line - 1] != '\n')
		line--;
	if (line == 0 || line == open.n)
		return STR(DEFAULT_STEP);
	return str_sub(open, line, open.n);
}

void json_write(const struct json *root, struct strbuf *out)
{
	struct writer w = {out, root->source, STR(DEFAULT_STEP)};
	struct style s = {STR(""), STR(""), STR(""), STR(":")};

	if (!root->source.p) {
		json_write_compact(root, out);
		return;
	}
	if (json_is(root, JSON_OBJECT) || json_is(root, JSON_ARRAY)) {
		w.step = step_of(root);
		/* An empty document of several lines asks for lines. */
		if (has_line(blanks_behind(root->source, root->start + 1)))
			s = (struct style){.between = STR("\n"), .colon = STR(": ")};
	}
	strbuf_add(out, str_sub(root->source, 0, root->start));
	write_node(&w, root, &s);
	strbuf_add(out, str_sub(root->source, root->end, root->source.n));
}

static void new_line(struct strbuf *out, unsigned blanks)
{
	char *to;

	if (blanks == 0)
		return;
	to = strbuf_room(out, blanks);
	memset(to, ' ', blanks);
	to[0] = '\n';
	out->n += blanks;
}

/* step 0: compact. indent counts the newline before it. */
static void write_plain(const struct json *j, unsigned indent, unsigned step, struct strbuf *out)
{
	bool object = j->type == JSON_OBJECT;

	if (!j->first) {
		write_scalar(out, j);
		return;
	}
	strbuf_addc(out, object ? '{' : '[');
	json_each (child, j) {
		new_line(out, step > 0 ? indent + step : 0);
		if (object) {
			json_quote(out, child->key);
			strbuf_adds(out, step > 0 ? ": " : ":");
		}
		write_plain(child, indent + step, step, out);
		if (child->next)
			strbuf_addc(out, ',');
	}
	new_line(out, step > 0 ? indent : 0);
	strbuf_addc(out, object ? '}' : ']');
}

void json_write_compact(const struct json *j, struct strbuf *out)
{
	write_plain(j, 1, 0, out);
}

void json_write_indented(const struct json *j, unsigned blanks, struct strbuf *out)
{
	write_plain(j, 1, blanks, out);
}
