/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include "test.h"

static struct arena arena;

static int parse(const char *text, struct machine *ret, struct err *e)
{
	return machine_parse(&arena, str_of(text), "m.json", ret, e);
}

static void refused(const char *text, const char *words)
{
	struct machine m;
	struct err e = {""};

	CHECK_INT(parse(text, &m, &e), -EBADMSG);
	if (!strstr(e.text, words))
		FAIL("\"%s\" does not contain \"%s\"", e.text, words);
}

#define DRIVER "\"driver\": {\"version\": \"580.159.04\"}"

TEST(a_short_description_gets_every_default)
{
	struct machine m;
	struct err e = {""};

	CHECK_OK(parse("{\"name\": \"x\", " DRIVER ", \"gpus\": [{\"pci\": \"0000:07:00.0\"},"
		       "{\"pci\": \"0000:06:00.0\"}]}",
		       &m, &e),
		 &e);
	CHECK_INT(m.gpus.n, 2);
	CHECK_STR(m.gpus.v[0].pci, "0000:06:00.0");
	CHECK_INT(m.gpus.v[1].minor, 1);
	CHECK_INT(m.gpus.v[1].bus, 7);
	CHECK_STR(m.gpus.v[0].compute_capability, "9.0");
	CHECK_STR(m.driver.cuda, "13.0");
	CHECK_INT(m.majors.nvidia, 195);
	CHECK(m.loaded);
	CHECK(strcmp(m.gpus.v[0].uuid, m.gpus.v[1].uuid) != 0);
	CHECK_INT(strlen(m.gpus.v[0].uuid), 40);
}

TEST(what_is_written_reads_back_as_the_same)
{
	AUTO(strbuf_done) struct strbuf first = {0}, second = {0};
	struct machine m;
	struct err e = {""};

	CHECK_OK(parse("{\"name\": \"x\", \"driver\": {\"version\": \"550.54.14\", \"parts\": "
		       "[\"mps\"],"
		       " \"without\": [\"libnvidia-ngx.so\"], \"files\": [{\"path\": \"/x\", "
		       "\"text\": \"y\"}]},"
		       "\"gpu\": {\"memory_mib\": 81920, \"mig\": {\"enabled\": true, "
		       "\"instances\": ["
		       "{\"gi\": 1, \"ci\": 0, \"profile\": \"3g.40gb\"}]}},"
		       "\"gpus\": [{\"pci\": \"0000:07:00.0\", \"device_id\": \"0x2330\", "
		       "\"numa_node\": -1,"
		       " \"energy_mj\": 123456789012, \"processes\": [{\"pid\": 7, \"name\": "
		       "\"p\"}]}],"
		       "\"nvswitches\": [{\"pci\": \"0000:01:00.0\"}], \"imex_channels\": [0, 5],"
		       "\"missing\": [\"/dev/nvidia0\"], \"faults\": [{\"call\": \"nvmlInit_v2\", "
		       "\"return\": 18}]}",
		       &m, &e),
		 &e);
	machine_write(&m, &first);
	CHECK_OK(parse(first.p, &m, &e), &e);
	machine_write(&m, &second);
	CHECK_STR(first.p, second.p);
	CHECK_STR(m.driver.cuda, "12.4");
	CHECK_INT(m.driver.parts, MACHINE_PART_MPS);
	CHECK_INT(m.gpus.v[0].migs.v[0].memory_mib, 40960);
	CHECK_INT(m.gpus.v[0].energy_mj, 123456789012);
	CHECK_INT(m.switches.n, 1);
	CHECK_INT(m.imex_channels.v[1], 5);
	CHECK_STR(m.missing.v[0], "/dev/nvidia0");
	CHECK_INT(m.faults.v[0].result, 18);
}

