/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* json-internal: what the parts of codec/json share. */

#include "codec/json.h"

static inline bool json_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Appends without marking anything as touched. */
void json_link(struct json *container, struct json *child);

/* Order and hash of names as Go folds them; 0 when a Go reader takes them for the same name. */
int json_name_compare(struct str a, struct str b);
uint64_t json_name_hash(struct str name);

/*
 * The first member whose name a member before it has (exact: byte for byte,
 * else as Go folds them), and that one; 1 if there is one, -ENOMEM.
 */
int json_find_duplicate(const struct json *object, bool exact, const struct json **ret_first,
			const struct json **ret_again) MUST_USE;

/* What to say of it, in the arena. */
const char *json_describe_duplicate(struct arena *a, const struct json *first,
				    const struct json *again);
