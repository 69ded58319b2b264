/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * json: a strict tree that remembers the text it came from (RFC 8259).
 *
 * A document is edited in the tree and written back with json_write(): every
 * part that was not touched keeps its bytes, blanks, number spelling and order.
 * Numbers are raw text, so 2^64 and 1e400 survive. Strings are decoded UTF-8;
 * \u0000 and lone surrogates are refused: what was read can be written again
 * exactly. (Go would read U+FFFD; no engine writes such a thing.)
 *
 * Names that Go readers take for the same one are duplicates and refused: equal
 * ones, and those that differ only in the case of ASCII letters (with U+017F
 * for s and U+212A for k, as Go folds them). Only in a map whose names are the
 * user's, which no Go reader folds, equal ones alone are (limits: free_map).
 *
 * The tree lives in the arena it was parsed into and borrows the source text,
 * which must live as long. YAML documents (codec/yaml) and TOML values
 * (codec/toml) become the same tree, without source spans. Functions on trees
 * call themselves once per level: the parser's depth limit bounds them.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json {
	enum json_type type;
	bool boolean;
	bool touched;	 /* it or something below differs from the source, or has no source */
	struct str key;	 /* in an object: the member's name, decoded */
	struct str text; /* string: decoded; number: as written; YAML plain scalar: as written */
	struct json *parent, *first, *last, *next;
	size_t count;		   /* children */
	uint32_t line, column;	   /* of the value, from 1; 0 when there is no source */
	uint32_t lead, start, end; /* its place in the source: after the '{', '[' or ',' before; the
				      value (or the one that it replaces); end 0 when new */
	struct str source;	   /* root only */
};

struct json_limits {
	size_t max_size;   /* bytes of the document, below 4 GiB */
	size_t max_string; /* bytes of one string */
	size_t max_nodes;
	unsigned max_depth;
	const char
		*free_map; /* in a member of this name only equal names are duplicates; or NULL */
};

/* 16 MiB, strings of 1 MiB, 1,000,000 nodes, depth 64, "annotations" (security.md 3.6). */
extern const struct json_limits json_limits_default;

/*
 * Parses one document. -EBADMSG with "<name>:<line>:<column>: <what>" when it
 * is not JSON; -EFBIG beyond the limits (NULL: the default ones).
 */
int json_parse(struct arena *a, struct str text, const char *name, const struct json_limits *limits,
	       struct json **ret, struct err *e) MUST_USE;

/* Reading. Each accepts NULL and the wrong type, and then gives NULL, false or an empty value. */
struct json *json_get(const struct json *object, const char *key); /* exact name */
struct json *json_field(const struct json *object,
			const char *key); /* Go's rule: exact, else without regard to case */
bool json_name_is(struct str name, const char *key); /* by that rule */
bool json_is(const struct json *j, enum json_type type);
struct str json_str(const struct json *j); /* a string's text, else empty (p == NULL) */
bool json_bool(const struct json *j, bool otherwise);
int json_u64(const struct json *j, uint64_t *ret) MUST_USE; /* -EINVAL when not a number in range */
int json_i64(const struct json *j, int64_t *ret) MUST_USE;

#define json_each(child, container)                                                                \
	for (struct json *child = (container) ? (container)->first : NULL; child;                  \
	     child = child->next)

/* Making values; text is copied into the arena. */
struct json *json_new(struct arena *a, enum json_type type) MUST_USE;
struct json *json_new_str(struct arena *a, struct str text) MUST_USE;
struct json *json_new_bool(struct arena *a, bool value) MUST_USE;
struct json *json_new_i64(struct arena *a, int64_t value) MUST_USE;
struct json *json_new_number(struct arena *a, struct str raw) MUST_USE;
struct json *json_copy(struct arena *a, const struct json *j) MUST_USE; /* without source spans */

/*
 * Editing. value must not have a parent. json_set() finds the member as
 * json_field() does and replaces it in place, or appends one; putting a scalar
 * where an equal one is changes nothing.
 */
void json_set(struct arena *a, struct json *object, const char *key, struct json *value);
void json_append(struct json *array, struct json *value);
void json_insert_before(struct json *child, struct json *value); /* array element */
void json_replace(struct json *child, struct json *value); /* keeps the member's name and place */
void json_remove(struct json *child);

/* The member, made as an empty object or array where it is absent or null; NULL when something else
 * is there. */
struct json *json_need(struct arena *a, struct json *object, const char *key, enum json_type type);

/* Moves array elements into the order that `before` gives, stably; untouched when already so. */
void json_sort(struct json *array, bool (*before)(const struct json *x, const struct json *y));

bool json_equal(const struct json *x, const struct json *y); /* by value; numbers by their text */

/* Whether anything below differs from the source. */
bool json_changed(const struct json *root);

/*
 * Writes the document: source bytes where untouched, new parts in the style of
 * what is beside them (on lines of their own and indented, or compact).
 */
void json_write(const struct json *root, struct strbuf *out);

/* Writes compactly, or with that many blanks per level, whatever the source looked like. */
void json_write_compact(const struct json *j, struct strbuf *out);
void json_write_indented(const struct json *j, unsigned blanks, struct strbuf *out);

/* A JSON string with quotes; bytes that are not UTF-8 become U+FFFD. */
void json_quote(struct strbuf *out, struct str text);
