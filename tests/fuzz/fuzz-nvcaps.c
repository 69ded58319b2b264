/* SPDX-License-Identifier: Apache-2.0 */

/* The tables of capability minors in procfs. */

#include "fuzz.h"
#include "nv/nvcaps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct nvcaps caps = {0};
	uint32_t minor;

	nvcaps_parse(&a, (struct str){(const char *)data, n}, &caps);
	for (size_t i = 0; i < caps.n && i < 64; i++) {
		const char *name = arena_str(&a, caps.v[i].name);

		FUZZ_CHECK(caps.v[i].minor < 1u << 20);
		if (strlen(name) == caps.v[i].name.n)
			FUZZ_CHECK(nvcaps_find(&caps, name, &minor) == 1);
	}
	return 0;
}
