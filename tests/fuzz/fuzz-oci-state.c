/* SPDX-License-Identifier: Apache-2.0 */

/* What a runtime writes to a hook's standard input. */

#include "base/mem.h"
#include "base/path.h"
#include "fuzz.h"
#include "oci/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct oci_state s;
	const char *root;
	struct err e;

	if (oci_state_parse(&a, fuzz_input(data, n), "state", &s, &e) < 0)
		return 0;
	FUZZ_CHECK(!s.bundle || s.bundle[0] != '\0');
	/* Without a root of its own, a file would be read. */
	if (s.root && oci_state_rootfs(&a, &s, &root, &e) == 0) {
		auto_free char *clean = path_clean(root);

		FUZZ_CHECK(root[0] == '/' && strcmp(clean, root) == 0);
	}
	return 0;
}
