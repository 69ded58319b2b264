/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/toml.h"

#include <errno.h>

#include "codec/toml-internal.h"

#define MAX_SIZE (1u << 20)

int toml_parse(struct arena *a, struct str text, const char *name, struct toml **ret, struct err *e)
{
	struct toml *t = arena_new(a, struct toml);
	int r;

	if (text.n > MAX_SIZE)
		return err_set(e, EFBIG, "%s: larger than %u bytes", name, MAX_SIZE);
	t->a = a;
	t->name = arena_strdup(a, name);
	t->text = (struct str){arena_str(a, text), text.n};
	r = toml_parse_document(t, e);
	if (r < 0)
		return r;
	*ret = t;
	return 0;
}

const struct json *toml_root(const struct toml *t)
{
	return &t->root->json;
}

struct str toml_text(const struct toml *t)
{
	return t->text;
}

static int parse_path(const struct toml *t, const char *key, struct toml_path *ret, struct err *e)
{
	struct toml text = {.a = t->a, .name = "key", .text = str_of(key)};
	struct toml_parser p = {.t = &text, .e = NULL, .line = 1};

	if (toml_parse_key(&p, ret) < 0 || p.at < text.text.n)
		return err_set(e, EINVAL, "\"%s\" is not a key (names with dots between)", key);
	return 0;
}

static struct toml_node *find(const struct toml_node *table, struct str key)
{
	if (table->json.type != JSON_OBJECT)
		return NULL;
	json_each (j, &table->json)
		if (str_eq(j->key, key))
			return toml_node_of(j);
	return NULL;
}

/* As far along the path as there is something; how many parts of it in *depth. */
static struct toml_node *walk(const struct toml *t, const struct toml_path *path, size_t *depth)
{
	struct toml_node *node = t->root, *next;

	*depth = 0;
	while (*depth < path->n && (next = find(node, path->v[*depth]))) {
		node = next;
		(*depth)++;
	}
	return node;
}

const struct json *toml_get(const struct toml *t, const char *key)
{
	struct toml_path path = {0};
	struct toml_node *node;
	size_t depth;

	if (parse_path(t, key, &path, NULL) < 0)
		return NULL;
	node = walk(t, &path, &depth);
	return depth == path.n ? &node->json : NULL;
}

static bool is_table(const struct toml_node *node)
{
	return node->json.type == JSON_OBJECT || node->origin == TOML_TABLES;
}

/* Whether path begins with the first n parts of prefix. */
static bool path_has_prefix(const struct toml_path *path, const struct toml_path *prefix, size_t n)
{
	if (path->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(path->v[i], prefix->v[i]))
			return false;
	return true;
}

/* As in JSON, but that DEL needs an escape too. */
static void write_quoted(struct strbuf *out, struct str text)
{
	AUTO(strbuf_done) struct strbuf quoted = {0};

	json_quote(&quoted, text);
	for (size_t i = 0; i < quoted.n; i++) {
		if (quoted.p[i] == 0x7f)
			strbuf_adds(out, "\\u007F");
		else
			strbuf_addc(out, quoted.p[i]);
	}
}

static void write_key_part(struct strbuf *out, struct str part)
{
	bool bare = part.n > 0;

	for (size_t i = 0; i < part.n; i++)
		bare = bare && part.p[i] &&
		       strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-",
			      part.p[i]);
	if (bare)
		strbuf_add(out, part);
	else
		write_quoted(out, part);
}

static void write_path(struct strbuf *out, const struct toml_path *path, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		if (i > from)
			strbuf_addc(out, '.');
		write_key_part(out, path->v[i]);
	}
}

static int write_value(struct strbuf *out, const struct json *value, struct err *e)
{
	int r = 0;

	switch (value->type) {
	case JSON_BOOL:
		strbuf_adds(out, value->boolean ? "true" : "false");
		return 0;
	case JSON_NUMBER:
		strbuf_add(out, value->text);
		return 0;
	case JSON_STRING:
		write_quoted(out, value->text);
		return 0;
	case JSON_ARRAY:
		strbuf_addc(out, '[');
		for (const struct json *j = value->first; j && r == 0; j = j->next) {
			r = write_value(out, j, e);
			if (j->next)
				strbuf_adds(out, ", ");
		}
		strbuf_addc(out, ']');
		return r;
	case JSON_NULL:
	case JSON_OBJECT:
		break;
	}
	return err_set(e, EINVAL, "null and tables cannot be set as a value");
}

/* Replaces text[from..to) and reads the result; on failure the document is as before. */
static int splice(struct toml *t, size_t from, size_t to, struct str with, struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct toml edited = *t;
	int r;

	strbuf_add(&text, str_sub(t->text, 0, from));
	strbuf_add(&text, with);
	strbuf_add(&text, str_sub(t->text, to, t->text.n));
	if (text.n > MAX_SIZE)
		return err_set(e, EFBIG, "%s: would be larger than %u bytes", t->name, MAX_SIZE);
	edited.text = (struct str){arena_str(t->a, strbuf_str(&text)), text.n};
	r = toml_parse_document(&edited, e);
	if (r < 0)
		return r;
	*t = edited;
	return 0;
}

