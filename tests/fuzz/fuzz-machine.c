/* SPDX-License-Identifier: Apache-2.0 */

/* A platform file; what is accepted must write itself down, read back as the same and have content.
 */

#include <assert.h>
#include <stdint.h>

#include "content.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	AUTO(strbuf_done) struct strbuf first = {0}, second = {0};
	const struct content_payload none = {0};
	struct content content;
	struct machine m;

	if (machine_parse(&a, (struct str){(const char *)data, n}, "fuzz", &m, NULL) < 0)
		return 0;
	machine_write(&m, &first);
	assert(machine_parse(&a, strbuf_str(&first), "again", &m, NULL) == 0);
	machine_write(&m, &second);
	assert(str_eq(strbuf_str(&first), strbuf_str(&second)));
	content_choose_majors(&m, STR("Character devices:\n195 nvidia\n"));
	content_make(&a, &m, &none, STR("Character devices:\n195 nvidia\n"), STR(""), &content);
	return 0;
}
