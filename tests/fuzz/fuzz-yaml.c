/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must be true of every YAML document that is accepted: it is JSON as
 * well, and both what yaml_write() and json_write_compact() make of it mean the
 * same.
 */

#include "codec/yaml.h"
#include "fuzz.h"

/* Quoting makes texts longer than the input was. */
static const struct json_limits wide = {
	.max_size = 1u << 30,
	.max_string = 1u << 30,
	.max_nodes = 1u << 24,
	.max_depth = 128,
	.free_map = "annotations",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	AUTO(strbuf_done) struct strbuf yaml = {0}, json = {0};
	struct json *j = NULL, *again = NULL;
	struct err e = {0};
	int r;

	if (yaml_parse(&a, fuzz_input(data, n), "in", NULL, &j, &e) < 0) {
		FUZZ_CHECK(str_has_prefix(str_of(e.text), "in:"));
		return 0;
	}
	json_write_compact(j, &json);
	r = json_parse(&a, strbuf_str(&json), "json", &wide, &again, &e);
	if (r < 0)
		(void)fprintf(stderr, "%s in %s\n", e.text, json.p);
	FUZZ_CHECK(r == 0 && json_equal(j, again));

	yaml_write(j, &yaml);
	r = yaml_parse(&a, strbuf_str(&yaml), "yaml", &wide, &again, &e);
	if (r < 0)
		(void)fprintf(stderr, "%s in %s\n", e.text, yaml.p);
	FUZZ_CHECK(r == 0 && json_equal(j, again));
	return 0;
}