static const char *newline_of(struct str text)
{
	size_t at = str_find(text, '\n');

	return at < text.n && at > 0 && text.p[at - 1] == '\r' ? "\r\n" : "\n";
}

static bool ends_line(struct str text, size_t at)
{
	return at == 0 || text.p[at - 1] == '\n';
}

/* The beginning of the comment lines that stand directly before the line at. */
static size_t comments_before(struct str text, size_t at)
{
	while (at > 0) {
		size_t line = at - 1;
		struct str s;

		while (line > 0 && text.p[line - 1] != '\n')
			line--;
		s = str_trim(str_sub(text, line, at));
		if (s.n == 0 || s.p[0] != '#')
			break;
		at = line;
	}
	return at;
}

/* A piece of text to put in, and where. */
struct insertion {
	struct strbuf text;
	size_t at;
};

static void insertion_done(struct insertion *i)
{
	strbuf_done(&i->text);
}

static const struct toml_statement *header_of(const struct toml *t, unsigned section)
{
	for (size_t i = 0; i < t->statements.n; i++)
		if (t->statements.v[i].kind == TOML_TABLE && t->statements.v[i].section == section)
			return &t->statements.v[i];
	return NULL;
}

/* The last line of a section whose key begins with the first n parts of path. */
static const struct toml_statement *last_line(const struct toml *t, unsigned section,
					      const struct toml_path *path, size_t n)
{
	const struct toml_statement *last = NULL;

	for (size_t i = 0; i < t->statements.n; i++) {
		const struct toml_statement *s = &t->statements.v[i];

		if (s->kind == TOML_KEY && s->section == section &&
		    path_has_prefix(&s->path, path, n))
			last = s;
	}
	return last;
}

/*
 * A line of its own in a section, behind the last one that has to do with it.
 * A document without keys of its own gets it before its first table and the
 * comment that belongs to that.
 */
static void insert_line(const struct toml *t, unsigned section, size_t depth,
			const struct toml_path *path, struct insertion *ret)
{
	const struct toml_statement *header = header_of(t, section ? section : 1);
	const struct toml_statement *before = last_line(t, section, path, depth);
	const char *newline = newline_of(t->text);

	if (!before && section > 0)
		before = header;
	if (before)
		ret->at = before->end;
	else
		ret->at = header ? comments_before(t->text, header->start) : t->text.n;
	if (!ends_line(t->text, ret->at))
		strbuf_adds(&ret->text, newline);
	for (size_t i = before ? before->start : 0; before && strchr(" \t", t->text.p[i]); i++)
		strbuf_addc(&ret->text, t->text.p[i]);
	write_path(&ret->text, path, section ? header->path.n : 0, path->n);
}

/* A key of an inline table, whose path is the first n parts. */
static void insert_inline(const struct toml *t, const struct toml_node *table, size_t n,
			  const struct toml_path *path, struct insertion *ret)
{
	ret->at = 0;
	for (size_t i = 0; i < t->statements.n; i++) {
		const struct toml_statement *s = &t->statements.v[i];

		if (s->kind == TOML_INLINE_KEY && s->path.n > n &&
		    path_has_prefix(&s->path, path, n) && s->end > ret->at)
			ret->at = s->end;
	}
	if (ret->at > 0)
		strbuf_adds(&ret->text, ", ");
	else
		ret->at = table->json.start + 1;
	write_path(&ret->text, path, n, path->n);
}

/* A new table, at the end. */
static void insert_table(const struct toml *t, const struct toml_path *path, struct insertion *ret)
{
	const char *newline = newline_of(t->text);

	ret->at = t->text.n;
	if (!ends_line(t->text, ret->at))
		strbuf_adds(&ret->text, newline);
	if (t->text.n > 0 && !str_has_suffix(t->text, "\n\n") && !str_has_suffix(t->text, "\n\r\n"))
		strbuf_adds(&ret->text, newline);
	strbuf_addc(&ret->text, '[');
	write_path(&ret->text, path, 0, path->n - 1);
	strbuf_printf(&ret->text, "]%s", newline);
	write_path(&ret->text, path, path->n - 1, path->n);
}

/* The inline table that the path leads into, and the length of its path; NULL when there is none.
 */
static const struct toml_node *enclosing_inline(const struct toml *t, const struct toml_path *path,
						size_t *n)
{
	const struct toml_node *node = t->root, *found = NULL;

	for (size_t i = 0; i + 1 < path->n && node; i++) {
		node = find(node, path->v[i]);
		if (node && node->origin == TOML_INLINE) {
			found = node;
			*n = i + 1;
		}
	}
	return found;
}

/* What to put in for a key that is not there, up to its name. */
static int choose_place(const struct toml *t, const struct toml_path *path, struct insertion *ret,
			struct err *e)
{
	size_t depth, n;
	const struct toml_node *deepest = walk(t, path, &depth);
	const struct toml_node *around = enclosing_inline(t, path, &n);

