/* SPDX-License-Identifier: Apache-2.0 */

/* Lists of device identifiers, as an image or a user writes them. */

#include "base/log.h"
#include "fuzz.h"
#include "nv/select.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct nv_mig migs[] = {{.index = 0, .gi = 1, .uuid = "MIG-aaaa0000-1"},
				       {.index = 1, .gi = 2}};
	static struct nv_gpu list[] = {
		{.index = 0, .uuid = "GPU-fef80000-a", .pci = "0000:0a:00.0"},
		{.index = 1,
		 .uuid = "GPU-fef81111-b",
		 .pci = "0000:0b:00.0",
		 .mig_enabled = NV_YES,
		 .migs = {migs, 2, 2}},
		{.index = 2, .pci = "0000:0c:00.0", .sick = "GPU is lost"}};
	static const struct nv_gpus gpus = {list, 3, 3};
	AUTO(arena_done) struct arena a = {0};
	struct str rest = {(const char *)data, n}, id;
	struct nv_devices devices;
	struct strv ids = {0};
	struct err e;

	log_clear();
	while (ids.n < 64 && str_split(&rest, ',', &id))
		arena_push(&a, &ids, arena_str(&a, id));
	(void)nv_select_needs_nvml(&gpus, &ids);
	if (nv_select(&a, &gpus, &ids, 0, &devices, &e) < 0)
		FUZZ_CHECK(e.text[0] != '\0' && !strchr(e.text, '\n'));
	else
		for (size_t i = 0; i < devices.n; i++)
			FUZZ_CHECK(!devices.v[i].gpu->sick);
	return 0;
}
