/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include "generating.h"

static struct cdi_spec spec;
static struct strv ids;

static void generate(void)
{
	CHECK_OK(cdi_generate_spec(&arena, &options, &snapshot, &ids, &spec, &err), &err);
	CHECK_OK(cdi_spec_validate(&spec, &err), &err);
}

static const char *device_names(void)
{
	struct strv list = {0};

	for (size_t i = 0; i < spec.devices.n; i++)
		arena_push(&arena, &list, spec.devices.v[i].name);
	return joined(&list);
}

static const struct cdi_edits *device(const char *name)
{
	for (size_t i = 0; i < spec.devices.n; i++)
		if (strcmp(spec.devices.v[i].name, name) == 0)
			return &spec.devices.v[i].edits;
	FAIL("no device %s", name);
}

/* The second argument of a hook: what it does. */
static const char *hook_names(const struct cdi_edits *e)
{
	struct strv list = {0};

	for (size_t i = 0; i < e->hooks.n; i++)
		arena_push(&arena, &list, e->hooks.v[i].args.v[1]);
	return joined(&list);
}

TEST(a_field_machine_gives_the_spec_of_the_original)
{
	one_gpu();
	generate();
	CHECK_STR(spec.kind, "nvidia.com/gpu");
	CHECK_STR(spec.version, "0.5.0");
	CHECK_STR(device_names(), "0 GPU-feed0000-5eed-4c0d-9a11-c0ffee000000 all");
	CHECK_STR(nodes_of(device("0")), "nvidia0");
	CHECK_STR(nodes_of(device("all")), "nvidia0");
	CHECK_STR(nodes_of(&spec.edits), "nvidia-modeset nvidia-uvm nvidia-uvm-tools nvidiactl");
	CHECK_STR(joined(&spec.edits.env), "NVIDIA_CTK_LIBCUDA_DIR=/usr/local/nvidia/lib64 "
					   "NVIDIA_VISIBLE_DEVICES=void");
	/* 26 libraries, 5 programs, 2 firmware images, 3 configuration files. */
	CHECK_INT(spec.edits.mounts.n, 36);
	for (size_t i = 0; i < spec.edits.mounts.n; i++)
		CHECK_STR(joined(&spec.edits.mounts.v[i].options),
			  "ro nosuid nodev rbind rprivate");
	CHECK_STR(mount_at(&spec.edits, "/usr/local/nvidia/lib64/libcuda.so.580.159.04")->host_path,
		  under("root/usr/local/nvidia/lib64/libcuda.so.580.159.04"));
	CHECK(mount_at(&spec.edits, "/etc/vulkan/icd.d/nvidia_icd.json"));
}

TEST(a_node_leaves_its_numbers_to_the_reader)
{
	const struct cdi_node *n;

	one_gpu();
	generate();
	n = &device("0")->nodes.v[0];
	CHECK_STR(n->path, "/dev/nvidia0");
	CHECK_STR(n->host_path, under("root/dev/nvidia0"));
	CHECK_STR(n->permissions, "rwm");
	CHECK_INT(n->file_mode, 0666);
	CHECK(!n->type && !n->has_uid && !n->has_gid);
	CHECK_INT(n->major, 0);
	options.node_numbers = true;
	generate();
	CHECK_INT(device("0")->nodes.v[0].major, 195);
}

TEST(one_hook_does_every_job)
{
	const struct cdi_hook *h;
	const char *args;

	one_gpu();
	options.fingerprint = true;
	generate();
	CHECK_INT(spec.edits.hooks.n, 1);
	h = &spec.edits.hooks.v[0];
	CHECK_STR(h->name, "createContainer");
	CHECK_STR(h->path, HOOK);
	CHECK_STR(joined(&h->env), "NVIDIA_CTK_DEBUG=false");
	CHECK_INT(h->timeout, 30);
	args = joined(&h->args);
	CHECK(str_has_prefix(str_of(args),
			     "nvidia-cdi-hook setup --link "
			     "../libnvidia-allocator.so.1::/usr/local/nvidia/lib64/gbm/"
			     "nvidia-drm_gbm.so --link "));
	CHECK(strstr(args, " --link libcuda.so.1::/usr/local/nvidia/lib64/libcuda.so "
			   "--link libcuda.so.580.159.04::/usr/local/nvidia/lib64/libcuda.so.1 "));
	CHECK(str_has_suffix(str_of(args),
			     arena_printf(&arena,
					  " --folder /usr/local/nvidia/lib64 --host-driver-version "
					  "580.159.04 --fingerprint=0123abcd --driver-root=%s/root",
					  top)));
	for (size_t i = 0; i < spec.devices.n; i++)
		CHECK_INT(spec.devices.v[i].edits.hooks.n, 0);
}

