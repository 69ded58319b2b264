/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must be true of every config.json: reading changes nothing; an edit of
 * the environment is found again in the text that is written, and hooks that were
 * removed are gone from it.
 */

#include "fuzz.h"
#include "oci/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	AUTO(strbuf_done) struct strbuf text = {0};
	struct str source = {(const char *)data, n};
	struct oci_spec s, again;

	if (oci_spec_parse(&a, source, "config.json", &s, NULL) < 0)
		return 0;
	(void)oci_spec_has_bounding(&s, "CAP_SYS_ADMIN");
	(void)oci_spec_root_path(&s);
	FUZZ_CHECK(!json_changed(s.root));

	oci_spec_set_env(&s, "A", STR("1 \"\n"));
	(void)oci_spec_remove_nvidia_hooks(&s);
	json_write(s.root, &text);
	if (text.n > json_limits_default.max_size / 2)
		return 0;
	FUZZ_CHECK(oci_spec_parse(&a, strbuf_str(&text), "again", &again, NULL) == 0);
	FUZZ_CHECK(str_is(oci_spec_env(&again, "A"), "1 \"\n"));
	FUZZ_CHECK(oci_spec_remove_nvidia_hooks(&again) == 0);
	return 0;
}
