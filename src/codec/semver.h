/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * semver: lenient versions and the NVIDIA_REQUIRE_* language.
 *
 * A version is 1 to 4 numbers between dots ("580.159.04", "v12.4", "11"),
 * leading zeros allowed; what is missing counts as 0.
 *
 * A requirement: blanks separate alternatives (OR), commas separate factors
 * (AND); a factor is NAME OPERATOR VALUE with = == != < <= > >=, without
 * blanks. Names, in any case: cuda, driver, arch compare as versions; brand
 * as text without regard to case, with = and != only (spec: libnvc.md section
 * 5, runtime.md 1.11). There is no other grouping. An empty requirement is met.
 *
 * Evaluation goes from left to right and ends with the first alternative that
 * is met, in an alternative with the first factor that is false; what stands
 * behind is not looked at, not even for its grammar: images rely on that.
 */

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct version {
	uint32_t part[4];
	unsigned parts; /* how many were written */
};

/* -EINVAL when the text is not a version. */
int version_parse(struct str text, struct version *ret) MUST_USE;
int version_cmp(const struct version *a, const struct version *b);

/* What the machine has; an empty value is unknown. */
struct requirement_facts {
	struct str cuda, driver, arch, brand;
};

enum requirement_result {
	REQUIREMENT_MET = 0,
	REQUIREMENT_NOT_MET = 1, /* evaluated and false */
	REQUIREMENT_UNKNOWN =
		2, /* a fact or a name is unknown, and no alternative is met without it */
};

/* One of the results, or -EINVAL with a text that quotes the bad factor; at most 256 factors. */
int requirement_check(struct str expression, const struct requirement_facts *facts,
		      struct err *e) MUST_USE;
