/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * yaml: YAML to the tree of codec/json and back, through libyaml.
 *
 * Only what a CDI file needs (YAML 1.1): the first document; anchors, aliases,
 * tags, merge keys, complex keys and duplicate keys are refused. A plain scalar
 * becomes null, bool, number or string as the Go readers take it: `yes` is
 * true, 0644 is the number 420 (a number's text is always decimal), 1:0 and
 * dates are strings. Limits as in json. yaml_parse() is not linked into
 * programs on the container-start path.
 */

#include "codec/json.h"

/* -EBADMSG with "<name>:<line>:<column>: <what>"; an empty document is -ENODATA. */
int yaml_parse(struct arena *a, struct str text, const char *name, const struct json_limits *limits,
	       struct json **ret, struct err *e) MUST_USE;

/*
 * Writes "---\n" and the tree in block style, laid out as the Go library that
 * existing readers and diffs know (spec: ctk-cdi.md 3.13). Strings that YAML
 * would read as something else are double-quoted.
 */
void yaml_write(const struct json *root, struct strbuf *out);
