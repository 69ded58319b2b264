/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What must be true of every request: without a source it asks for nothing;
 * what it asks for is bounded, named once, and made of the characters of names.
 * The input is a config.json.
 */

#include "base/log.h"
#include "fuzz.h"
#include "oci/image.h"
#include "oci/list.h"

static void check_list(const struct strv *list, bool unique)
{
	FUZZ_CHECK(list->n <= OCI_LIST_MAX);
	for (size_t i = 0; i < list->n; i++) {
		FUZZ_CHECK(oci_list_check_item(str_of(list->v[i]), NULL) == 0);
		for (size_t k = 0; unique && k < i; k++)
			FUZZ_CHECK(strcmp(list->v[i], list->v[k]) != 0);
	}
}

static void check_request(const struct nv_request *r)
{
	if (r->source == NV_SOURCE_NONE) {
		FUZZ_CHECK(r->devices.n == 0 && r->imex_channels.n == 0 && r->gated == 0);
		FUZZ_CHECK(r->requirements.n == 0 && !r->capabilities_set);
		return;
	}
	FUZZ_CHECK(r->devices.n > 0);
	check_list(&r->devices, true);
	check_list(&r->imex_channels, true);
	check_list(&r->mig_config, true);
	check_list(&r->mig_monitor, true);
	FUZZ_CHECK(r->requirements.n == r->requirement_names.n);
	FUZZ_CHECK(r->privileged || (r->mig_config.n == 0 && r->mig_monitor.n == 0));
	FUZZ_CHECK((r->capabilities & ~(unsigned)NV_CLASS_ALL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct str source = {(const char *)data, n};
	struct strv prefixes = {0};
	struct oci_spec s;

	log_clear();
	if (oci_spec_parse(&a, source, "config.json", &s, NULL) < 0)
		return 0;
	arena_push(&a, &prefixes, "cdi.k8s.io/");
	for (unsigned bits = 0; bits < 16; bits++) {
		struct oci_image_policy policy = {
			.swarm_resource = bits & 1 ? STR("SWARM,NVIDIA_GDS") : STR(""),
			.accept_environment_when_unprivileged = !(bits & 2),
			.accept_mounts = bits & 4,
			.annotation_prefixes = bits & 8 ? &prefixes : NULL,
			.supported_capabilities = bits & 1 ? NV_CLASS_COMPUTE : NV_CLASS_ALL,
		};
		struct nv_request request;

		if (oci_image_request(&a, &s, &policy, &request, NULL) == 0)
			check_request(&request);
	}
	return 0;
}
