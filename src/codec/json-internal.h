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
