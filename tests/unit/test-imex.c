/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/imex.h"

#include "tree.h"

static struct arena arena;
static struct nv_host host;
static struct imex_channels channels;
static struct err err;

static int chosen(const char *const *ids, size_t n)
{
	struct strv list = {0};

	for (size_t i = 0; i < n; i++)
		arena_push(&arena, &list, ids[i]);
	return imex_select(&arena, &host, &list, &channels, &err);
}

#define SELECT(...)                                                                                \
	chosen((const char *const[]){__VA_ARGS__}, COUNT_OF(((const char *const[]){__VA_ARGS__})))

static void machine(void)
{
	host.dev_root = tree_enter();
	tree_node("dev/nvidia-caps-imex-channels/channel0", 242, 0, 0666);
	tree_node("dev/nvidia-caps-imex-channels/channel2", 242, 2, 0666);
	tree_node("dev/nvidia-caps-imex-channels/channel10", 242, 10, 0666);
	tree_file("dev/nvidia-caps-imex-channels/channel3", "not a device");
	tree_file("dev/nvidia-caps-imex-channels/notes", "");
}

TEST(channels_are_chosen_by_number_or_name_once_and_in_order)
{
	machine();
	CHECK_OK(SELECT("10", "channel2", "2", "00"), &err);
	CHECK_INT(channels.n, 3);
	CHECK_INT(channels.v[0], 0);
	CHECK_INT(channels.v[1], 2);
	CHECK_INT(channels.v[2], 10);
}

TEST(all_is_every_channel_that_exists)
{
	machine();
	CHECK_OK(SELECT("all"), &err);
	CHECK_INT(channels.n, 3);
	CHECK_INT(channels.v[2], 10);
}

TEST(all_is_nothing_without_channels)
{
	host.dev_root = tree_enter();
	CHECK_OK(SELECT("all"), &err);
	CHECK_INT(channels.n, 0);
}

TEST(a_missing_channel_is_named_with_its_node)
{
	machine();
	CHECK_INT(SELECT("0", "7"), -ENOENT);
	CHECK(strstr(err.text, "IMEX channel 7: "));
	CHECK(strstr(err.text, "/dev/nvidia-caps-imex-channels/channel7 is not there"));
	CHECK_INT(SELECT("3"), -ENOENT);
}

TEST(what_is_no_channel_is_refused)
{
	machine();
	CHECK_INT(SELECT("1048576"), -EINVAL);
	CHECK_INT(SELECT("channel"), -EINVAL);
	CHECK_INT(SELECT("-1"), -EINVAL);
	CHECK_INT(SELECT(""), -EINVAL);
	CHECK_INT(SELECT("0\n1"), -EINVAL);
	CHECK(strstr(err.text, "\"0\\x0a1\""));
}
