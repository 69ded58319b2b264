/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/gpu.h"

#include "nv/pci.h"
#include "tree.h"

#define INFORMATION                                                                                \
	"Model: \t\t NVIDIA H200\nIRQ:   \t\t 41\nGPU UUID: \t "                                   \
	"GPU-feed0000-5eed-4c0d-9a11-c0ffee000000\nVideo BIOS: \t 96.00.a5.00.1a\n"                \
	"Bus Type: \t PCIe\nBus Location: \t 0000:00:06.0\nDevice Minor: \t %d\n"                  \
	"GPU Firmware: \t 580.159.04\nGPU Excluded:\t %s\n"

static struct arena arena;
static struct nv_host host;
static struct nv_gpus gpus;
static struct err err;

static void machine(void)
{
	const char *top = tree_enter();

	host = (struct nv_host){arena_printf(&arena, "%s/proc", top),
				arena_printf(&arena, "%s/sys", top), top};
	tree_file("proc/driver/nvidia/version", "NVRM version: x  580.159.04  y\n");
}

static void gpu(const char *pci, int minor, const char *excluded)
{
	char text[1024];
	char vendor[4] = {(char)0xde, 0x10, 0x35, 0x23};

	(void)snprintf(text, sizeof(text), INFORMATION, minor, excluded);
	tree_file(tree_path("proc/driver/nvidia/gpus/%s/information", pci), text);
	tree_bytes(tree_path("sys/bus/pci/devices/%s/config", pci), vendor, sizeof(vendor));
	tree_node(tree_path("dev/nvidia%d", minor), 195, (unsigned)minor, 0666);
}

TEST(information_of_a_real_driver_is_understood)
{
	struct nv_gpu g;

	CHECK_OK(nv_gpu_parse(&arena,
			      STR("Model: \t\t NVIDIA H200\nGPU UUID: \t "
				  "GPU-feed0000-5eed-4c0d-9a11-c0ffee000000\nDevice Minor: \t 3\n"),
			      &g, &err),
		 &err);
	CHECK_STR(g.name, "NVIDIA H200");
	CHECK_STR(g.uuid, "GPU-feed0000-5eed-4c0d-9a11-c0ffee000000");
	CHECK_INT(g.minor, 3);
	CHECK_STR(g.node, "/dev/nvidia3");
}

TEST(a_masked_uuid_is_unknown)
{
	struct nv_gpu g;

	CHECK_OK(nv_gpu_parse(&arena,
			      STR("GPU UUID: \t GPU-????????"
				  "-????"
				  "-????"
				  "-????"
				  "-????????????\n"
				  "Device Minor: \t 0\n"),
			      &g, &err),
		 &err);
	CHECK(!g.uuid);
}

TEST(information_without_a_minor_is_refused)
{
	struct nv_gpu g;

	CHECK_INT(nv_gpu_parse(&arena, STR(""), &g, &err), -EBADMSG);
	CHECK_INT(nv_gpu_parse(&arena, STR("Device Minor: x\n"), &g, &err), -EBADMSG);
	CHECK_INT(nv_gpu_parse(&arena, STR("Device Minor: 1048576\n"), &g, &err), -EBADMSG);
}

TEST(control_bytes_in_a_name_are_escaped)
{
	struct nv_gpu g;

	CHECK_OK(nv_gpu_parse(&arena, STR("Model: A\033[2JB\nDevice Minor: 0"), &g, &err), &err);
	CHECK_STR(g.name, "A\\x1b[2JB");
}

TEST(gpus_are_numbered_by_address_not_by_name_or_minor)
{
	machine();
	gpu("0000:c1:00.0", 0, "No");
	gpu("0000:0a:00.0", 2, "No");
	gpu("10000:01:00.0", 1, "No");
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.n, 3);
	CHECK_STR(gpus.v[0].pci, "0000:0a:00.0");
	CHECK_STR(gpus.v[0].node, "/dev/nvidia2");
	CHECK_STR(gpus.v[1].pci, "0000:c1:00.0");
	CHECK_STR(gpus.v[2].pci, "10000:01:00.0");
	CHECK_INT(gpus.v[2].index, 2);
	for (size_t i = 0; i < gpus.n; i++)
		CHECK(!gpus.v[i].sick);
}

TEST(an_excluded_gpu_does_not_count)
{
	machine();
	gpu("0000:01:00.0", 0, "Yes");
	gpu("0000:02:00.0", 1, "No");
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.n, 1);
	CHECK_INT(gpus.v[0].index, 0);
	CHECK_INT(gpus.v[0].minor, 1);
}