TEST(bad_descriptions_name_file_line_and_key)
{
	refused("{\"drivre\": {}}", "m.json:1: unknown key \"drivre\" in the machine");
	refused("{\n" DRIVER ",\n\"gpus\": [\n{\"pci\": \"0000:07:00.0\", \"memory\": 3}]}",
		"m.json:4: unknown key \"memory\" in a GPU");
	refused("{" DRIVER ",\n\"gpus\": [{\"pci\": \"0000:07:00.0\", \"minor\": 255}]}",
		"m.json:2: \"minor\" must be a number from 0 to 254");
	refused("{" DRIVER ", \"gpus\": [{\"pci\": \"7:0.0\"}]}",
		"m.json:1: a GPU needs a \"pci\" address");
	refused("{" DRIVER ", \"nvswitches\": [{\"pci\": \"0000:5:00.0\"}]}",
		"an NVSwitch needs a \"pci\" address like 0000:05:00.0");
	refused("{" DRIVER ", \"nvswitches\": [{}]}", "an NVSwitch needs a \"pci\" address");
	refused("{" DRIVER
		", \"gpus\": [{\"pci\": \"0000:07:00.0\", \"compute_capability\": \"9\"}]}",
		"GPU 0000:07:00.0: \"compute_capability\" \"9\" is not of the form 9.0");
	refused("{" DRIVER ", \"gpus\": [{\"pci\": \"0000:07:00.0\", \"lost\": 1}]}",
		"\"lost\" must be true or false");
	refused("{" DRIVER
		", \"gpus\": [{\"pci\": \"0000:07:00.0\"}, {\"pci\": \"0000:07:00.0\"}]}",
		"two GPUs have the address 0000:07:00.0");
	refused("{\"driver\": {\"version\": \"580.x\"}}", "driver version \"580.x\"");
	refused("{\"driver\": {\"version\": \"580.1.x\"}}", "driver version \"580.1.x\"");
	refused("{}", "\"driver\" needs a \"version\"");
	refused("{" DRIVER ", \"faults\": [{\"return\": 3}]}", "a fault needs a \"call\"");
}

TEST(mig_profiles_are_understood_and_checked)
{
	struct machine m;
	struct err e = {""};

	CHECK_OK(parse("{" DRIVER ", \"gpus\": [{\"pci\": \"0000:07:00.0\", \"memory_mib\": 98304,"
		       "\"mig\": {\"enabled\": true, \"instances\": ["
		       "{\"gi\": 1, \"ci\": 0, \"profile\": \"1c.3g.48gb\"},"
		       "{\"gi\": 1, \"ci\": 1, \"profile\": \"1c.3g.48gb\"},"
		       "{\"gi\": 3, \"ci\": 0, \"profile\": \"1g.12gb+me\"},"
		       "{\"gi\": 4, \"ci\": 0, \"profile\": \"1g.24gb+gfx\"}]}}]}",
		       &m, &e),
		 &e);
	CHECK_INT(m.gpus.v[0].migs.v[0].gi_slices, 3);
	CHECK_INT(m.gpus.v[0].migs.v[0].ci_slices, 1);
	CHECK_INT(m.gpus.v[0].migs.v[1].start, 0);
	CHECK_INT(m.gpus.v[0].migs.v[2].start, 4);
	CHECK(m.gpus.v[0].migs.v[2].media && !m.gpus.v[0].migs.v[2].graphics);
	CHECK(m.gpus.v[0].migs.v[3].graphics);
	refused("{" DRIVER ", \"gpus\": [{\"pci\": \"0000:07:00.0\", \"mig\": {\"enabled\": true,"
		"\"instances\": [{\"gi\": 1, \"profile\": \"3g\"}]}}]}",
		"MIG profile \"3g\" is not of the form");
	refused("{" DRIVER ", \"gpus\": [{\"pci\": \"0000:07:00.0\", \"minor\": 32, \"mig\": "
		"{\"enabled\": true}}]}",
		"GPU 0000:07:00.0: MIG needs a device minor below 32");
}

TEST(capability_minors_are_those_of_the_driver)
{
	CHECK_INT(machine_gi_minor(0, 0), 3);
	CHECK_INT(machine_ci_minor(0, 8, 7), 83);
	CHECK_INT(machine_gi_minor(1, 0), 138);
	CHECK_INT(machine_ci_minor(31, 14, 7), 4322);
}

TEST(a_fault_without_a_gpu_concerns_every_call)
{
	struct machine m;
	struct err e = {""};

	CHECK_OK(parse("{" DRIVER ", \"faults\": [{\"call\": \"nvmlDeviceGetName\", \"gpu\": 1, "
		       "\"return\": 15},"
		       "{\"call\": \"*\", \"delay_ms\": 5}]}",
		       &m, &e),
		 &e);
	CHECK_INT(machine_fault(&m, "nvmlDeviceGetName", 1)->result, 15);
	CHECK_INT(machine_fault(&m, "nvmlDeviceGetName", 0)->delay_ms, 5);
	CHECK_INT(machine_fault(&m, "nvmlInit_v2", -1)->delay_ms, 5);
}
