/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "codec/json-internal.h"
#include "codec/toml-internal.h"
#include "codec/utf8.h"

/* Keys and tables; bounds also how long finding one can take when all hash alike. */
#define MAX_NODES 10000

#define INDEX_SIZE 4096u

/* Counts lines up to at; places are asked for in the order of the text, but for errors. */
static void locate(struct toml_parser *p, size_t at)
{
	if (at < p->seen) {
		p->seen = p->line_start = 0;
		p->line = 1;
	}
	for (; p->seen < at; p->seen++) {
		if (p->t->text.p[p->seen] == '\n') {
			p->line++;
			p->line_start = p->seen + 1;
		}
	}
}

/* In parentheses: the name may be a macro. */
int(toml_fail)(struct toml_parser *p, size_t at, int code, const char *fmt, ...)
{
	struct err what;
	va_list ap;

	locate(p, at);
	va_start(ap, fmt);
	(void)vsnprintf(what.text, sizeof(what.text), fmt, ap);
	va_end(ap);
	return err_set(p->e, code, "%s:%u:%zu: %s", p->t->name, p->line, at - p->line_start + 1,
		       what.text);
}

struct toml_node *toml_new_node(struct toml_parser *p, enum json_type type, enum toml_origin origin)
{
	struct toml_node *node = arena_new(p->t->a, struct toml_node);

	locate(p, p->at);
	p->nodes++;
	node->json.type = type;
	node->json.touched = true;
	node->json.line = p->line;
	node->json.column = (uint32_t)(p->at - p->line_start + 1);
	node->origin = origin;
	return node;
}

int toml_peek(const struct toml_parser *p)
{
	return p->at < p->t->text.n ? (unsigned char)p->t->text.p[p->at] : -1;
}

void toml_skip_blanks(struct toml_parser *p)
{
	while (toml_peek(p) == ' ' || toml_peek(p) == '\t')
		p->at++;
}

static int skip_comment(struct toml_parser *p)
{
	int c;

	if (toml_peek(p) != '#')
		return 0;
	while ((c = toml_peek(p)) >= 0 && c != '\n') {
		if (c == '\r' && p->at + 1 < p->t->text.n && p->t->text.p[p->at + 1] == '\n')
			break;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return toml_fail(p, p->at, EBADMSG, "byte 0x%02x in a comment", c);
		p->at++;
	}
	return 0;
}

/* 1 behind the end of a line, 0 where there is none. */
static int take_line_end(struct toml_parser *p)
{
	struct str s = str_sub(p->t->text, p->at, p->t->text.n);
	size_t n = str_has_prefix(s, "\r\n") ? 2 : str_has_prefix(s, "\n") ? 1 : 0;

	p->at += n;
	return n > 0;
}

int toml_skip_lines(struct toml_parser *p)
{
	int r;

	do {
		toml_skip_blanks(p);
		r = skip_comment(p);
		if (r < 0)
			return r;
	} while (take_line_end(p));
	return 0;
}

/* Behind a statement: blanks, a comment, the end of the line or of the text. */
static int finish_line(struct toml_parser *p)
{
	int r;

	toml_skip_blanks(p);
	r = skip_comment(p);
	if (r < 0)
		return r;
	if (p->at < p->t->text.n && !take_line_end(p))
		return toml_fail(p, p->at, EBADMSG, "expected the end of the line");
	return 0;
}

static struct toml_node **slot(const struct toml_parser *p, const struct toml_node *table,
			       struct str key)
{
	uint64_t hash = json_name_hash(key) ^ ((uintptr_t)table >> 4) * 0x9e3779b97f4a7c15u;

	return &p->index[(hash ^ hash >> 32) % INDEX_SIZE];
}

static struct toml_node *find(const struct toml_parser *p, const struct toml_node *table,
			      struct str key)
{
	struct toml_node *node = *slot(p, table, key);

	while (node && (node->json.parent != &table->json || !str_eq(node->json.key, key)))
		node = node->next_alike;
	return node;
}

static void link_member(struct toml_parser *p, struct toml_node *table, struct str key,
			struct toml_node *node)
{
	struct toml_node **first = slot(p, table, key);

