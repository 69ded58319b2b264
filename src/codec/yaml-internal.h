/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* yaml-internal: what a plain scalar means, for the reader and the writer of codec/yaml. */

#include "codec/json.h"

struct yaml_plain {
	enum json_type type; /* JSON_NULL, JSON_BOOL, JSON_NUMBER or JSON_STRING */
	bool boolean;
	bool refused;	 /* .inf and .nan: numbers that JSON does not have; type is JSON_NUMBER */
	char number[32]; /* of a number, decimal as in JSON */
};

/* As Go's YAML 1.1 readers resolve it. */
struct yaml_plain yaml_resolve(struct str text);

/* Whether some reader of YAML 1.1 takes it for a base-60 number, a date or a merge key. */
bool yaml_is_old_special(struct str text);
