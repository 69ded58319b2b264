/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/class.h"

/* In alphabetical order, which is the order of the bits. */
static const char names[][12] = {"compat32", "compute", "display", "graphics",
				 "ngx",	     "utility", "video"};

unsigned nv_class_of(struct str name)
{
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (str_is(name, names[i]))
			return 1u << i;
	return 0;
}

void nv_class_names(unsigned classes, struct strbuf *out)
{
	const char *comma = "";

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (!(classes & 1u << i))
			continue;
		strbuf_printf(out, "%s%s", comma, names[i]);
		comma = ",";
	}
}