TEST(a_lost_gpu_is_sick_and_keeps_its_number)
{
	machine();
	gpu("0000:01:00.0", 0, "No");
	gpu("0000:02:00.0", 1, "No");
	tree_bytes("sys/bus/pci/devices/0000:01:00.0/config", "\377\377\377\377", 4);
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.n, 2);
	CHECK(strstr(gpus.v[0].sick, "it is lost"));
	CHECK(!gpus.v[1].sick);
	CHECK_INT(gpus.v[1].index, 1);
}

TEST(a_missing_node_makes_its_gpu_sick_and_names_the_cure)
{
	machine();
	gpu("0000:01:00.0", 3, "No");
	CHECK_INT(unlink("dev/nvidia3"), 0);
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK(strstr(gpus.v[0].sick, "/dev/nvidia3 is missing"));
	CHECK(strstr(gpus.v[0].sick, "nvidia-modprobe -c 3"));
}

TEST(an_unreadable_entry_is_a_sick_gpu)
{
	machine();
	gpu("0000:01:00.0", 0, "No");
	tree_file("proc/driver/nvidia/gpus/0000:02:00.0/information", "nonsense");
	tree_file("proc/driver/nvidia/gpus/notes/information", "ignored");
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.n, 2);
	CHECK(!gpus.v[1].node);
	CHECK(strstr(gpus.v[1].sick, "Device Minor"));
}

TEST(display_nodes_come_with_the_links_that_lead_to_them)
{
	machine();
	gpu("0000:01:00.0", 0, "No");
	tree_dir("sys/bus/pci/devices/0000:01:00.0/drm/card1");
	tree_dir("sys/bus/pci/devices/0000:01:00.0/drm/renderD128");
	tree_dir("sys/bus/pci/devices/0000:01:00.0/drm/renderD129");
	tree_dir("sys/bus/pci/devices/0000:01:00.0/drm/card1..");
	tree_node("dev/dri/card1", 226, 1, 0660);
	tree_node("dev/dri/renderD128", 226, 128, 0666);
	tree_link("../card1", "dev/dri/by-path/pci-0000:01:00.0-card");
	tree_link("../renderD129", "dev/dri/by-path/pci-0000:01:00.0-render");
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.v[0].drm.n, 2);
	CHECK_STR(gpus.v[0].drm.v[0], "/dev/dri/card1");
	CHECK_STR(gpus.v[0].drm.v[1], "/dev/dri/renderD128");
	CHECK_INT(gpus.v[0].drm_links.n, 2);
	CHECK_STR(gpus.v[0].drm_links.v[0], "../card1");
	CHECK_STR(gpus.v[0].drm_links.v[1], "/dev/dri/by-path/pci-0000:01:00.0-card");
}

TEST(mig_devices_are_numbered_by_their_instances)
{
	machine();
	gpu("0000:01:00.0", 4, "No");
	tree_file("proc/driver/nvidia/capabilities/gpu4/mig/gi10/ci0/access", "");
	tree_file("proc/driver/nvidia/capabilities/gpu4/mig/gi2/ci1/access", "");
	tree_file("proc/driver/nvidia/capabilities/gpu4/mig/gi2/ci0/access", "");
	tree_file("proc/driver/nvidia-caps/mig-minors",
		  "gpu4/gi2/access 21\ngpu4/gi2/ci0/access 22\ngpu4/gi2/ci1/access 23\n"
		  "gpu4/gi10/access 93\ngpu4/gi10/ci0/access 94\n");
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.v[0].mig_enabled, NV_YES);
	CHECK_INT(gpus.v[0].migs.n, 3);
	CHECK_INT(gpus.v[0].migs.v[1].gi, 2);
	CHECK_INT(gpus.v[0].migs.v[1].ci, 1);
	CHECK_INT(gpus.v[0].migs.v[1].index, 1);
	CHECK_INT(gpus.v[0].migs.v[1].gi_cap, 21);
	CHECK_INT(gpus.v[0].migs.v[1].ci_cap, 23);
	CHECK_INT(gpus.v[0].migs.v[2].gi, 10);
	CHECK_INT(gpus.v[0].migs.v[2].ci_cap, 94);
}

TEST(minors_are_read_from_the_access_files_where_there_is_no_table)
{
	machine();
	gpu("0000:01:00.0", 0, "No");
	tree_file("proc/driver/nvidia/capabilities/gpu0/mig/gi1/access",
		  "DeviceFileMinor: 12\nDeviceFileMode: 256\nDeviceFileModify: 1\n");
	tree_file("proc/driver/nvidia/capabilities/gpu0/mig/gi1/ci0/access",
		  "DeviceFileMinor: 13\n");
	tree_file("proc/driver/nvidia/capabilities/gpu0/mig/gi2/ci0/access",
		  "DeviceFileMinor: 22\n");
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.v[0].migs.n, 1);
	CHECK_INT(gpus.v[0].migs.v[0].gi_cap, 12);
	CHECK_INT(gpus.v[0].migs.v[0].ci_cap, 13);
}

