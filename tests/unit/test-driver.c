/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/driver.h"

#include "base/path.h"
#include "h200.h"

static struct arena arena;
static struct nv_driver driver;
static struct nv_driver_query query;
static struct err err;
static const char *top;

static void begin(void)
{
	top = tree_enter();
	query = (struct nv_driver_query){
		.driver_root = arena_printf(&arena, "%s/root", top),
		.host = {arena_printf(&arena, "%s/proc", top), arena_printf(&arena, "%s/sys", top),
			 NULL},
	};
}

static void find(void)
{
	CHECK_OK(nv_driver_find(&arena, &query, &driver, &err), &err);
}

static const struct nv_file *file_at(const char *path)
{
	for (size_t i = 0; i < driver.files.n; i++)
		if (strcmp(driver.files.v[i].path, path) == 0)
			return &driver.files.v[i];
	return NULL;
}

static const char *link_at(const char *path)
{
	for (size_t i = 0; i < driver.links.n; i++)
		if (strcmp(driver.links.v[i].path, path) == 0)
			return driver.links.v[i].target;
	return "(none)";
}

static size_t count(enum nv_file_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < driver.files.n; i++)
		n += driver.files.v[i].kind == kind;
	return n;
}

static bool is_missing(const char *text)
{
	for (size_t i = 0; i < driver.missing.n; i++)
		if (strcmp(driver.missing.v[i], text) == 0)
			return true;
	return false;
}

static void put(const char *dir, const char *name, const char *soname, const char *version)
{
	struct h200_library l = {0};

	(void)snprintf(l.name, sizeof(l.name), "%s", name);
	(void)snprintf(l.soname, sizeof(l.soname), "%s", soname);
	h200_library(&arena, dir, version, &l);
}

/* The two libraries that every driver has. */
static void put_driver(const char *dir, const char *version)
{
	put(dir, "libcuda", "1", version);
	put(dir, "libnvidia-ml", "1", version);
}

TEST(the_driver_of_a_real_h200_is_found_whole)
{
	begin();
	h200_driver(&arena);
	find();
	CHECK_STR(driver.root, tree_path("root"));
	CHECK_STR(driver.version, "580.159.04");
	CHECK_STR(driver.module_version, "580.159.04");
	CHECK(driver.loaded);
	CHECK_INT(driver.library_dirs.n, 1);
	CHECK_STR(driver.library_dirs.v[0], "/usr/local/nvidia/lib64");
	CHECK_INT(count(NV_FILE_LIBRARY), COUNT_OF(h200_libraries));
	CHECK_INT(count(NV_FILE_BINARY), 5);
	CHECK_INT(count(NV_FILE_FIRMWARE), 2);
	CHECK_INT(count(NV_FILE_CONFIG), 3);
	CHECK_INT(driver.missing.n, 0);
	CHECK_INT(nv_driver_mismatch(&driver, &err), 0);
}

TEST(a_library_has_its_paths_soname_and_class)
{
	const struct nv_file *f;

	begin();
	h200_driver(&arena);
	find();
	CHECK((f = file_at("/usr/local/nvidia/lib64/libcuda.so.580.159.04")));
	CHECK_STR(f->host, tree_path("root/usr/local/nvidia/lib64/libcuda.so.580.159.04"));
	CHECK_STR(f->soname, "libcuda.so.1");
	CHECK_INT(f->bits, 64);
	CHECK_INT(f->classes, NV_CLASS_COMPUTE | NV_CLASS_VIDEO);
	CHECK((f = file_at("/usr/local/nvidia/firmware/nvidia/580.159.04/gsp_ga10x.bin")));
	CHECK_INT(f->classes, NV_CLASS_ALL);
}