TEST(jobs_that_are_not_wanted_are_skipped_by_name)
{
	one_gpu();
	options.jobs = CDI_JOB_SYMLINKS | CDI_JOB_LDCACHE;
	generate();
	CHECK(strstr(joined(&spec.edits.hooks.v[0].args),
		     " --skip=enable-cuda-compat,disable-device-node-modification,"
		     "update-application-profile "));
	options.jobs = 0;
	generate();
	CHECK_INT(spec.edits.hooks.n, 0);
}

TEST(separate_hooks_are_those_of_the_original_in_its_order)
{
	one_gpu();
	options.features = CDI_FEATURE_SEPARATE_HOOKS;
	options.hook_path = "/usr/bin/nvidia-ctk";
	generate();
	CHECK_STR(joined(&spec.edits.hooks.v[2].args),
		  "nvidia-ctk hook enable-cuda-compat --host-driver-version=580.159.04");
	options.hook_path = HOOK;
	options.ldconfig_path = "/sbin/ldconfig";
	generate();
	CHECK_STR(hook_names(&spec.edits),
		  "create-symlinks create-symlinks enable-cuda-compat update-ldcache "
		  "disable-device-node-modification update-application-profile");
	CHECK_STR(joined(&spec.edits.hooks.v[3].args),
		  "nvidia-cdi-hook update-ldcache --ldconfig-path /sbin/ldconfig --folder "
		  "/usr/local/nvidia/lib64");
	for (size_t i = 0; i < spec.edits.hooks.n; i++) {
		CHECK_STR(joined(&spec.edits.hooks.v[i].env), "NVIDIA_CTK_DEBUG=false");
		CHECK_INT(spec.edits.hooks.v[i].timeout, 0);
	}
}

TEST(display_nodes_come_with_their_gpu)
{
	machine();
	gpu(0, "0000:00:06.0");
	tree_dir("sys/bus/pci/devices/0000:00:06.0/drm/card1");
	tree_node("root/dev/dri/card1", 226, 1, 0660);
	CHECK_INT(chown("root/dev/dri/card1", 0, 44), 0);
	tree_link("../card1", "root/dev/dri/by-path/pci-0000:00:06.0-card");
	look();
	options.features = CDI_FEATURE_SEPARATE_HOOKS;
	generate();
	CHECK_STR(nodes_of(device("0")), "nvidia0 card1");
	CHECK_INT(device("0")->nodes.v[1].gid, 44);
	CHECK_INT(device("0")->gids.n, 1);
	CHECK_INT(device("0")->gids.v[0], 44);
	/* SE-15: the link as the container sees it, without the root. */
	CHECK_STR(joined(&device("0")->hooks.v[0].args),
		  "nvidia-cdi-hook create-symlinks --link "
		  "../card1::/dev/dri/by-path/pci-0000:00:06.0-card");
	CHECK_STR(spec.version, "0.7.0");
	options.features = CDI_FEATURE_NO_GIDS;
	options.classes = NV_CLASS_COMPUTE | NV_CLASS_UTILITY;
	generate();
	CHECK_STR(nodes_of(device("0")), "nvidia0");
	CHECK_INT(device("0")->gids.n, 0);
}

TEST(chmod_is_made_where_it_is_asked_for)
{
	machine();
	gpu(0, "0000:00:06.0");
	tree_dir("sys/bus/pci/devices/0000:00:06.0/drm/card1");
	tree_node("root/dev/dri/card1", 226, 1, 0660);
	look();
	options.jobs |= CDI_JOB_CHMOD;
	generate();
	CHECK_STR(joined(&device("0")->hooks.v[0].args),
		  "nvidia-cdi-hook chmod --mode 755 --path /dev/dri");
}