	node->json.key = key;
	node->next_alike = *first;
	*first = node;
	json_link(&table->json, &node->json);
}

static struct toml_node *add_table(struct toml_parser *p, struct toml_node *under, struct str key,
				   enum toml_origin origin)
{
	struct toml_node *table = toml_new_node(p, JSON_OBJECT, origin);

	table->section = p->section;
	link_member(p, under, key, table);
	return table;
}

static int fail_taken(struct toml_parser *p, size_t at, struct str key,
		      const struct toml_node *node)
{
	return toml_fail(p, at, EBADMSG, "%.*s is defined already (line %u)",
			 STR_ARG(str_sub(key, 0, 64)), node->json.line);
}

/* The table that holds the last part of a header's path. */
static int open_parents(struct toml_parser *p, size_t at, const struct toml_path *path,
			struct toml_node **ret)
{
	struct toml_node *table = p->t->root;

	for (size_t i = 0; i + 1 < path->n; i++) {
		struct toml_node *next = find(p, table, path->v[i]);

		if (!next)
			next = add_table(p, table, path->v[i], TOML_IMPLICIT);
		if (next->origin == TOML_TABLES) {
			p->addressable = false;
			next = toml_node_of(next->json.last);
		}
		if (next->origin == TOML_VALUE || next->origin == TOML_INLINE)
			return fail_taken(p, at, path->v[i], next);
		table = next;
	}
	*ret = table;
	return 0;
}

static int open_table(struct toml_parser *p, size_t at, struct toml_node *under, struct str key)
{
	struct toml_node *table = find(p, under, key);

	if (!table)
		table = add_table(p, under, key, TOML_HEADER);
	else if (table->origin != TOML_IMPLICIT)
		return fail_taken(p, at, key, table);
	table->origin = TOML_HEADER;
	table->section = p->section;
	p->table = table;
	return 0;
}

/* Another element of [[key]]. */
static int open_element(struct toml_parser *p, size_t at, struct toml_node *under, struct str key)
{
	struct toml_node *array = find(p, under, key), *element;

	if (!array) {
		array = toml_new_node(p, JSON_ARRAY, TOML_TABLES);
		link_member(p, under, key, array);
	}
	if (array->origin != TOML_TABLES)
		return fail_taken(p, at, key, array);
	element = toml_new_node(p, JSON_OBJECT, TOML_HEADER);
	element->section = p->section;
	json_link(&array->json, &element->json);
	p->table = element;
	p->addressable = false;
	return 0;
}

static void record(struct toml_parser *p, enum toml_kind kind, size_t start,
		   const struct toml_path *path)
{
	struct toml_statement s = {
		.kind = kind, .start = start, .end = p->at, .section = p->section};

	if (path)
		s.path = *path;
	arena_push(p->t->a, &p->t->statements, s);
}

/* [table] or [[table]] */
static int parse_header(struct toml_parser *p, size_t start)
{
	struct toml_path path = {0};
	struct toml_node *under = NULL;
	size_t at;
	bool element;
	int r;

	p->at++;
	element = toml_peek(p) == '[';
	p->at += element;
	at = p->at;
	r = toml_parse_key(p, &path);
	if (r < 0)
		return r;
	if (!str_has_prefix(str_sub(p->t->text, p->at, p->t->text.n), element ? "]]" : "]"))
		return toml_fail(p, p->at, EBADMSG, "expected '%s' behind the table's name",
				 element ? "]]" : "]");
	p->at += element ? 2 : 1;
	if (p->nodes > MAX_NODES)
		return toml_fail(p, at, EFBIG, "more than %d values", MAX_NODES);
	p->section++;
	p->addressable = true;
	r = open_parents(p, at, &path, &under);
	if (r == 0 && element)
		r = open_element(p, at, under, path.v[path.n - 1]);
	else if (r == 0)
		r = open_table(p, at, under, path.v[path.n - 1]);
	if (r == 0)
		r = finish_line(p);
	if (r < 0)
		return r;
	p->prefix = path;
	/* An array of tables is named as a whole, what is in it is not. */
	record(p, TOML_TABLE, start, &path);
	return 0;
}

