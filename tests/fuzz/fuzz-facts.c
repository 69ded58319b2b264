/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

#include "nv/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text = {(const char *)data, size};
	struct nv_gpus gpus = {0};
	struct nv_facts facts;
	struct err e;

	arena_push(&a, &gpus, ((struct nv_gpu){.pci = "0000:06:00.0"}));
	arena_push(&a, &gpus.v[0].migs, ((struct nv_mig){.gi = 1}));
	if (nv_facts_parse(&a, text, &facts, &e) == 0)
		nv_facts_merge(&a, &facts, &gpus);
	return 0;
}
