/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include "test.h"

static struct arena arena;
static struct machine machine;
static struct content content;

static const char devices[] =
	"Character devices:\n  1 mem\n238 hidraw\n195 nvidia\n\nBlock devices:\n  7 loop\n";

static void make(const char *more)
{
	const struct content_payload none = {0};
	struct err e = {""};
	const char *text =
		arena_printf(&arena,
			     "{\"driver\": {\"version\": \"580.159.04\", \"layout\": \"debian\","
			     "\"parts\": [\"compute\", \"utility\", \"graphics\"]},"
			     "\"gpus\": [{\"pci\": \"0000:07:00.0\"}] %s}",
			     more);

	CHECK_OK(machine_parse(&arena, str_of(text), "m", &machine, &e), &e);
	content_choose_majors(&machine, str_of(devices));
	content_make(&arena, &machine, &none, str_of(devices), STR("loop 1 0 - Live 0x0\n"),
		     &content);
}

static const struct content_item *find(const char *path)
{
	for (size_t i = 0; i < content.n; i++)
		if (strcmp(content.v[i].path, path) == 0)
			return &content.v[i];
	return NULL;
}

static const struct content_item *need(const char *path)
{
	const struct content_item *item = find(path);

	if (!item)
		FAIL("no %s in the tree", path);
	return item;
}

TEST(parents_come_before_their_children_and_no_path_is_twice)
{
	make("");
	for (size_t i = 0; i < content.n; i++) {
		for (size_t k = i + 1; k < content.n; k++) {
			size_t n = strlen(content.v[k].path);

			if (strcmp(content.v[i].path, content.v[k].path) == 0)
				FAIL("%s is there twice", content.v[i].path);
			if (strncmp(content.v[i].path, content.v[k].path, n) == 0 &&
			    content.v[i].path[n] == '/')
				FAIL("%s comes before %s", content.v[i].path, content.v[k].path);
		}
	}
}

TEST(the_driver_is_laid_out_with_its_links)
{
	make("");
	CHECK(str_is(need("/usr/lib/x86_64-linux-gnu/libcuda.so.1")->data,
		     "libcuda.so.580.159.04"));
	CHECK(str_is(need("/usr/lib/x86_64-linux-gnu/libcuda.so")->data, "libcuda.so.1"));
	CHECK_INT(need("/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04")->kind, CONTENT_FILE);
	CHECK(!find("/usr/lib/x86_64-linux-gnu/libnvcuvid.so.1"));
	CHECK_INT(need("/usr/bin/nvidia-modprobe")->mode, 04755);
}

TEST(majors_of_the_host_are_avoided)
{
	make("");
	CHECK(machine.majors.nvidia != 195);
	CHECK(machine.majors.uvm != 238);
	CHECK_INT(need("/dev/nvidia0")->major, machine.majors.nvidia);
	CHECK(str_contains(need(CONTENT_DEVICES)->data, "238 hidraw\n"));
	CHECK(!str_contains(need(CONTENT_DEVICES)->data, "195 nvidia\n"));
	CHECK(str_contains(need(CONTENT_DEVICES)->data, "\nBlock devices:\n  7 loop\n"));
}

TEST(a_lost_gpu_reads_all_ones)
{
	make(", \"gpu\": {\"lost\": true}");
	CHECK_INT(need("/sys/bus/pci/devices/0000:07:00.0/config")->data.n, 256);
	CHECK_INT((unsigned char)need("/sys/bus/pci/devices/0000:07:00.0/config")->data.p[0], 0xff);
	make(", \"gpu\": {\"device_id\": \"0x2335\"}");
	CHECK_INT((unsigned char)need("/sys/bus/pci/devices/0000:07:00.0/config")->data.p[2], 0x35);
}

TEST(mig_instances_have_capabilities_and_nodes)
{
	make(", \"gpu\": {\"mig\": {\"enabled\": true, \"instances\": [{\"gi\": 1, \"ci\": 0,"
	     "\"profile\": \"1g.10gb\"}]}}");
	CHECK_INT(need("/dev/nvidia-caps/nvidia-cap12")->minor, 12);
	CHECK_INT(need("/dev/nvidia-caps/nvidia-cap13")->mode, 0444);
	CHECK(str_has_prefix(need("/proc/driver/nvidia/capabilities/gpu0/mig/gi1/ci0/access")->data,
			     "DeviceFileMinor: 13\n"));
}

TEST(what_is_missing_is_left_out_with_all_below_it)
{
	make(", \"missing\": [\"/dev/nvidia0\", \"/proc/driver/nvidia/gpus\"]");
	CHECK(!find("/dev/nvidia0"));
	CHECK(find("/dev/nvidiactl"));
	CHECK(!find("/proc/driver/nvidia/gpus/0000:07:00.0/information"));
}

TEST(without_its_modules_a_driver_is_only_files)
{
	make(", \"loaded\": false");
	CHECK(!find("/proc/driver/nvidia/version"));
	CHECK(!find("/dev/nvidiactl"));
	CHECK(find("/usr/lib/x86_64-linux-gnu/libcuda.so.1"));
	CHECK(!str_contains(need(CONTENT_DEVICES)->data, "nvidia"));
}