static struct toml_path joined(struct toml_parser *p, const struct toml_path *x,
			       const struct toml_path *y)
{
	struct toml_path path = {0};

	for (size_t i = 0; i < x->n; i++)
		arena_push(p->t->a, &path, x->v[i]);
	for (size_t i = 0; i < y->n; i++)
		arena_push(p->t->a, &path, y->v[i]);
	return path;
}

/* The table that a dotted key's last part goes into. */
static int open_dotted(struct toml_parser *p, size_t at, struct toml_node *table,
		       const struct toml_path *key, struct toml_node **ret)
{
	for (size_t i = 0; i + 1 < key->n; i++) {
		struct toml_node *next = find(p, table, key->v[i]);

		if (!next)
			next = add_table(p, table, key->v[i], TOML_DOTTED);
		else if (next->origin != TOML_IMPLICIT &&
			 (next->origin != TOML_DOTTED || next->section != p->section))
			return fail_taken(p, at, key->v[i], next);
		next->origin = TOML_DOTTED;
		next->section = p->section;
		table = next;
	}
	*ret = table;
	return 0;
}

int toml_parse_keyval(struct toml_parser *p, struct toml_node *under, const struct toml_path *path,
		      enum toml_kind kind)
{
	struct toml_path key = {0}, whole = {0};
	struct toml_node *table = NULL, *value = NULL, *taken;
	size_t at = p->at;
	int r = toml_parse_key(p, &key);

	if (r < 0)
		return r;
	if (p->nodes > MAX_NODES)
		return toml_fail(p, at, EFBIG, "more than %d values", MAX_NODES);
	if (toml_peek(p) != '=')
		return toml_fail(p, p->at, EBADMSG, "expected '=' behind the key");
	r = open_dotted(p, at, under, &key, &table);
	if (r < 0)
		return r;
	taken = find(p, table, key.v[key.n - 1]);
	if (taken)
		return fail_taken(p, at, key.v[key.n - 1], taken);
	p->at++;
	toml_skip_blanks(p);
	if (path)
		whole = joined(p, path, &key);
	r = toml_parse_value(p, path ? &whole : NULL, &value);
	if (r < 0)
		return r;
	link_member(p, table, key.v[key.n - 1], value);
	record(p, kind, at, path ? &whole : NULL);
	return 0;
}

static int parse_line(struct toml_parser *p, size_t start)
{
	struct toml_statement *s;
	int r;

	if (toml_peek(p) == '[')
		return parse_header(p, start);
	r = toml_parse_keyval(p, p->table, p->addressable ? &p->prefix : NULL, TOML_KEY);
	if (r == 0)
		r = finish_line(p);
	if (r < 0)
		return r;
	/* It is recorded after those within it; here it becomes whole lines. */
	s = &p->t->statements.v[p->t->statements.n - 1];
	s->start = start;
	s->end = p->at;
	return 0;
}

static int check_text(struct toml_parser *p)
{
	struct str text = p->t->text;
	size_t n;

	for (size_t i = 0; i < text.n; i += n) {
		n = utf8_length(str_sub(text, i, text.n));
		if (n == 0)
			return toml_fail(p, i, EBADMSG, "not valid UTF-8");
	}
	if (str_has_prefix(text, "\xef\xbb\xbf"))
		p->at = 3; /* editors put it there */
	return 0;
}

int toml_parse_document(struct toml *t, struct err *e)
{
	auto_free struct toml_node **index = mem_alloc(INDEX_SIZE * sizeof(struct toml_node *));
	struct toml_parser p = {.t = t, .index = index, .e = e, .line = 1, .addressable = true};
	size_t start;
	int r = check_text(&p);

	if (r < 0)
		return r;
	t->statements = (struct toml_statements){0};
	t->root = p.table = toml_new_node(&p, JSON_OBJECT, TOML_HEADER);
	while (p.at < t->text.n) {
		start = p.at;
		toml_skip_blanks(&p);
		r = toml_peek(&p) == '#' || toml_peek(&p) == '\n' || toml_peek(&p) == '\r' ||
				    toml_peek(&p) < 0
			    ? finish_line(&p)
			    : parse_line(&p, start);
		if (r < 0)
			return r;
	}
	return 0;
}
