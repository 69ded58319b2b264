/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/select.h"

#include "base/log.h"
#include "test.h"

static struct arena arena;
static struct nv_devices devices;
static struct err err;

static struct nv_mig migs[] = {
	{.index = 0, .gi = 1, .ci = 0, .uuid = "MIG-aaaa0000-1"},
	{.index = 1, .gi = 2, .ci = 0, .uuid = "MIG-aaab0000-2"},
	{.index = 2, .gi = 2, .ci = 1, .uuid = NULL},
};

/* 0 healthy, 1 with MIG devices, 2 lost, 3 healthy without a known UUID. */
static struct nv_gpu list[] = {
	{.index = 0, .uuid = "GPU-fef80000-a", .pci = "0000:0a:00.0", .mig_enabled = NV_NO},
	{.index = 1,
	 .uuid = "GPU-fef81111-b",
	 .pci = "0000:0b:00.0",
	 .mig_enabled = NV_YES,
	 .migs = {migs, 3, 3}},
	{.index = 2, .uuid = "GPU-22220000-c", .pci = "0000:0c:00.0", .sick = "GPU is lost"},
	{.index = 3, .pci = "0001:0a:00.0", .mig_enabled = NV_UNKNOWN},
};
static struct nv_gpus gpus = {list, 4, 4};

static struct strv ids_of(const char *text)
{
	struct str rest = str_of(text), id;
	struct strv ids = {0};

	while (str_split(&rest, ',', &id))
		arena_push(&arena, &ids, arena_str(&arena, id));
	return ids;
}

static int chosen(const char *text, unsigned flags)
{
	struct strv ids = ids_of(text);

	return nv_select(&arena, &gpus, &ids, flags, &devices, &err);
}

/* "0 1:0": what was chosen, in order. */
static const char *choice(const char *text)
{
	const char *names = "";

	CHECK_OK(chosen(text, 0), &err);
	for (size_t i = 0; i < devices.n; i++) {
		const struct nv_device *d = &devices.v[i];

		names = arena_printf(&arena, "%s%s%u", names, i > 0 ? " " : "", d->gpu->index);
		if (d->mig)
			names = arena_printf(&arena, "%s:%u", names, d->mig->index);
	}
	return names;
}

TEST(all_is_healthy_gpus_then_mig_devices)
{
	log_threshold = LOG_ERROR;
	CHECK_STR(choice("all"), "0 3 1:0 1:1 1:2");
	CHECK_STR(choice("7,all"), "0 3 1:0 1:1 1:2");
}

TEST(none_is_nothing_and_the_first_keyword_decides)
{
	log_threshold = LOG_ERROR;
	CHECK_STR(choice("none"), "");
	CHECK_STR(choice("0,none,all"), "");
	CHECK_STR(choice("all,none"), "0 3 1:0 1:1 1:2");
}

TEST(indices_may_have_leading_zeros_and_count_once)
{
	CHECK_STR(choice("3,00,0"), "3 0");
	CHECK_STR(choice("1"), "1");
	CHECK_STR(choice("1:2,1:0,1:2"), "1:2 1:0");
}

TEST(uuids_match_in_any_case_and_by_a_unique_beginning)
{
	CHECK_STR(choice("GPU-fef80000-a"), "0");
	CHECK_STR(choice("gpu-FEF81111-B"), "1");
	CHECK_STR(choice("GPU-fef80,GPU-fef81"), "0 1");
	CHECK_STR(choice("MIG-aaab"), "1:1");
	CHECK_STR(choice("MIG-GPU-fef81111-b/2/1"), "1:2");
}

TEST(a_beginning_of_several_uuids_is_refused)
{
	CHECK_INT(chosen("GPU-fef8", 0), -ENOTUNIQ);
	CHECK(strstr(err.text, "\"GPU-fef8\" is the beginning of more than one UUID (GPU 0 and GPU "
			       "1)"));
}

TEST(pci_addresses_match_in_every_spelling)
{
	CHECK_STR(choice("0000:0A:00.0"), "0");
	CHECK_STR(choice("00000000:0b:00.0"), "1");
	CHECK_STR(choice("0a:00.0"), "0");
	CHECK_STR(choice("0001:0a:00.0"), "3");
}

TEST(the_reference_level_knows_neither_beginnings_nor_addresses)
{
	CHECK_INT(chosen("GPU-fef80", NV_SELECT_NO_PREFIX | NV_SELECT_NO_PCI), -ENODEV);
	CHECK_INT(chosen("0a:00.0", NV_SELECT_NO_PREFIX | NV_SELECT_NO_PCI), -ENODEV);
	CHECK_INT(chosen("GPU-fef80000-a", NV_SELECT_NO_PREFIX | NV_SELECT_NO_PCI), 0);
}

TEST(a_sick_gpu_asked_for_by_name_is_an_error_with_its_cause)
{
	CHECK_INT(chosen("0,2", 0), -EIO);
	CHECK_STR(err.text, "device \"2\" (GPU 2, 0000:0c:00.0) cannot be used: GPU is lost");
	CHECK_INT(chosen("GPU-2222", 0), -EIO);
}

TEST(an_unknown_device_is_named_with_what_there_is)
{
	CHECK_INT(chosen("4", 0), -ENODEV);
	CHECK_STR(err.text, "there is no device \"4\": this machine has 4 GPUs (0 to 3) and 3 MIG "
			    "devices");
	CHECK_INT(chosen("0:0", 0), -ENODEV);
	CHECK_INT(chosen("9:0", 0), -ENODEV);
	CHECK_INT(chosen("MIG-GPU-fef81111-b/2", 0), -ENODEV);
	CHECK_INT(chosen("MIG-GPU-fef81111-b/2/1/0", 0), -ENODEV);
	CHECK_INT(chosen("99999999999", 0), -EINVAL);
}

TEST(what_is_no_identifier_is_refused)
{
	CHECK_INT(chosen("", 0), -EINVAL);
	CHECK_INT(chosen("+0", 0), -EINVAL);
	CHECK_INT(chosen("GPU-", 0), -EINVAL);
	CHECK_INT(chosen("0:", 0), -EINVAL);
	CHECK_INT(chosen("a\nb", 0), -EINVAL);
	CHECK(strstr(err.text, "\"a\\x0ab\" is not a device"));
}

TEST(nvml_is_needed_only_for_uuids_that_procfs_hides)
{
	struct strv index = ids_of("0,all,1:0,0a:00.0"), gpu = ids_of("0,GPU-f"),
		    mig = ids_of("MIG-a");
	struct nv_gpus known = {list, 1, 1};

	CHECK(!nv_select_needs_nvml(&gpus, &index));
	CHECK(nv_select_needs_nvml(&gpus, &gpu));
	CHECK(nv_select_needs_nvml(&gpus, &mig));
	CHECK(!nv_select_needs_nvml(&known, &gpu));
	CHECK(!nv_select_needs_nvml(&known, &mig));
}
