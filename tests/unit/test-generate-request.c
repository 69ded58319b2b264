/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include "generating.h"

static struct nv_request request;
static struct cdi_edits edits;

static void asked(const char *device_ids)
{
	struct str rest = str_of(device_ids), id;

	request = (struct nv_request){.source = NV_SOURCE_ENVIRONMENT};
	while (str_split(&rest, ',', &id))
		arena_push(&arena, &request.devices, arena_str(&arena, id));
}

static void edit(void)
{
	CHECK_OK(cdi_generate_edits(&arena, &options, &snapshot, &request, &edits, &err), &err);
}

TEST(a_request_gives_devices_first_then_what_they_share)
{
	machine();
	gpu(0, "0000:00:06.0");
	gpu(1, "0000:00:07.0");
	look();
	asked("runtime.nvidia.com/gpu=1,0");
	edit();
	CHECK_STR(nodes_of(&edits),
		  "nvidia0 nvidia1 nvidia-modeset nvidia-uvm nvidia-uvm-tools nvidiactl");
	CHECK_INT(edits.mounts.n, 36);
	CHECK_INT(edits.hooks.n, 1);
	CHECK_STR(edits.env.v[1], "NVIDIA_VISIBLE_DEVICES=void");
}

TEST(none_gives_the_driver_without_a_gpu)
{
	one_gpu();
	asked("none");
	edit();
	CHECK_STR(nodes_of(&edits), "nvidia-modeset nvidia-uvm nvidia-uvm-tools nvidiactl");
	CHECK_INT(edits.mounts.n, 36);
}

TEST(capabilities_of_the_request_choose_files)
{
	one_gpu();
	asked("0");
	request.capabilities_set = true;
	request.capabilities = NV_CLASS_COMPUTE | NV_CLASS_UTILITY;
	edit();
	CHECK_STR(nodes_of(&edits), "nvidia0 nvidia-uvm nvidia-uvm-tools nvidiactl");
	CHECK(mount_at(&edits, "/usr/local/nvidia/lib64/libcuda.so.580.159.04"));
	CHECK(!mount_at(&edits, "/usr/local/nvidia/lib64/libnvidia-glcore.so.580.159.04"));
}

TEST(libraries_for_32_bit_programs_are_for_who_asks)
{
	static const char path[] = "/usr/lib/i386-linux-gnu/libcuda.so.580.159.04";

	machine();
	gpu(0, "0000:00:06.0");
	h200_elf32(under(arena_printf(&arena, "root%s", path)), "libcuda.so.1");
	look();
	options.classes = NV_CLASS_ALL;
	asked("0");
	edit();
	CHECK(!mount_at(&edits, path));
	request.capabilities_set = true;
	request.capabilities = NV_CLASS_ALL;
	edit();
	CHECK(mount_at(&edits, path));
	CHECK(strstr(joined(&edits.hooks.v[0].args), "--folder /usr/lib/i386-linux-gnu"));
}

TEST(gated_features_and_channels_stand_between)
{
	one_gpu();
	tree_node("root/dev/gdrdrv", 240, 0, 0666);
	tree_node("root/dev/nvidia-caps-imex-channels/channel3", 242, 3, 0666);
	asked("0");
	request.gated = NV_GDRCOPY | NV_GDS;
	log_threshold = LOG_ERROR;
	arena_push(&arena, &request.imex_channels, "3");
	edit();
	CHECK_STR(nodes_of(&edits), "nvidia0 gdrdrv channel3 nvidia-modeset nvidia-uvm "
				    "nvidia-uvm-tools nvidiactl");
	arena_push(&arena, &request.imex_channels, "4");
	CHECK_INT(cdi_generate_edits(&arena, &options, &snapshot, &request, &edits, &err), -ENOENT);
	CHECK(strstr(err.text, "IMEX channel 4"));
}

TEST(the_right_to_configure_mig_is_a_node)
{
	two_gpus_one_divided();
	tree_node("root/dev/nvidia-caps/nvidia-cap1", 241, 1, 0400);
	look();
	asked("0");
	arena_push(&arena, &request.mig_config, "all");
	arena_push(&arena, &request.mig_monitor, "all");
	edit();
	CHECK(str_has_prefix(str_of(nodes_of(&edits)), "nvidia0 nvidia-cap1 nvidia-cap2 "));
	/* Made from numbers, as the driver would make it. */
	CHECK_INT(edits.nodes.v[2].major, 241);
	CHECK_INT(edits.nodes.v[2].file_mode, 0444);
	request.mig_config.v[0] = "0";
	CHECK_INT(cdi_generate_edits(&arena, &options, &snapshot, &request, &edits, &err), -EINVAL);
	CHECK(strstr(err.text, "only \"all\" can be asked for"));
}