TEST(links_are_those_that_programs_open)
{
	begin();
	h200_driver(&arena);
	find();
	CHECK_STR(link_at("/usr/local/nvidia/lib64/libcuda.so.1"), "libcuda.so.580.159.04");
	CHECK_STR(link_at("/usr/local/nvidia/lib64/libcuda.so"), "libcuda.so.1");
	CHECK_STR(link_at("/usr/local/nvidia/lib64/libGLX_indirect.so.0"),
		  "libGLX_nvidia.so.580.159.04");
	CHECK_STR(link_at("/usr/local/nvidia/lib64/libnvidia-opticalflow.so"),
		  "libnvidia-opticalflow.so.1");
	CHECK_STR(link_at("/usr/local/nvidia/lib64/gbm/nvidia-drm_gbm.so"),
		  "../libnvidia-allocator.so.1");
	/* Its soname is its file name: only the link without a number. */
	CHECK_STR(link_at("/usr/local/nvidia/lib64/libnvidia-glcore.so"),
		  "libnvidia-glcore.so.580.159.04");
	CHECK_STR(link_at("/usr/bin/nvidia-smi"), "/usr/local/nvidia/bin/nvidia-smi");
}

TEST(configuration_goes_to_the_usual_places)
{
	begin();
	h200_driver(&arena);
	find();
	CHECK_STR(file_at("/etc/vulkan/icd.d/nvidia_icd.json")->host,
		  tree_path("root/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json"));
	CHECK(file_at("/usr/share/glvnd/egl_vendor.d/10_nvidia.json"));
}

TEST(classes_choose_files)
{
	begin();
	h200_driver(&arena);
	find();
	CHECK(nv_file_wanted(file_at("/usr/local/nvidia/lib64/libcuda.so.580.159.04"),
			     NV_CLASS_COMPUTE));
	CHECK(!nv_file_wanted(file_at("/usr/local/nvidia/lib64/libcuda.so.580.159.04"),
			      NV_CLASS_UTILITY));
	CHECK(!nv_file_wanted(file_at("/usr/local/nvidia/lib64/libnvidia-glcore.so.580.159.04"),
			      NV_CLASS_COMPUTE | NV_CLASS_UTILITY));
	CHECK(nv_file_wanted(file_at("/usr/local/nvidia/bin/nvidia-smi"), NV_CLASS_UTILITY));
	CHECK(nv_file_wanted(file_at("/usr/local/nvidia/firmware/nvidia/580.159.04/gsp_ga10x.bin"),
			     0));
}

TEST(a_debian_layout_is_found_through_its_links)
{
	begin();
	put_driver("root/usr/lib/x86_64-linux-gnu/nvidia/current", "550.163.01");
	tree_link("/etc/alternatives/glx--libcuda.so.1",
		  "root/usr/lib/x86_64-linux-gnu/libcuda.so.1");
	tree_link("/usr/lib/x86_64-linux-gnu/nvidia/current/libcuda.so.1",
		  "root/etc/alternatives/glx--libcuda.so.1");
	h200_elf64("root/usr/lib/x86_64-linux-gnu/vdpau/libvdpau_nvidia.so.550.163.01", "");
	tree_file("root/usr/lib/nvidia/current/nvidia-smi", "");
	tree_link("/usr/lib/nvidia/current/nvidia-smi", "root/usr/bin/nvidia-smi");
	h200_elf64("root/usr/lib/x86_64-linux-gnu/libnvidia-egl-gbm.so.1.1.2",
		   "libnvidia-egl-gbm.so.1");
	tree_file("root/etc/OpenCL/vendors/nvidia.icd", "libnvidia-opencl.so.1");
	find();
	CHECK_STR(driver.version, "550.163.01");
	CHECK_INT(driver.library_dirs.n, 1);
	CHECK_STR(driver.library_dirs.v[0], "/usr/lib/x86_64-linux-gnu/nvidia/current");
	CHECK_STR(file_at("/usr/bin/nvidia-smi")->host,
		  tree_path("root/usr/lib/nvidia/current/nvidia-smi"));
	CHECK_STR(link_at("/usr/bin/nvidia-smi"), "(none)");
	CHECK(file_at("/usr/lib/x86_64-linux-gnu/libnvidia-egl-gbm.so.1.1.2"));
	CHECK(file_at("/etc/OpenCL/vendors/nvidia.icd"));
	CHECK(is_missing("libnvidia-opencl.so (compute,video)"));
	CHECK(!is_missing("nvidia-smi (utility)"));
}

