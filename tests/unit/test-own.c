/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/own.h"

#include "cdi/generate.h"
#include "test.h"

#define DIGEST "--fingerprint=0123456789abcdef0123456789abcdef"

static struct arena arena;
static struct cdi_own own;

/* Whether a spec with a hook of these arguments, blanks between, is ours. */
static bool is_ours(const char *name, const char *text)
{
	struct cdi_spec s = {.kind = "nvidia.com/gpu"};
	struct cdi_hook hook = {.name = name, .path = "/opt/hook"};
	struct cdi_node node = {.path = "/dev/nvidiactl", .host_path = "/drv/dev/nvidiactl"};
	struct str rest = str_of(text), word;

	while (str_split(&rest, ' ', &word))
		arena_push(&arena, &hook.args, arena_str(&arena, word));
	arena_push(&arena, &s.edits.hooks, hook);
	arena_push(&arena, &s.edits.nodes, node);
	return cdi_own_find(&arena, &s, &own);
}

TEST(a_spec_of_ours_says_how_it_was_made)
{
	CHECK(is_ours("createContainer",
		      "nvidia-cdi-hook setup --link a::/b --skip=enable-cuda-compat,unknown " DIGEST
		      " --driver-library=/drv/usr/lib/libcuda.so.1 --driver-root=/drv"));
	CHECK_STR(own.fingerprint, "0123456789abcdef0123456789abcdef");
	CHECK_STR(own.driver_root, "/drv");
	CHECK_STR(own.dev_root, "/drv");
	CHECK_STR(own.library, "/drv/usr/lib/libcuda.so.1");
	CHECK(!(own.jobs & CDI_JOB_CUDA_COMPAT));
	CHECK(own.jobs & CDI_JOB_LDCACHE);
	CHECK(is_ours("createContainer", "nvidia-ctk hook setup " DIGEST));
	CHECK_STR(own.driver_root, "/");
	CHECK(!own.library);
}

TEST(specs_of_others_are_not_ours)
{
	CHECK(!is_ours("createContainer", "acme-hook --fingerprint=1 --x"));
	CHECK(!is_ours("createContainer", "acme-hook prepare " DIGEST));
	CHECK(!is_ours("createContainer", "nvidia-cdi-hook setup --fingerprint=short"));
	CHECK(!is_ours("createContainer", "nvidia-cdi-hook setup"));
	CHECK(!is_ours("poststop", "nvidia-cdi-hook setup " DIGEST));
	CHECK(!is_ours("createContainer", "setup"));
}

TEST(names_of_every_strategy_are_identifiers)
{
	CHECK_STR(cdi_own_id("gpu12"), "12");
	CHECK_STR(cdi_own_id("mig0:1"), "0:1");
	CHECK_STR(cdi_own_id("0:1"), "0:1");
	CHECK_STR(cdi_own_id("GPU-1"), "GPU-1");
	CHECK_STR(cdi_own_id("all"), "all");
	CHECK_STR(cdi_own_id("gpu"), "gpu");
}
