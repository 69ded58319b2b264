/* SPDX-License-Identifier: Apache-2.0 */

/* A loader cache. What was read can be written and read again, and is then in order. */

#include "codec/ldcache.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	AUTO(strbuf_done) struct strbuf b = {0};
	struct ldcache cache = {0}, again = {0};

	if (ldcache_parse(&a, (struct str){(const char *)data, n}, "input", &cache, NULL) < 0)
		return 0;
	ldcache_write(&cache, &b);
	if (ldcache_parse(&a, strbuf_str(&b), "output", &again, NULL) < 0 || again.n != cache.n)
		__builtin_trap();
	for (size_t i = 0; i < again.n; i++) {
		if (strcmp(again.v[i].soname, cache.v[i].soname) != 0 ||
		    strcmp(again.v[i].path, cache.v[i].path) != 0)
			__builtin_trap();
	}
	return 0;
}
