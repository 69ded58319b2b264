/* SPDX-License-Identifier: Apache-2.0 */

/* Small texts: CDI names, majors in /proc/devices, lists of devices. One text, read as each. */

#include <string.h>

#include "base/mem.h"
#include "cdi/model.h"
#include "fuzz.h"
#include "oci/list.h"
#include "os/devnode.h"

static void check_name(struct str text)
{
	AUTO(arena_done) struct arena a = {0};
	struct cdi_name name;
	const char *again;

	if (cdi_name_parse(text, &name) < 0)
		return;
	FUZZ_CHECK(cdi_kind_is_valid(name.kind) && cdi_device_name_is_valid(name.device));
	again = arena_printf(&a, "%.*s=%.*s", STR_ARG(name.kind), STR_ARG(name.device));
	FUZZ_CHECK(str_is(text, again));
	/* Nothing in it that leads anywhere, ends a line or is cut off in C. */
	FUZZ_CHECK(!str_contains(text, "/../") && strlen(again) == text.n);
	for (size_t i = 0; i < text.n; i++)
		FUZZ_CHECK(text.p[i] > 0x20 && text.p[i] < 0x7f);
}

static void check_list(struct str text)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv list = {0};
	struct err e;

	if (oci_list_parse(&a, text, &list, &e) < 0)
		return;
	oci_list_words(&list);
	FUZZ_CHECK(list.n <= OCI_LIST_MAX);
	for (size_t i = 0; i < list.n; i++)
		FUZZ_CHECK(oci_list_check_item(str_of(list.v[i]), &e) == 0 && list.v[i][0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text = fuzz_input(data, n);
	uint32_t major = 0;

	check_name(text);
	check_list(text);
	if (devnode_major(text, "nvidia-uvm", &major) == 1)
		FUZZ_CHECK(str_contains(text, arena_printf(&a, "%u", major)));
	(void)oci_list_quote(&a, text);
	return 0;
}