TEST(without_instances_mig_is_unknown_or_off)
{
	machine();
	gpu("0000:01:00.0", 0, "No");
	gpu("0000:02:00.0", 1, "No");
	tree_dir("proc/driver/nvidia/capabilities/gpu0/mig");
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.v[0].mig_enabled, NV_UNKNOWN);
	CHECK_INT(gpus.v[1].mig_enabled, NV_NO);
}

TEST(a_driver_without_gpus_is_no_error)
{
	machine();
	CHECK_OK(nv_gpu_find(&arena, &host, &gpus, &err), &err);
	CHECK_INT(gpus.n, 0);
}

/* users.md P08: one message per situation. */
static void no_module(void)
{
	const char *top = tree_enter();

	host = (struct nv_host){arena_printf(&arena, "%s/proc", top),
				arena_printf(&arena, "%s/sys", top), ""};
	CHECK_INT(nv_gpu_find(&arena, &host, &gpus, &err), -ENODEV);
}

static void bus_gpu(const char *driver)
{
	tree_file("sys/bus/pci/devices/0000:01:00.0/vendor", "0x10de\n");
	tree_file("sys/bus/pci/devices/0000:01:00.0/class", "0x030200\n");
	if (driver)
		tree_link(tree_path("sys/bus/pci/drivers/%s", driver),
			  "sys/bus/pci/devices/0000:01:00.0/driver");
	CHECK_INT(nv_gpu_find(&arena, &host, &gpus, &err), -ENODEV);
}

TEST(a_module_that_is_not_loaded_is_said_so)
{
	no_module();
	CHECK(strstr(err.text, "is not loaded: run modprobe nvidia"));
	bus_gpu(NULL);
	CHECK(strstr(err.text, "is not loaded: run modprobe nvidia"));
}

TEST(nouveau_is_named_as_the_holder)
{
	no_module();
	bus_gpu("nouveau");
	CHECK(strstr(err.text,
		     "GPU 0000:01:00.0 is held by the driver nouveau: blacklist nouveau"));
}

TEST(secure_boot_is_named_as_the_cause)
{
	no_module();
	tree_bytes("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		   "\6\0\0\0\1", 5);
	bus_gpu(NULL);
	CHECK(strstr(err.text, "secure boot is on"));
}

TEST(a_bus_without_nvidia_is_said_so)
{
	no_module();
	tree_file("sys/bus/pci/devices/0000:00:01.0/vendor", "0x8086\n");
	CHECK_INT(nv_gpu_find(&arena, &host, &gpus, &err), -ENODEV);
	CHECK(strstr(err.text, "no NVIDIA GPU is on the PCI bus"));
}

TEST(control_nodes_are_those_that_exist)
{
	struct strv paths = {0};

	machine();
	tree_node("dev/nvidiactl", 195, 255, 0666);
	tree_node("dev/nvidia-uvm", 238, 0, 0666);
	tree_file("dev/nvidia-modeset", "not a device");
	nv_gpu_control_nodes(&arena, &host, &paths);
	CHECK_INT(paths.n, 2);
	CHECK_STR(paths.v[0], "/dev/nvidia-uvm");
	CHECK_STR(paths.v[1], "/dev/nvidiactl");
}

TEST(pci_addresses_are_read_in_every_spelling)
{
	struct nv_pci a, b;

	CHECK_INT(nv_pci_parse(STR("0000:3B:00.0"), &a), 0);
	CHECK_INT(nv_pci_parse(STR("00000000:3b:00.0"), &b), 0);
	CHECK_INT(nv_pci_compare(&a, &b), 0);
	CHECK_INT(nv_pci_parse(STR("3b:00.0"), &b), 0);
	CHECK_INT(nv_pci_compare(&a, &b), 0);
	CHECK_STR(nv_pci_text(&arena, &b), "0000:3b:00.0");
	CHECK_INT(nv_pci_parse(STR("3b:00"), &a), -EINVAL);
	CHECK_INT(nv_pci_parse(STR("3b:20.0"), &a), -EINVAL);
	CHECK_INT(nv_pci_parse(STR("3b:00.8"), &a), -EINVAL);
	CHECK_INT(nv_pci_parse(STR("0000:00:3b:00.0"), &a), -EINVAL);
	CHECK_INT(nv_pci_parse(STR(""), &a), -EINVAL);
	CHECK_INT(nv_pci_parse(STR(":."), &a), -EINVAL);
}