TEST(vdpau_backends_come_from_their_own_directory)
{
	begin();
	put_driver("root/usr/lib/x86_64-linux-gnu", "550.163.01");
	h200_elf64("root/usr/lib/x86_64-linux-gnu/vdpau/libvdpau_nvidia.so.550.163.01",
		   "libvdpau_nvidia.so.1");
	h200_elf64("root/usr/lib/x86_64-linux-gnu/libnvidia-nvvm70.so.4", "libnvidia-nvvm70.so.4");
	find();
	CHECK_INT(file_at("/usr/lib/x86_64-linux-gnu/vdpau/libvdpau_nvidia.so.550.163.01")->classes,
		  NV_CLASS_VIDEO);
	CHECK_STR(link_at("/usr/lib/x86_64-linux-gnu/vdpau/libvdpau_nvidia.so.1"),
		  "libvdpau_nvidia.so.550.163.01");
	CHECK(file_at("/usr/lib/x86_64-linux-gnu/libnvidia-nvvm70.so.4"));
	CHECK_INT(driver.library_dirs.n, 1);
}

TEST(an_odd_directory_is_found_through_the_loader_cache_alone)
{
	struct strv paths = {0};

	begin();
	put_driver("root/srv/gpu", "550.1");
	arena_push(&arena, &paths, "/srv/gpu/libcuda.so.1");
	h200_cache(&arena, &paths);
	find();
	CHECK_STR(driver.library_dirs.v[0], "/srv/gpu");
}

TEST(an_odd_directory_is_found_through_the_loader_configuration_alone)
{
	begin();
	put_driver("root/srv/gpu", "550.1");
	tree_file("root/etc/ld.so.conf.d/gpu.conf", "# the driver\n  /srv/gpu  # here\nrelative\n");
	find();
	CHECK_STR(driver.library_dirs.v[0], "/srv/gpu");
}

