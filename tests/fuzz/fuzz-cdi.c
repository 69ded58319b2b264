/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must be true of every CDI spec that is read, from JSON or YAML: it is
 * valid once its version is high enough, it is written and read again as the
 * same, in both forms, and its edits can be applied so that the result is a
 * document and a second time changes nothing but hooks.
 */

#include "cdi/apply.h"
#include "cdi/model.h"
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

static const char *in_json(struct arena *a, const struct json *j)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	json_write_compact(j, &b);
	return arena_str(a, strbuf_str(&b));
}

static const char *in_yaml(struct arena *a, const struct json *j)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	yaml_write(j, &b);
	return arena_str(a, strbuf_str(&b));
}

static void check_written(struct arena *a, const struct cdi_spec *s)
{
	const struct json *out = cdi_spec_write(a, s);
	const char *json = in_json(a, out), *yaml = in_yaml(a, out);
	struct cdi_spec again;
	struct json *doc = NULL;
	struct err e = {0};

	FUZZ_CHECK(json_parse(a, str_of(json), "json", &wide, &doc, &e) == 0);
	FUZZ_CHECK(cdi_spec_read(a, doc, "json", &again, &e) == 0);
	FUZZ_CHECK(strcmp(in_json(a, cdi_spec_write(a, &again)), json) == 0);
	FUZZ_CHECK(yaml_parse(a, str_of(yaml), "yaml", &wide, &doc, &e) == 0);
	FUZZ_CHECK(cdi_spec_read(a, doc, "yaml", &again, &e) == 0);
	FUZZ_CHECK(strcmp(in_yaml(a, cdi_spec_write(a, &again)), yaml) == 0);
}

static void check_applied(struct arena *a, const struct cdi_spec *s)
{
	struct cdi_edits edits = {0};
	struct oci_spec config;
	const char *once;
	struct err e = {0};

	cdi_edits_add(a, &edits, &s->edits);
	for (size_t i = 0; i < s->devices.n; i++)
		cdi_edits_add(a, &edits, &s->devices.v[i].edits);
	FUZZ_CHECK(oci_spec_parse(a, STR("{\"process\":{\"env\":[\"A=1\"]},\"mounts\":[]}"), "c",
				  &config, &e) == 0);
	if (cdi_apply(&config, &edits, &e) < 0) {
		FUZZ_CHECK(e.text[0] != '\0' && !json_changed(config.root));
		return;
	}
	once = in_json(a, config.root);
	FUZZ_CHECK(oci_spec_parse(a, str_of(once), "once", &config, &e) == 0);
	edits.hooks.n = 0;
	FUZZ_CHECK(cdi_apply(&config, &edits, &e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text = fuzz_input(data, n);
	struct json *doc = NULL;
	struct cdi_spec s;
	struct err e = {0};

	if (json_parse(&a, text, "in", NULL, &doc, &e) < 0 &&
	    yaml_parse(&a, text, "in", NULL, &doc, &e) < 0)
		return 0;
	if (cdi_spec_read(&a, doc, "in", &s, &e) < 0) {
		FUZZ_CHECK(str_has_prefix(str_of(e.text), "in:"));
		return 0;
	}
	s.version = cdi_spec_minimum_version(&s);
	FUZZ_CHECK(cdi_spec_validate(&s, &e) == 0);
	check_written(&a, &s);
	check_applied(&a, &s);
	return 0;
}
