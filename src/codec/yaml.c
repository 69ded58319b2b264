/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml.h"

#include <errno.h>
#include <stdio.h>
#include <yaml.h>

#include "codec/json-internal.h"
#include "codec/yaml-internal.h"

struct reader {
	struct arena *a;
	const char *name;
	const struct json_limits *limits;
	struct err *e;
	yaml_parser_t parser;
	struct json *container; /* the one that is open */
	struct json *root;
	struct str key; /* p: a key was read in container, and its value is next */
	size_t nodes;
	unsigned depth;
};

static void reader_done(struct reader *r)
{
	yaml_parser_delete(&r->parser);
}

static int fail(struct reader *r, const yaml_mark_t *at, int code, const char *what)
{
	return err_set(r->e, code, "%s:%zu:%zu: %s", r->name, at->line + 1, at->column + 1, what);
}

static int next_event(struct reader *r, yaml_event_t *event)
{
	const yaml_parser_t *p = &r->parser;

	if (yaml_parser_parse(&r->parser, event))
		return 0;
	if (p->error == YAML_MEMORY_ERROR)
		return err_set(r->e, ENOMEM, "%s: not enough memory", r->name);
	if (p->error == YAML_READER_ERROR)
		return err_set(r->e, EBADMSG, "%s: byte %zu: %s", r->name, p->problem_offset,
			       p->problem ? p->problem : "not valid UTF-8");
	return fail(r, &p->problem_mark, EBADMSG, p->problem ? p->problem : "not valid YAML");
}

/* A key that is waiting becomes the name of j. */
static int place(struct reader *r, const yaml_event_t *event, struct json *j)
{
	j->line = (uint32_t)event->start_mark.line + 1;
	j->column = (uint32_t)event->start_mark.column + 1;
	if (++r->nodes > r->limits->max_nodes)
		return fail(r, &event->start_mark, EFBIG, "too many values");
	if (!r->container) {
		r->root = j;
		return 0;
	}
	j->key = r->key;
	r->key = (struct str){0};
	json_link(r->container, j);
	return 0;
}

static bool expects_key(const struct reader *r)
{
	return r->container && r->container->type == JSON_OBJECT && !r->key.p;
}

static int open_container(struct reader *r, const yaml_event_t *event, enum json_type type,
			  bool has_anchor, bool has_tag)
{
	struct json *j = json_new(r->a, type);
	int result;

	if (has_anchor || has_tag)
		return fail(r, &event->start_mark, EBADMSG,
			    has_anchor ? "anchors are not supported" : "tags are not supported");
	if (expects_key(r))
		return fail(r, &event->start_mark, EBADMSG,
			    "a name must be a plain word or a string");
	if (++r->depth > r->limits->max_depth)
		return fail(r, &event->start_mark, EFBIG, "nested too deeply");
	result = place(r, event, j);
	if (result < 0)
		return result;
	r->container = j;
	return 0;
}

static int close_container(struct reader *r, const yaml_event_t *event)
{
	struct json *j = r->container;
	bool exact = r->limits->free_map && j->parent && str_is(j->key, r->limits->free_map);
	const struct json *first, *again;
	yaml_mark_t at = event->start_mark;
	int result;

	r->container = j->parent;
	r->depth--;
	if (j->type != JSON_OBJECT)
		return 0;
	result = json_find_duplicate(j, exact, &first, &again);
	if (result < 0)
		return err_set(r->e, -result, "%s: not enough memory", r->name);
	if (result == 0)
		return 0;
	at.line = again->line - 1;
	at.column = again->column - 1;
	return fail(r, &at, EBADMSG, json_describe_duplicate(r->a, first, again));
}

static int read_plain(struct reader *r, const yaml_event_t *event, struct json *j)
{
	struct yaml_plain plain = yaml_resolve(j->text);

	if (plain.refused)
		return fail(r, &event->start_mark, EBADMSG,
			    "infinite numbers and not-a-number are not supported");
	j->type = plain.type;
	j->boolean = plain.boolean;
	if (plain.type == JSON_NUMBER)
		j->text = str_of(arena_strdup(r->a, plain.number));
	return 0;
}

static int read_scalar(struct reader *r, const yaml_event_t *event)
{
	bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
	const yaml_mark_t *at = &event->start_mark;
	struct json *j;
	int result;

	if (event->data.scalar.anchor || event->data.scalar.tag)
		return fail(r, at, EBADMSG,
			    event->data.scalar.anchor ? "anchors are not supported"
						      : "tags are not supported");
	if (text.n > r->limits->max_string)
		return fail(r, at, EFBIG, "a string is too long");
	if (str_find(text, '\0') < text.n)
		return fail(r, at, EBADMSG, "a string must not contain \\0");
	if (expects_key(r)) {
		if (is_plain && str_is(text, "<<"))
			return fail(r, at, EBADMSG, "merge keys are not supported");
		r->key = (struct str){arena_str(r->a, text), text.n};
		return 0;
	}
	j = json_new_str(r->a, text);
	result = is_plain ? read_plain(r, event, j) : 0;
	return result < 0 ? result : place(r, event, j);
}

/* 1 at the end of the first document. */
static int read_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT:
		return read_scalar(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_container(r, event, JSON_ARRAY, event->data.sequence_start.anchor,
				      event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return open_container(r, event, JSON_OBJECT, event->data.mapping_start.anchor,
				      event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_container(r, event);
	case YAML_ALIAS_EVENT:
		return fail(r, &event->start_mark, EBADMSG, "aliases are not supported");
	case YAML_DOCUMENT_END_EVENT:
	case YAML_STREAM_END_EVENT:
		return 1;
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_DOCUMENT_START_EVENT:
		break;
	}
	return 0;
}

int yaml_parse(struct arena *a, struct str text, const char *name, const struct json_limits *limits,
	       struct json **ret, struct err *e)
{
	AUTO(reader_done)
	struct reader r = {.a = a, .name = name, .e = e};
	yaml_event_t event;
	int result;

	r.limits = limits ? limits : &json_limits_default;
	if (text.n > r.limits->max_size)
		return err_set(e, EFBIG, "%s: larger than %zu bytes", name, r.limits->max_size);
	if (!yaml_parser_initialize(&r.parser))
		return err_set(e, ENOMEM, "%s: not enough memory", name);
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
	do {
		result = next_event(&r, &event);
		if (result < 0)
			return result;
		result = read_event(&r, &event);
		yaml_event_delete(&event);
	} while (result == 0);
	if (result < 0)
		return result;
	if (!r.root || r.root->type == JSON_NULL)
		return err_set(e, ENODATA, "%s: the document is empty", name);
	*ret = r.root;
	return 0;
}