	if (!is_table(deepest) || deepest->origin == TOML_TABLES)
		return err_set(e, EINVAL, "%.*s is not a table that a key could be put into",
			       STR_ARG(path->v[depth - 1]));
	if (around)
		insert_inline(t, around, n, path, ret);
	else if (deepest->origin == TOML_DOTTED ||
		 (deepest->origin == TOML_HEADER && depth + 1 == path->n))
		insert_line(t, deepest->section, depth, path, ret);
	else
		insert_table(t, path, ret);
	return 0;
}

static int set_new(struct toml *t, const struct toml_path *path, struct str value, struct err *e)
{
	AUTO(insertion_done) struct insertion in = {0};
	const char *newline = newline_of(t->text);
	size_t n;
	int r = choose_place(t, path, &in, e);

	if (r < 0)
		return r;
	strbuf_adds(&in.text, " = ");
	strbuf_add(&in.text, value);
	if (!enclosing_inline(t, path, &n)) {
		strbuf_adds(&in.text, newline);
		/* Before a table: apart from it. */
		if (in.at < t->text.n && !last_line(t, 0, path, 0) && path->n == 1)
			strbuf_adds(&in.text, newline);
	}
	return splice(t, in.at, in.at, strbuf_str(&in.text), e);
}

int toml_set(struct toml *t, const char *key, const struct json *value, struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct toml_path path = {0};
	struct toml_node *old;
	size_t depth;
	int r = parse_path(t, key, &path, e);

	if (r == 0)
		r = write_value(&text, value, e);
	if (r < 0)
		return r;
	old = walk(t, &path, &depth);
	if (depth < path.n)
		return set_new(t, &path, strbuf_str(&text), e);
	if (is_table(old))
		return err_set(e, EINVAL, "%s is a table", key);
	if (json_equal(&old->json, value))
		return 0;
	return splice(t, old->json.start, old->json.end, strbuf_str(&text), e);
}

/* Where a table's lines end: the next header, or the comment that belongs to that. */
static size_t end_of_table(const struct toml *t, const struct toml_statement *header)
{
	for (const struct toml_statement *s = header + 1; s < t->statements.v + t->statements.n;
	     s++)
		if (s->kind == TOML_TABLE)
			return comments_before(t->text, s->start);
	return t->text.n;
}

/* A key of an inline table goes with one comma beside it. */
static void widen_inline(const struct toml *t, size_t *start, size_t *end)
{
	struct str text = t->text;
	size_t after = *end, before = *start;

	while (text.p[after] == ' ' || text.p[after] == '\t')
		after++;
	if (text.p[after] == ',') {
		for (after++; text.p[after] == ' ' || text.p[after] == '\t'; after++)
			;
		*end = after;
		return;
	}
	while (text.p[before - 1] == ' ' || text.p[before - 1] == '\t')
		before--;
	if (text.p[before - 1] == ',')
		*start = before - 1;
}

/* Takes out every line and table that defines the path or something below it. */
static int remove_lines(struct toml *t, const struct toml_path *path, struct err *e)
{
	AUTO(strbuf_done) struct strbuf kept = {0};
	size_t at = 0;

	/* All at once: what is left after some of them need not be valid. */
	for (size_t i = 0; i < t->statements.n; i++) {
		const struct toml_statement *s = &t->statements.v[i];

		if (s->kind == TOML_INLINE_KEY || s->start < at ||
		    !path_has_prefix(&s->path, path, path->n))
			continue;
		strbuf_add(&kept, str_sub(t->text, at, s->start));
		at = s->kind == TOML_TABLE ? end_of_table(t, s) : s->end;
	}
	strbuf_add(&kept, str_sub(t->text, at, t->text.n));
	return splice(t, 0, t->text.n, strbuf_str(&kept), e);
}

/* Takes out one key of an inline table; 1 if there was one. */
static int remove_inline(struct toml *t, const struct toml_path *path, struct err *e)
{
	const struct toml_statement *found = NULL;
	size_t start, end;
	int r;

	/* Those around it come later. */
	for (size_t i = 0; i < t->statements.n; i++)
		if (path_has_prefix(&t->statements.v[i].path, path, path->n))
			found = &t->statements.v[i];
	if (!found)
		return 0;
	start = found->start;
	end = found->end;
	widen_inline(t, &start, &end);
	r = splice(t, start, end, STR(""), e);
	return r < 0 ? r : 1;
}

int toml_remove(struct toml *t, const char *key, struct err *e)
{
	struct toml before = *t;
	struct toml_path path = {0};
	size_t depth;
	int r = parse_path(t, key, &path, e);

	if (r < 0)
		return r;
	(void)walk(t, &path, &depth);
	if (depth < path.n)
		return 0;
	r = remove_lines(t, &path, e);
	while (r >= 0 && (r = remove_inline(t, &path, e)) > 0)
		;
	if (r < 0) {
		*t = before;
		return r;
	}
	return 1;
}