TEST(mig_devices_have_their_parent_and_their_capabilities)
{
	const struct cdi_node *made;

	two_gpus_one_divided();
	look();
	options.naming = CDI_NAME_INDEX | CDI_NAME_TYPE_INDEX;
	generate();
	CHECK_STR(device_names(), "0 1:0 all gpu0 mig1:0");
	CHECK_STR(nodes_of(device("1:0")), "nvidia1 nvidia-cap156 nvidia-cap157");
	CHECK_STR(nodes_of(device("all")), "nvidia0 nvidia1 nvidia-cap156 nvidia-cap157");
	/* The second does not exist yet: whoever starts the container makes it from its numbers. */
	made = &device("1:0")->nodes.v[2];
	CHECK_STR(made->type, "c");
	CHECK_INT(made->major, 241);
	CHECK_INT(made->minor, 157);
	CHECK(!made->host_path);
}

TEST(old_uuids_of_mig_devices_are_no_names)
{
	two_gpus_one_divided();
	look();
	snapshot.gpus.v[1].migs.v[0].uuid = "MIG-GPU-feed0001/2/0";
	generate();
	CHECK_STR(device_names(), "0 1:0 GPU-feed0000-5eed-4c0d-9a11-c0ffee000000 all");
	options.naming = CDI_NAME_UUID;
	CHECK_INT(cdi_generate_spec(&arena, &options, &snapshot, &ids, &spec, &err), -ENODEV);
	CHECK(strstr(err.text, "has no name by the chosen strategies"));
}

TEST(a_sick_gpu_is_left_out_of_all)
{
	machine();
	gpu(0, "0000:00:06.0");
	gpu(1, "0000:00:07.0");
	CHECK_INT(unlink("root/dev/nvidia0"), 0);
	look();
	log_threshold = LOG_ERROR;
	options.naming = CDI_NAME_INDEX;
	generate();
	CHECK_STR(device_names(), "1 all");
	arena_push(&arena, &ids, "0");
	CHECK_INT(cdi_generate_spec(&arena, &options, &snapshot, &ids, &spec, &err), -EIO);
	CHECK(strstr(err.text, "/dev/nvidia0 is missing"));
}

TEST(no_gpu_at_all_is_an_error_that_says_why)
{
	machine();
	look();
	CHECK_INT(cdi_generate_spec(&arena, &options, &snapshot, &ids, &spec, &err), -ENODEV);
	CHECK(str_has_prefix(str_of(err.text), "no GPU was found"));
	gpu(0, "0000:00:06.0");
	CHECK_INT(unlink("root/dev/nvidia0"), 0);
	look();
	log_threshold = LOG_ERROR;
	CHECK_INT(cdi_generate_spec(&arena, &options, &snapshot, &ids, &spec, &err), -ENODEV);
	CHECK(strstr(err.text, "1 of 1 are sick"));
}

TEST(a_driver_without_libcuda_is_refused_where_compute_is_wanted)
{
	machine();
	gpu(0, "0000:00:06.0");
	CHECK_INT(unlink(H200_LIBS "/libcuda.so." H200_VERSION), 0);
	look();
	log_threshold = LOG_ERROR;
	CHECK_INT(cdi_generate_spec(&arena, &options, &snapshot, &ids, &spec, &err), -ENOENT);
	CHECK(strstr(err.text, "there is no libcuda.so.580.159.04 below "));
	options.classes = NV_CLASS_UTILITY;
	generate();
	CHECK_STR(nodes_of(device("0")), "nvidia0");
}

TEST(a_spec_has_no_libraries_for_32_bit_programs)
{
	machine();
	gpu(0, "0000:00:06.0");
	h200_elf32("root/usr/lib/i386-linux-gnu/libcuda.so.580.159.04", "libcuda.so.1");
	look();
	generate();
	CHECK_INT(spec.edits.mounts.n, 36);
	CHECK(!strstr(joined(&spec.edits.hooks.v[0].args), "i386"));
}

