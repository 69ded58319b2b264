/* SPDX-License-Identifier: Apache-2.0 */

/* A requirement, then behind a line end the four facts of a machine, one per line. */

#include "codec/semver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str rest = {(const char *)data, n}, expression = {0};
	struct requirement_facts facts = {0};
	struct version v, w;
	struct err e = {""};
	int r;

	if (!str_split(&rest, '\n', &expression) || !str_split(&rest, '\n', &facts.cuda) ||
	    !str_split(&rest, '\n', &facts.driver) || !str_split(&rest, '\n', &facts.arch))
		return 0;
	facts.brand = rest;
	r = requirement_check(expression, &facts, &e);
	if ((r < 0) != (e.text[0] != '\0') || r > REQUIREMENT_UNKNOWN)
		__builtin_trap();
	if (version_parse(facts.cuda, &v) == 0 && version_parse(facts.driver, &w) == 0 &&
	    version_cmp(&v, &w) != -version_cmp(&w, &v))
		__builtin_trap();
	return 0;
}
