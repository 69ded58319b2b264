/* SPDX-License-Identifier: Apache-2.0 */
#include "os/devnode.h"

#include "test.h"

static const char table[] = "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n"
			    "508 nvidia-caps\n\nBlock devices:\n  7 loop\n259 blkext\n";

TEST(major_finds_a_character_device_by_its_whole_name)
{
	uint32_t found = 0;

	CHECK_INT(devnode_major(str_of(table), "nvidia-caps", &found), 1);
	CHECK_INT(found, 508);
	CHECK_INT(devnode_major(str_of(table), "mem", &found), 1);
	CHECK_INT(found, 1);
	CHECK_INT(devnode_major(str_of(table), "nvidia-cap", &found), 0);
}

TEST(major_does_not_look_at_block_devices)
{
	uint32_t found = 77;

	CHECK_INT(devnode_major(str_of(table), "loop", &found), 0);
	CHECK_INT(found, 77);
}

TEST(major_skips_a_line_that_is_not_one)
{
	uint32_t found = 77;

	CHECK_INT(devnode_major(STR("x y\n-1 y\n\n99999999999 y\n"), "y", &found), 0);
	CHECK_INT(devnode_major((struct str){0}, "y", &found), 0);
	CHECK_INT(found, 77);
}

TEST(stat_tells_devices_from_files)
{
	struct devnode d;
	struct err e;

	CHECK_OK(devnode_stat("/dev/null", &d, &e), &e);
	CHECK_INT(d.type, 'c');
	CHECK_INT(d.major, 1);
	CHECK_INT(d.minor, 3);
	CHECK(devnode_is_char("/dev/null"));
	CHECK_INT(devnode_stat("/etc/passwd", &d, &e), -ENODEV);
	CHECK_STR(e.text, "/etc/passwd is not a device node");
	CHECK_INT(devnode_stat("/dev/none", &d, &e), -ENOENT);
	CHECK(!devnode_is_char("/etc/passwd"));
}
