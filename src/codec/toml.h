/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * toml: a TOML 1.0 document that keeps every byte it is not asked to change.
 *
 * Values are read from a tree (codec/json nodes with line and column; dates are
 * strings, numbers are decimal, but inf and nan stay as they are). U+0000, whole
 * numbers beyond 64 bits and more than 10,000 keys are refused; a byte order mark
 * at the beginning is not. Edits are made by dotted key and leave comments, order, blanks and
 * unknown keys as they are; a new key goes to the end of its table, a new table
 * to the end of the document. What lies in an array of tables can be read and
 * not be named by a key.
 */

#include "codec/json.h"

struct toml;

/* -EBADMSG with "<name>:<line>:<column>: <what>"; more than 1 MiB is -EFBIG. */
int toml_parse(struct arena *a, struct str text, const char *name, struct toml **ret,
	       struct err *e) MUST_USE;

/* The whole document as an object of objects; read only, valid until the next edit. */
const struct json *toml_root(const struct toml *t);

/* The value at a dotted key ("nvidia-container-cli.root", quoted parts allowed), or NULL. */
const struct json *toml_get(const struct toml *t, const char *key);

/* Sets a string, bool, number or array of those. -EINVAL for a bad key, or one that names a table.
 */
int toml_set(struct toml *t, const char *key, const struct json *value, struct err *e) MUST_USE;

/* Removes a key or a whole table; 1 if it was there. */
int toml_remove(struct toml *t, const char *key, struct err *e) MUST_USE;

/* The text as edited; borrowed until the next edit. */
struct str toml_text(const struct toml *t);
