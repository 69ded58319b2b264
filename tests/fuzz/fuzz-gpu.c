/* SPDX-License-Identifier: Apache-2.0 */

/* information of a GPU in procfs. */

#include "fuzz.h"
#include "nv/gpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct nv_gpu g;

	if (nv_gpu_parse(&a, (struct str){(const char *)data, n}, &g, NULL) == 0) {
		FUZZ_CHECK(g.node && g.minor < 1u << 20);
		FUZZ_CHECK(!g.uuid || strlen(g.uuid) <= 64);
		FUZZ_CHECK(!g.name || !strchr(g.name, '\n'));
	}
	return 0;
}