TEST(none_is_a_device_without_a_gpu)
{
	one_gpu();
	arena_push(&arena, &ids, "none");
	options.no_all_device = true;
	generate();
	CHECK_STR(device_names(), "none");
	CHECK_STR(joined(&device("none")->env), "NVCT_EMPTY_DEVICE=");
	CHECK_INT(spec.edits.mounts.n, 36);
}

TEST(classes_choose_nodes_files_links_and_jobs)
{
	const char *args;

	one_gpu();
	options.classes = NV_CLASS_UTILITY;
	generate();
	CHECK_STR(nodes_of(&spec.edits), "nvidiactl");
	CHECK(mount_at(&spec.edits, "/usr/local/nvidia/bin/nvidia-smi"));
	CHECK(mount_at(&spec.edits, "/usr/local/nvidia/lib64/libnvidia-ml.so.580.159.04"));
	CHECK(!mount_at(&spec.edits, "/usr/local/nvidia/lib64/libcuda.so.580.159.04"));
	CHECK(!mount_at(&spec.edits, "/etc/vulkan/icd.d/nvidia_icd.json"));
	args = joined(&spec.edits.hooks.v[0].args);
	CHECK(!strstr(args, "libcuda"));
	CHECK(strstr(args, "--skip=enable-cuda-compat,update-application-profile"));
	CHECK(strstr(args, "/usr/local/nvidia/bin/nvidia-smi::/usr/bin/nvidia-smi"));
}

TEST(sockets_are_shared_without_being_read_only)
{
	one_gpu();
	tree_dir("root/tmp/nvidia-mps");
	look();
	generate();
	CHECK_STR(joined(&mount_at(&spec.edits, "/tmp/nvidia-mps")->options),
		  "nosuid nodev rbind rprivate noexec");
}

TEST(management_is_every_node_of_the_driver)
{
	one_gpu();
	tree_node("root/dev/nvidia-fs0", 250, 0, 0666);
	tree_node("root/dev/nvidia-nvswitch0", 239, 0, 0660);
	CHECK_INT(chown("root/dev/nvidia-nvswitch0", 0, 44), 0);
	tree_node("root/dev/nvidia-caps/nvidia-cap1", 241, 1, 0400);
	tree_node("root/dev/nvidia-caps-imex-channels/channel0", 242, 0, 0666);
	options.mode = CDI_MODE_MANAGEMENT;
	options.vendor = "management.nvidia.com";
	generate();
	CHECK_STR(device_names(), "all");
	CHECK_STR(nodes_of(device("all")),
		  "nvidia-modeset nvidia-uvm nvidia-uvm-tools nvidia0 nvidiactl channel0 "
		  "nvidia-cap1");
	CHECK_INT(device("all")->gids.n, 0);
	CHECK_INT(spec.edits.nodes.n, 0);
	CHECK(strstr(joined(&spec.edits.hooks.v[0].args),
		     "--skip=disable-device-node-modification,update-application-profile"));
}

TEST(gated_modes_are_their_nodes)
{
	machine();
	tree_node("root/dev/nvidia-fs1", 250, 1, 0666);
	tree_node("root/dev/nvidia-fs0", 250, 0, 0666);
	tree_file("root/dev/nvidia-fs2", "not a device");
	tree_file("root/etc/cufile.json", "{}");
	options.mode = CDI_MODE_GDS;
	CHECK_OK(cdi_generate_spec(&arena, &options, NULL, &ids, &spec, &err), &err);
	CHECK_STR(nodes_of(device("all")), "nvidia-fs0 nvidia-fs1");
	CHECK_STR(device("all")->mounts.v[0].container_path, "/etc/cufile.json");
	CHECK_STR(joined(&spec.edits.env), "NVIDIA_VISIBLE_DEVICES=void");
	options.mode = CDI_MODE_MOFED;
	tree_node("root/dev/infiniband/uverbs0", 231, 192, 0666);
	tree_node("root/dev/infiniband/rdma_cm", 10, 58, 0666);
	CHECK_OK(cdi_generate_spec(&arena, &options, NULL, &ids, &spec, &err), &err);
	CHECK_STR(nodes_of(device("all")), "rdma_cm uverbs0");
	options.mode = CDI_MODE_NVSWITCH;
	tree_node("root/dev/nvidia-nvswitchctl", 239, 255, 0666);
	CHECK_OK(cdi_generate_spec(&arena, &options, NULL, &ids, &spec, &err), &err);
	CHECK_STR(nodes_of(device("all")), "nvidia-nvswitchctl");
}