TEST(a_stale_library_in_a_standard_directory_hides_nothing)
{
	struct strv paths = {0};

	begin();
	put_driver("root/usr/lib64", "535.1.1");
	put_driver("root/srv/gpu", "550.2.2");
	arena_push(&arena, &paths, "/srv/gpu/libcuda.so.1");
	h200_cache(&arena, &paths);
	tree_file("proc/driver/nvidia/version",
		  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.2.2  Thu Feb 22\n");
	find();
	CHECK_STR(driver.version, "550.2.2");
	CHECK_INT(driver.library_dirs.n, 1);
	CHECK_STR(driver.library_dirs.v[0], "/srv/gpu");
}

TEST(without_a_module_the_linked_version_wins_over_the_newest)
{
	begin();
	put_driver("root/usr/lib64", "535.1.1");
	h200_elf64("root/usr/lib64/libcuda.so.550.2.2", "libcuda.so.1");
	find();
	CHECK_STR(driver.version, "535.1.1");
	CHECK(!driver.loaded);
}

TEST(without_a_link_the_newest_wins_by_its_numbers)
{
	begin();
	h200_elf64("root/usr/lib64/libcuda.so.99.5", "libcuda.so.1");
	h200_elf64("root/usr/lib64/libcuda.so.100.1", "libcuda.so.1");
	find();
	CHECK_STR(driver.version, "100.1");
}

TEST(a_half_done_upgrade_is_told_with_both_versions)
{
	begin();
	put_driver("root/usr/lib64", "550.200");
	tree_file("proc/driver/nvidia/version", "NVRM version: NVIDIA  550.163  x\n");
	find();
	CHECK_STR(driver.version, "550.200");
	CHECK_INT(nv_driver_mismatch(&driver, &err), 1);
	CHECK(strstr(err.text, "are of version 550.200, but the loaded kernel module is 550.163: "
			       "reboot"));
}

TEST(a_root_through_a_link_and_with_a_slash_finds_the_same)
{
	begin();
	h200_driver(&arena);
	tree_link("root", "current");
	query.driver_root = tree_path("current/");
	find();
	CHECK_STR(driver.root, tree_path("current"));
	CHECK_INT(count(NV_FILE_LIBRARY), COUNT_OF(h200_libraries));
	CHECK_STR(driver.library_dirs.v[0], "/usr/local/nvidia/lib64");
	CHECK_STR(file_at("/usr/local/nvidia/lib64/libcuda.so.580.159.04")->host,
		  tree_path("current/usr/local/nvidia/lib64/libcuda.so.580.159.04"));
}

TEST(a_root_may_be_a_mere_directory_of_libraries)
{
	begin();
	put_driver("root", "550.1");
	find();
	CHECK_STR(driver.library_dirs.v[0], "/");
	CHECK(file_at("/libcuda.so.550.1"));
	CHECK_STR(link_at("/libcuda.so.1"), "libcuda.so.550.1");
}

TEST(a_given_search_path_replaces_all_and_may_lie_outside_the_root)
{
	struct strv given = {0};

	begin();
	h200_driver(&arena);
	put_driver("elsewhere", "580.159.04");
	arena_push(&arena, &given, arena_printf(&arena, "/nowhere:%s/elsewhere", top));
	query.library_paths = &given;
	find();
	CHECK_INT(count(NV_FILE_LIBRARY), 2);
	CHECK_STR(driver.library_dirs.v[0], tree_path("elsewhere"));
	CHECK_STR(file_at(tree_path("elsewhere/libcuda.so.580.159.04"))->host,
		  tree_path("elsewhere/libcuda.so.580.159.04"));
}

TEST(a_new_drivers_new_library_belongs_to_every_class)
{
	begin();
	put_driver("root/usr/lib64", "999.1");
	put("root/usr/lib64", "libnvidia-future", "1", "999.1");
	put("root/usr/lib64", "libother", "1", "1.2.3");
	find();
	CHECK_INT(file_at("/usr/lib64/libnvidia-future.so.999.1")->classes, NV_CLASS_ALL);
	CHECK(!file_at("/usr/lib64/libother.so.1.2.3"));
}

TEST(libraries_for_32_bit_programs_need_compat32)
{
	const struct nv_file *f;

	begin();
	put_driver("root/usr/lib/x86_64-linux-gnu", "550.1");
	h200_elf32("root/usr/lib/i386-linux-gnu/libcuda.so.550.1", "libcuda.so.1");
	find();
	CHECK((f = file_at("/usr/lib/i386-linux-gnu/libcuda.so.550.1")));
	CHECK_INT(f->bits, 32);
	CHECK(!nv_file_wanted(f, NV_CLASS_ALL & ~(unsigned)NV_CLASS_COMPAT32));
	CHECK(nv_file_wanted(f, NV_CLASS_COMPAT32 | NV_CLASS_COMPUTE));
	CHECK(!nv_file_wanted(f, NV_CLASS_COMPAT32 | NV_CLASS_UTILITY));
	CHECK_INT(driver.library_dirs.n, 1);
	CHECK_STR(link_at("/usr/lib/i386-linux-gnu/libcuda.so.1"), "libcuda.so.550.1");
	for (size_t i = 0; i < driver.links.n; i++)
		if (str_contains(str_of(driver.links.v[i].path), "i386"))
			CHECK(!nv_link_wanted(&driver.links.v[i], NV_CLASS_COMPUTE));
}

TEST(explicit_libraries_come_only_on_request)
{
	begin();
	put_driver("root/usr/lib64", "550.1");
	h200_elf64("root/usr/lib64/libEGL.so.1.1.0", "libEGL.so.1");
	tree_link("libEGL.so.1.1.0", "root/usr/lib64/libEGL.so");
	find();
	CHECK(!file_at("/usr/lib64/libEGL.so.1.1.0"));
	query.explicit_libraries = true;
	find();
	CHECK(file_at("/usr/lib64/libEGL.so.1.1.0"));
	CHECK_STR(link_at("/usr/lib64/libEGL.so.1"), "libEGL.so.1.1.0");
}

TEST(xorg_modules_keep_their_place)
{
	begin();
	put_driver("root/usr/lib64", "550.1");
	tree_file("root/usr/lib64/xorg/modules/drivers/nvidia_drv.so", "");
	tree_file("root/usr/lib64/xorg/modules/extensions/libglxserver_nvidia.so.550.1", "");
	find();
	CHECK_INT(file_at("/usr/lib64/xorg/modules/drivers/nvidia_drv.so")->kind, NV_FILE_XORG);
	CHECK_STR(link_at("/usr/lib64/xorg/modules/extensions/libglxserver_nvidia.so"),
		  "libglxserver_nvidia.so.550.1");
	CHECK_STR(link_at("/usr/lib64/xorg/modules/drivers/libglxserver_nvidia.so"), "(none)");
}

TEST(sockets_are_found_where_they_are)
{
	begin();
	put_driver("root/usr/lib64", "550.1");
	tree_file("root/var/run/nvidia-persistenced/socket", "");
	tree_dir("root/run/nvidia-fabricmanager/socket");
	tree_dir("root/tmp/nvidia-mps");
	find();
	CHECK_INT(count(NV_FILE_SOCKET), 2);
	CHECK(file_at("/var/run/nvidia-persistenced/socket"));
	CHECK(file_at("/tmp/nvidia-mps")->is_dir);
	CHECK_INT(file_at("/tmp/nvidia-mps")->classes, NV_CLASS_COMPUTE);
	query.no_ipc = true;
	find();
	CHECK_INT(count(NV_FILE_SOCKET), 0);
}

/* Anybody may make a link in /tmp; it must not become a writable mount of what it names. */
TEST(a_link_in_the_place_of_the_mps_directory_is_left_alone)
{
	begin();
	put_driver("root/usr/lib64", "550.1");
	tree_link("/etc", "root/tmp/nvidia-mps");
	tree_dir("root/etc");
	find();
	CHECK(!file_at("/tmp/nvidia-mps"));
	CHECK_INT(unlink("root/tmp/nvidia-mps"), 0);
	tree_dir("root/tmp/nvidia-mps");
	CHECK_INT(chown("root/tmp/nvidia-mps", 1234, 1234), 0);
	find();
	CHECK(!file_at("/tmp/nvidia-mps"));
}

TEST(a_hostile_soname_makes_no_link)
{
	begin();
	put_driver("root/usr/lib64", "550.1");
	h200_elf64("root/usr/lib64/libnvidia-x.so.550.1", "../../../etc/passwd");
	h200_elf64("root/usr/lib64/libnvidia-y.so.550.1", "a::b");
	tree_file("root/usr/lib64/libnvidia-z.so.550.1", "no ELF file");
	find();
	CHECK(!file_at("/usr/lib64/libnvidia-x.so.550.1")->soname);
	CHECK(!file_at("/usr/lib64/libnvidia-y.so.550.1")->soname);
	CHECK(file_at("/usr/lib64/libnvidia-z.so.550.1"));
	for (size_t i = 0; i < driver.links.n; i++)
		CHECK(!str_contains(str_of(driver.links.v[i].path), "passwd"));
}

TEST(no_libraries_with_a_loaded_module_is_a_missing_package)
{
	begin();
	tree_dir("root/usr/lib64");
	tree_file("proc/driver/nvidia/version", "NVRM version: NVIDIA  550.163  x\n");
	CHECK_INT(nv_driver_find(&arena, &query, &driver, &err), -ENOENT);
	CHECK(strstr(err.text, "the kernel module nvidia is loaded, but there is no libcuda.so"));
	CHECK(strstr(err.text, "install the driver's libraries"));
}

TEST(no_libraries_and_no_module_says_both)
{
	begin();
	tree_dir("root/usr/lib64");
	CHECK_INT(nv_driver_find(&arena, &query, &driver, &err), -ENOENT);
	CHECK(strstr(err.text, "no libcuda.so or libnvidia-ml.so below "));
	CHECK(strstr(err.text, "the kernel module nvidia is not loaded"));
}

TEST(nvml_is_found_as_a_library_that_leads_to_a_file)
{
	begin();
	tree_link("libnvidia-ml.so.550.1", "root/usr/lib64/libnvidia-ml.so.1");
	CHECK(!nv_driver_has_nvml(query.driver_root));
	tree_file("root/usr/lib64/libnvidia-ml.so.550.1", "");
	CHECK(nv_driver_has_nvml(query.driver_root));
	CHECK(!nv_driver_has_nvml("/does/not/exist"));
}
