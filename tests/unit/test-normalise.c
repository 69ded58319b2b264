/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/normalise.h"

#include "test.h"

static struct arena arena;

static void node(struct cdi_edits *e, const char *path, int64_t minor)
{
	struct cdi_node n = {.path = path, .minor = minor};

	arena_push(&arena, &e->nodes, n);
}

static void mount(struct cdi_edits *e, const char *host, const char *path)
{
	struct cdi_mount m = {.host_path = host, .container_path = path};

	arena_push(&arena, &e->mounts, m);
}

static const char *paths(const struct cdi_edits *e)
{
	const char *text = "";

	for (size_t i = 0; i < e->nodes.n; i++)
		text = arena_printf(&arena, "%s%s%s", text, i > 0 ? " " : "", e->nodes.v[i].path);
	return text;
}

TEST(nodes_are_ordered_by_depth_then_by_path)
{
	struct cdi_edits e = {0};

	node(&e, "/dev/dri/card1", 0);
	node(&e, "/dev/nvidiactl", 0);
	node(&e, "/dev/nvidia-uvm", 0);
	node(&e, "/dev/nvidia0", 0);
	cdi_edits_normalise(&arena, &e);
	CHECK_STR(paths(&e), "/dev/nvidia-uvm /dev/nvidia0 /dev/nvidiactl /dev/dri/card1");
}

TEST(what_is_equal_in_everything_is_kept_once)
{
	struct cdi_edits e = {0};

	node(&e, "/dev/a", 1);
	node(&e, "/dev/b", 0);
	node(&e, "/dev/a", 2);
	node(&e, "/dev/a", 1);
	arena_push(&arena, &e.env, "B=1");
	arena_push(&arena, &e.env, "A=1");
	arena_push(&arena, &e.env, "B=1");
	arena_push(&arena, &e.gids, 44u);
	arena_push(&arena, &e.gids, 7u);
	arena_push(&arena, &e.gids, 44u);
	cdi_edits_normalise(&arena, &e);
	CHECK_STR(paths(&e), "/dev/a /dev/a /dev/b");
	CHECK_INT(e.env.n, 2);
	CHECK_STR(e.env.v[0], "B=1");
	CHECK_INT(e.gids.n, 2);
	CHECK_INT(e.gids.v[0], 7);
}

TEST(mounts_of_one_path_keep_their_order)
{
	struct cdi_edits e = {0};

	mount(&e, "/2", "/x");
	mount(&e, "/1", "/x");
	mount(&e, "/2", "/x");
	cdi_edits_normalise(&arena, &e);
	CHECK_INT(e.mounts.n, 2);
	CHECK_STR(e.mounts.v[0].host_path, "/2");
}

/* Edits are added shallowly: the same array may stand in two devices. */
TEST(other_edits_that_share_a_list_are_left_alone)
{
	struct cdi_edits e = {0}, shared;

	node(&e, "/dev/b", 0);
	node(&e, "/dev/a", 0);
	node(&e, "/dev/a", 0);
	shared = e;
	cdi_edits_normalise(&arena, &e);
	CHECK_STR(paths(&e), "/dev/a /dev/b");
	CHECK_STR(paths(&shared), "/dev/b /dev/a /dev/a");
}

TEST(devices_lose_what_all_share_unless_nothing_is_left)
{
	struct cdi_device one = {.name = "b"}, two = {.name = "a"};
	struct cdi_spec s = {0};

	node(&s.edits, "/dev/nvidiactl", 0);
	arena_push(&arena, &s.edits.gids, 44u);
	node(&one.edits, "/dev/nvidiactl", 0);
	node(&one.edits, "/dev/nvidia0", 0);
	arena_push(&arena, &one.edits.gids, 44u);
	node(&two.edits, "/dev/nvidiactl", 0);
	arena_push(&arena, &s.devices, one);
	arena_push(&arena, &s.devices, two);
	cdi_spec_normalise(&arena, &s);
	CHECK_STR(s.devices.v[0].name, "a");
	CHECK_STR(paths(&s.devices.v[0].edits), "/dev/nvidiactl");
	CHECK_STR(paths(&s.devices.v[1].edits), "/dev/nvidia0");
	CHECK_INT(s.devices.v[1].edits.gids.n, 0);
}
