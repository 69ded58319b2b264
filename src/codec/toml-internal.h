/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* toml-internal: a document as its parser leaves it to the functions that edit it. */

#include "base/vec.h"
#include "codec/toml.h"

/* How a table or array came to be decides who may add to it (TOML 1.0, "Table"). */
enum toml_origin {
	TOML_VALUE,    /* scalar or array of values: nobody */
	TOML_INLINE,   /* { … }: nobody */
	TOML_IMPLICIT, /* named only as part of a longer header */
	TOML_HEADER,   /* [name], an element of [[name]], or the document */
	TOML_DOTTED,   /* a.b = … : further dotted keys of the same section */
	TOML_TABLES,   /* the array of all [[name]] */
};

/* A value; start and end of json are its span. */
struct toml_node {
	struct json json;
	enum toml_origin origin;
	unsigned section; /* TOML_HEADER: its own; TOML_DOTTED: the one that it was made in */
	struct toml_node *next_alike; /* with the same hash in the parser's index */
};

static inline struct toml_node *toml_node_of(const struct json *j)
{
	return (struct toml_node *)j;
}

struct toml_path VEC(struct str);

enum toml_kind { TOML_KEY, TOML_INLINE_KEY, TOML_TABLE };

/* What a piece of the text defines. */
struct toml_statement {
	enum toml_kind kind;
	size_t start, end;     /* TOML_INLINE_KEY: key and value; else whole lines */
	unsigned section;      /* number of headers up to here */
	struct toml_path path; /* from the root; empty when it lies in an array */
};
struct toml_statements VEC(struct toml_statement);

struct toml {
	struct arena *a;
	const char *name;
	struct str text;
	struct toml_node *root;
	struct toml_statements statements;
};

struct toml_parser {
	struct toml *t;
	struct toml_node **index; /* by table and key; INDEX_SIZE slots */
	struct err *e;
	size_t at;
	size_t seen, line_start; /* where lines were counted up to */
	uint32_t line;
	size_t nodes;
	unsigned depth, section;
	struct toml_node *table; /* the one that the last header opened */
	struct toml_path prefix; /* its path */
	bool addressable;	 /* the path holds no array */
};

/* toml-parse.c: the text of t into t->root and t->statements. */
int toml_parse_document(struct toml *t, struct err *e) MUST_USE;
int toml_fail(struct toml_parser *p, size_t at, int code, const char *fmt, ...) PRINTF(4, 5);
#ifdef __clang_analyzer__ /* as in base/err.h */
#define toml_fail(p, at, code, ...) (toml_fail(p, at, code, __VA_ARGS__), -(code))
#endif
struct toml_node *toml_new_node(struct toml_parser *p, enum json_type type,
				enum toml_origin origin);
int toml_peek(const struct toml_parser *p);
void toml_skip_blanks(struct toml_parser *p);
int toml_skip_lines(struct toml_parser *p) MUST_USE; /* blanks, comments and ends of lines */

/* key = value; under is the table that it goes into, path that table's. */
int toml_parse_keyval(struct toml_parser *p, struct toml_node *under, const struct toml_path *path,
		      enum toml_kind kind) MUST_USE;

/* toml-string.c: at a quote; a key must be on one line. */
int toml_parse_string(struct toml_parser *p, bool is_key, struct str *ret) MUST_USE;
int toml_parse_key(struct toml_parser *p, struct toml_path *ret) MUST_USE;

/* toml-value.c; path is where the value will be, NULL inside an array. */
int toml_parse_value(struct toml_parser *p, const struct toml_path *path,
		     struct toml_node **ret) MUST_USE;
