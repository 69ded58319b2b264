/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/nvcaps.h"

#include "tree.h"

static struct arena arena;

TEST(names_give_their_minor)
{
	struct nvcaps caps = {0};
	uint32_t n = 0;

	nvcaps_parse(&arena, STR("config 1\nmonitor 2\ngpu0/gi0/access 3\ngpu0/gi0/ci0/access 4\n"),
		     &caps);
	CHECK_INT(caps.n, 4);
	CHECK_INT(nvcaps_find(&caps, "gpu0/gi0/ci0/access", &n), 1);
	CHECK_INT(n, 4);
	/* Backwards too: the search begins where the last one ended, but looks everywhere. */
	CHECK_INT(nvcaps_find(&caps, "config", &n), 1);
	CHECK_INT(n, 1);
	CHECK_INT(nvcaps_find(&caps, "gpu0/gi0/ci1/access", &n), 0);
	CHECK_INT(n, 1);
}

TEST(bad_lines_are_skipped)
{
	struct nvcaps caps = {0};

	nvcaps_parse(
		&arena,
		STR("\nconfig\nconfig  1\nmonitor -2\n 7\nx 1048576\ny 99999999999\nz 3 \nok 5"),
		&caps);
	CHECK_INT(caps.n, 1);
	CHECK_INT(caps.v[0].minor, 5);
}

TEST(both_tables_are_read_and_neither_must_exist)
{
	struct nv_host host = {0};
	struct nvcaps caps;
	struct err e;
	uint32_t n = 0;

	(void)tree_enter();
	host.proc = tree_path("proc");
	CHECK_OK(nvcaps_load(&arena, &host, &caps, &e), &e);
	CHECK_INT(caps.n, 0);
	CHECK_INT(nvcaps_find(&caps, "config", &n), 0);
	tree_file("proc/driver/nvidia-caps/mig-minors", "config 1\n");
	tree_file("proc/driver/nvidia-caps/sys-minors", "fabric-imex-mgmt 4323\n");
	CHECK_OK(nvcaps_load(&arena, &host, &caps, &e), &e);
	CHECK_INT(nvcaps_find(&caps, "fabric-imex-mgmt", &n), 1);
	CHECK_INT(n, 4323);
}