TEST(a_gated_mode_without_nodes_says_what_was_looked_for)
{
	machine();
	options.mode = CDI_MODE_GDS;
	CHECK_INT(cdi_generate_spec(&arena, &options, NULL, &ids, &spec, &err), -ENODEV);
	CHECK_STR(err.text, arena_printf(&arena,
					 "no GDS devices were found: there is no "
					 "%s/root/dev/nvidia-fs*",
					 top));
	options.mode = CDI_MODE_GDRCOPY;
	CHECK_INT(cdi_generate_spec(&arena, &options, NULL, &ids, &spec, &err), -ENODEV);
	CHECK(str_has_prefix(str_of(err.text), "no GDRCopy device was found: "));
	options.mode = CDI_MODE_IMEX;
	CHECK_INT(cdi_generate_spec(&arena, &options, NULL, &ids, &spec, &err), -ENODEV);
	CHECK(str_has_prefix(str_of(err.text), "no IMEX channels were found"));
}

TEST(imex_channels_are_devices_by_number)
{
	machine();
	tree_node("root/dev/nvidia-caps-imex-channels/channel0", 242, 0, 0666);
	tree_node("root/dev/nvidia-caps-imex-channels/channel10", 242, 10, 0600);
	options.mode = CDI_MODE_IMEX;
	options.class = "imex-channel";
	CHECK_OK(cdi_generate_spec(&arena, &options, NULL, &ids, &spec, &err), &err);
	CHECK_STR(device_names(), "0 10 all");
	CHECK_STR(nodes_of(device("10")), "channel10");
	CHECK(!device("10")->nodes.v[0].has_file_mode);
}

TEST(coherent_devices_go_to_specs_of_their_own)
{
	struct cdi_spec more[2];

	machine();
	gpu(0, "0000:00:06.0");
	gpu(1, "0000:00:07.0");
	look();
	snapshot.gpus.v[0].coherent = NV_YES;
	options.naming = CDI_NAME_INDEX;
	options.features = CDI_FEATURE_COHERENT_ANNOTATIONS;
	generate();
	CHECK_INT(cdi_generate_coherent(&arena, &spec, more), 2);
	CHECK_INT(spec.devices.v[0].annotations.n, 0);
	CHECK_STR(device_names(), "0 1 all");
	spec = more[0];
	CHECK_STR(spec.kind, "nvidia.com/gpu.coherent");
	CHECK_STR(spec.version, "0.6.0");
	CHECK_STR(device_names(), "0 all");
	CHECK_STR(nodes_of(device("all")), "nvidia0");
	CHECK_INT(spec.edits.mounts.n, 36);
	spec = more[1];
	CHECK_STR(spec.kind, "nvidia.com/gpu.noncoherent");
	CHECK_STR(nodes_of(device("all")), "nvidia1");
	options.features = 0;
	generate();
	CHECK_INT(cdi_generate_coherent(&arena, &spec, more), 0);
}

TEST(features_and_jobs_have_names)
{
	CHECK_INT(cdi_feature_of(STR("separate-hooks")), CDI_FEATURE_SEPARATE_HOOKS);
	CHECK_INT(cdi_feature_of(STR("disable-nvsandbox-utils")), CDI_FEATURE_NO_SANDBOXUTILS);
	CHECK_INT(cdi_feature_of(STR("nonsense")), 0);
	CHECK_INT(cdi_job_of(STR("all")), CDI_JOB_ALL);
	CHECK_INT(cdi_job_of(STR("update-ldcache")), CDI_JOB_LDCACHE);
	CHECK_INT(cdi_job_of(STR("")), 0);
}
