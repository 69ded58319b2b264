/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "nv/snapshot-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read is written again as it was. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_done) struct arena a = {0};
	AUTO(strbuf_done) struct strbuf first = {0}, second = {0};
	struct str bytes = {arena_str(&a, (struct str){(const char *)data, size}), size};
	struct nv_kept k;

	if (nv_kept_read(&a, bytes, &k) < 0)
		return 0;
	nv_kept_write(&k, &first);
	assert(nv_kept_read(&a, strbuf_str(&first), &k) == 0);
	nv_kept_write(&k, &second);
	assert(str_eq(strbuf_str(&first), strbuf_str(&second)));
	return 0;
}
