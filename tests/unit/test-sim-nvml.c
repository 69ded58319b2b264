/* SPDX-License-Identifier: Apache-2.0 */

/* The simulated libnvidia-ml.so.1, loaded as any program would load it. */

#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "hide-symbol.h"
#include "machine.h"
#include "nvml-mig-types.h"
#include "test.h"

static struct arena arena;
static void *library;

static void *symbol(const char *name)
{
	void *p = dlsym(library, name);

	if (!p)
		FAIL("no symbol %s", name);
	return p;
}

static void (*function(const char *name))(void)
{
	void *p = symbol(name);
	void (*f)(void);

	memcpy(&f, &p, sizeof(f));
	return f;
}

/* Calls an exported function; its type follows from the arguments. */
#define CALL0(name)	  ((nvml_return(*)(void))function(name))()
#define CALL1(name, a)	  ((nvml_return(*)(__typeof__(a)))function(name))(a)
#define CALL2(name, a, b) ((nvml_return(*)(__typeof__(a), __typeof__(b)))function(name))(a, b)
#define CALL3(name, a, b, c)                                                                       \
	((nvml_return(*)(__typeof__(a), __typeof__(b), __typeof__(c)))function(name))(a, b, c)
#define PICK(name, a, b, c, chosen, ...) chosen
#define CALL(...)			 PICK(__VA_ARGS__, CALL3, CALL2, CALL1, CALL0, )(__VA_ARGS__)

static void write_file(const char *path, const char *text)
{
	struct err e;

	CHECK_OK(fs_write_atomic(path, str_of(text), 0644, FS_NO_SYNC, &e), &e);
}

static void describe(const char *text)
{
	AUTO(strbuf_done) struct strbuf full = {0};
	struct machine m;
	struct err e;

	CHECK_OK(machine_parse(&arena, str_of(text), "m.json", &m, &e), &e);
	machine_write(&m, &full);
	write_file(MACHINE_PATH, full.p);
}

static void node(const char *path, unsigned minor)
{
	CHECK_INT(mknod(path, S_IFCHR | 0666, makedev(195, minor)), 0);
}

/* A machine of our own: /proc/driver and /dev of a private mount namespace. */
static bool enter_machine(const char *text)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return false; /* the system tests do the same with more rights */
	CHECK_INT(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_INT(mount("sim", "/proc/driver", "tmpfs", 0, "mode=755"), 0);
	CHECK_INT(mount("sim", "/dev", "tmpfs", 0, "mode=755"), 0);
	CHECK_INT(mkdir("/proc/driver/nvidia", 0755), 0);
	CHECK_INT(mkdir(MACHINE_DIR, 0755), 0);
	CHECK_INT(mkdir("/dev/nvidia-caps", 0755), 0);
	write_file(
		"/proc/driver/nvidia/version",
		"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release\n");
	node("/dev/nvidiactl", 255);
	node("/dev/nvidia0", 0);
	node("/dev/nvidia1", 1);
	describe(text);
	library = dlopen(LIBRARY, RTLD_NOW);
	if (!library)
		FAIL("%s", dlerror());
	return true;
}

#define CALLS  "/run/nvidia-gpu-sim/nvml-calls"
#define DRIVER "\"name\": \"t\", \"driver\": {\"version\": \"580.159.04\", \"cuda\": \"13.0\"}"
#define TWO_GPUS                                                                                   \
	"\"gpus\": [{\"pci\": \"0000:06:00.0\", \"name\": \"NVIDIA H200\", \"uuid\": "             \
	"\"GPU-feed0000-5eed-4c0d-9a11-c0ffee000000\", \"memory_mib\": 143771, \"device_id\": "    \
	"\"0x2335\", \"subsystem_id\": \"0x18bf10de\"}, "                                          \
	"{\"pci\": \"0001:0a:1f.0\"}]"
#define MIG_GPU                                                                                    \
	"\"gpus\": [{\"pci\": \"0000:06:00.0\", \"name\": \"NVIDIA A100\", \"memory_mib\": 40960," \
	" \"compute_capability\": \"8.0\", \"multiprocessors\": 98, \"mig\": {\"enabled\": true, " \
	"\"instances\": [{\"gi\": 1, \"ci\": 0, \"profile\": \"3g.20gb\"}, "                       \
	"{\"gi\": 2, \"ci\": 0, \"profile\": \"1c.3g.20gb\"}, "                                    \
	"{\"gi\": 2, \"ci\": 1, \"profile\": \"2c.3g.20gb\"}]}}]"

static nvml_device gpu_at(unsigned index)
{
	nvml_device d = NULL;

	CHECK_INT(CALL("nvmlDeviceGetHandleByIndex_v2", index, &d), NVML_OK);
	return d;
}

TEST(identity_and_memory_are_those_of_the_description)
{
	struct nvml_memory_v2 memory = {.version = NVML_STRUCT_VERSION(struct nvml_memory_v2, 2)};
	struct nvml_pci_v1 v1 = {0};
	struct nvml_pci_v2 v2 = {0};
	struct nvml_pci_v3 v3 = {0};
	char text[NVML_UUID_SIZE];
	unsigned n = 0;
	int version = 0;

	if (!enter_machine("{" DRIVER ", " TWO_GPUS "}"))
		return;
	CHECK_INT(CALL("nvmlDeviceGetCount_v2", &n), NVML_UNINITIALIZED);
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetCount_v2", &n), NVML_OK);
	CHECK_INT(n, 2);
	CHECK_INT(CALL("nvmlSystemGetCudaDriverVersion", &version), NVML_OK);
	CHECK_INT(version, 13000);
	CHECK_INT(CALL("nvmlDeviceGetName", gpu_at(0), text, sizeof(text)), NVML_OK);
	CHECK_STR(text, "NVIDIA H200");
	CHECK_INT(CALL("nvmlDeviceGetUUID", gpu_at(0), text, 40u), NVML_INSUFFICIENT_SIZE);
	CHECK_INT(CALL("nvmlDeviceGetUUID", gpu_at(0), text, 41u), NVML_OK);
	CHECK_STR(text, "GPU-feed0000-5eed-4c0d-9a11-c0ffee000000");
	CHECK_INT(CALL("nvmlDeviceGetPciInfo", gpu_at(1), &v1), NVML_OK);
	CHECK_STR(v1.bus_id, "0001:0A:1F.0");
	CHECK_INT(CALL("nvmlDeviceGetPciInfo_v2", gpu_at(0), &v2), NVML_OK);
	CHECK_INT(v2.pci_device_id, 0x233510de);
	CHECK_INT(v2.pci_subsystem_id, 0x18bf10de);
	CHECK_INT(CALL("nvmlDeviceGetPciInfo_v3", gpu_at(1), &v3), NVML_OK);
	CHECK_STR(v3.bus_id, "00000001:0A:1F.0");
	CHECK_INT(CALL("nvmlDeviceGetMemoryInfo_v2", gpu_at(0), &memory), NVML_OK);
	CHECK_INT(memory.total, 143771ll << 20);
	CHECK_INT(memory.total, memory.used + memory.free + memory.reserved);
}

TEST(handles_are_found_by_uuid_and_by_address_and_are_always_the_same)
{
	nvml_device d = NULL;

	if (!enter_machine("{" DRIVER ", " TWO_GPUS "}"))
		return;
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetHandleByUUID", "GPU-feed0000-5eed-4c0d-9a11-c0ffee000000", &d),
		  NVML_OK);
	CHECK(d == gpu_at(0));
	CHECK_INT(CALL("nvmlDeviceGetHandleByPciBusId_v2", "00000001:0A:1f.0", &d), NVML_OK);
	CHECK(d == gpu_at(1));
	CHECK_INT(CALL("nvmlDeviceGetHandleByPciBusId", "06:00.0", &d), NVML_OK);
	CHECK(d == gpu_at(0));
	CHECK_INT(CALL("nvmlDeviceGetHandleByUUID", "GPU-0", &d), NVML_NOT_FOUND);
}

TEST(a_gpu_whose_node_may_not_be_opened_is_not_listed)
{
	unsigned n = 0, minor = 9;

	if (!enter_machine("{" DRIVER ", " TWO_GPUS "}"))
		return;
	CHECK_INT(unlink("/dev/nvidia0"), 0);
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetCount_v2", &n), NVML_OK);
	CHECK_INT(n, 1);
	CHECK_INT(CALL("nvmlDeviceGetMinorNumber", gpu_at(0), &minor), NVML_OK);
	CHECK_INT(minor, 1);
}

TEST(mig_devices_and_their_instances_agree)
{
	struct nvml_ci_info_v2 ci_info;
	struct nvml_gi_info gi_info;
	struct nvml_attributes at;
	nvml_compute_instance ci = NULL;
	nvml_gpu_instance gi = NULL;
	nvml_device mig = NULL, parent = NULL;
	char name[NVML_NAME_SIZE];
	unsigned n = 0;

	if (!enter_machine("{" DRIVER ", " MIG_GPU "}"))
		return;
	node("/dev/nvidia-caps/probe", 7);
	for (unsigned i = 1; i < 3; i++)
		node(arena_printf(&arena, "/dev/nvidia-caps/nvidia-cap%u", machine_gi_minor(0, i)),
		     i);
	node(arena_printf(&arena, "/dev/nvidia-caps/nvidia-cap%u", machine_ci_minor(0, 1, 0)), 3);
	node(arena_printf(&arena, "/dev/nvidia-caps/nvidia-cap%u", machine_ci_minor(0, 2, 1)), 4);
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetMaxMigDeviceCount", gpu_at(0), &n), NVML_OK);
	CHECK_INT(n, 7);
	/* 2/0 has no node: what a container may not open it does not see. */
	CHECK_INT(CALL("nvmlDeviceGetMigDeviceHandleByIndex", gpu_at(0), 1u, &mig), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetMigDeviceHandleByIndex", gpu_at(0), 2u, &parent),
		  NVML_NOT_FOUND);
	CHECK_INT(CALL("nvmlDeviceGetName", mig, name, sizeof(name)), NVML_OK);
	CHECK_STR(name, "NVIDIA A100 MIG 2c.3g.20gb");
	CHECK_INT(CALL("nvmlDeviceGetComputeInstanceId", mig, &n), NVML_OK);
	CHECK_INT(n, 1);
	CHECK_INT(CALL("nvmlDeviceGetAttributes_v2", mig, &at), NVML_OK);
	CHECK_INT(at.gpu_slices, 3);
	CHECK_INT(at.compute_slices, 2);
	CHECK_INT(CALL("nvmlDeviceGetDeviceHandleFromMigDeviceHandle", mig, &parent), NVML_OK);
	CHECK(parent == gpu_at(0));
	CHECK_INT(CALL("nvmlDeviceGetGpuInstanceById", parent, 2u, &gi), NVML_OK);
	CHECK_INT(CALL("nvmlGpuInstanceGetInfo", gi, &gi_info), NVML_OK);
	CHECK_INT(gi_info.id, 2);
	CHECK_INT(gi_info.profile, 9);
	CHECK_INT(CALL("nvmlGpuInstanceGetComputeInstanceById", gi, 1u, &ci), NVML_OK);
	CHECK_INT(CALL("nvmlComputeInstanceGetInfo_v2", ci, &ci_info), NVML_OK);
	CHECK_INT(ci_info.id, 1);
	CHECK(ci_info.gpu_instance == gi);
}

TEST(a_lost_gpu_takes_no_other_down_and_is_seen_while_running)
{
	unsigned n = 0, minor;
	nvml_device first, second;

	if (!enter_machine("{" DRIVER ", " TWO_GPUS "}"))
		return;
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	first = gpu_at(0);
	second = gpu_at(1);
	describe("{" DRIVER ", \"gpus\": [{\"pci\": \"0000:06:00.0\", \"lost\": true}, "
		 "{\"pci\": \"0001:0a:1f.0\"}]}");
	CHECK_INT(CALL("nvmlDeviceGetMinorNumber", first, &minor), NVML_GPU_IS_LOST);
	CHECK_INT(CALL("nvmlDeviceGetHandleByIndex_v2", 0u, &first), NVML_GPU_IS_LOST);
	CHECK_INT(CALL("nvmlDeviceGetMinorNumber", second, &minor), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetCount_v2", &n), NVML_OK);
	CHECK_INT(n, 2);
}

TEST(waiting_tells_of_a_lost_gpu_once)
{
	struct nvml_event_v2 event;
	nvml_event_set set = NULL;

	if (!enter_machine("{" DRIVER ", " TWO_GPUS "}"))
		return;
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlEventSetCreate", &set), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceRegisterEvents", gpu_at(0), NVML_EVENT_XID, set), NVML_OK);
	CHECK_INT(CALL("nvmlEventSetWait_v2", set, &event, 30u), NVML_TIMEOUT);
	describe("{" DRIVER ", \"gpus\": [{\"pci\": \"0000:06:00.0\", \"lost\": true}]}");
	CHECK_INT(CALL("nvmlEventSetWait_v2", set, &event, 1000u), NVML_OK);
	CHECK_INT(event.type, NVML_EVENT_XID);
	CHECK_INT(event.data, NVML_XID_OFF_BUS);
	CHECK_INT(CALL("nvmlEventSetWait_v2", set, &event, 0u), NVML_TIMEOUT);
	CHECK_INT(CALL("nvmlEventSetFree", set), NVML_OK);
}

TEST(faults_happen_to_the_call_and_the_gpu_they_name)
{
	char text[NVML_UUID_SIZE];
	nvml_device d = NULL;

	if (!enter_machine("{" DRIVER ", " TWO_GPUS
			   ", \"faults\": [{\"call\": \"nvmlDeviceGetUUID\", \"gpu\": 1, "
			   "\"return\": 999}, {\"call\": \"nvmlDeviceGetHandleByIndex_v2\", "
			   "\"gpu\": 0, \"return\": 4}]}"))
		return;
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetUUID", gpu_at(1), text, 96u), NVML_UNKNOWN_ERROR);
	CHECK_INT(CALL("nvmlDeviceGetName", gpu_at(1), text, 96u), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetHandleByIndex_v2", 0u, &d), NVML_NO_PERMISSION);
	CHECK_INT(CALL("nvmlDeviceGetHandleByPciBusId_v2", "0000:06:00.0", &d), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetUUID", d, text, 96u), NVML_OK);
}

TEST(a_driver_that_is_not_loaded_or_of_another_version_is_said_so)
{
	if (!enter_machine("{" DRIVER ", " TWO_GPUS "}"))
		return;
	write_file("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX  570.1  Release\n");
	CHECK_INT(CALL("nvmlInit_v2"), NVML_VERSION_MISMATCH);
	CHECK_INT(unlink("/proc/driver/nvidia/version"), 0);
	CHECK_INT(CALL("nvmlInit_v2"), NVML_DRIVER_NOT_LOADED);
	CHECK_STR(((const char *(*)(int))function("nvmlErrorString"))(NVML_DRIVER_NOT_LOADED),
		  "Driver Not Loaded");
}

TEST(a_machine_without_gpus_starts_and_counts_none)
{
	unsigned n = 9;

	if (!enter_machine("{" DRIVER ", \"gpus\": []}"))
		return;
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetCount_v2", &n), NVML_OK);
	CHECK_INT(n, 0);
}

TEST(calls_are_logged_when_the_log_exists)
{
	char text[NVML_UUID_SIZE];
	struct str log;
	struct err e;

	if (!enter_machine("{" DRIVER ", " TWO_GPUS "}"))
		return;
	CHECK_INT(mount("sim", "/run", "tmpfs", 0, "mode=755"), 0);
	CHECK_INT(mkdir("/run/nvidia-gpu-sim", 0755), 0);
	write_file(CALLS, "");
	CHECK_INT(CALL("nvmlInit_v2"), NVML_OK);
	CHECK_INT(CALL("nvmlDeviceGetUUID", gpu_at(1), text, 96u), NVML_OK);
	CHECK_OK(fs_read(&arena, CALLS, 4096, &log, &e), &e);
	CHECK_STR(log.p, arena_printf(&arena,
				      "%d nvmlInit_v2 -\n%d nvmlDeviceGetHandleByIndex_v2 -\n"
				      "%d nvmlDeviceGetUUID 1\n",
				      (int)getpid(), (int)getpid(), (int)getpid()));
}

TEST(a_hidden_symbol_is_not_found_and_all_others_are)
{
	char path[] = "/tmp/test-sim-nvml.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct str image;
	struct err e;

	CHECK(fd >= 0);
	CHECK_OK(fs_read(&arena, LIBRARY, 64 << 20, &image, &e), &e);
	CHECK_INT(sim_hide_symbol((char *)image.p, image.n, "nvmlDeviceGetCount", &e), 1);
	CHECK_INT(sim_hide_symbol((char *)image.p, image.n, "nvmlDeviceGetCount", &e), 0);
	CHECK_INT(write(fd, image.p, image.n), image.n);
	(void)close(fd);
	library = dlopen(path, RTLD_NOW);
	(void)unlink(path);
	if (!library)
		FAIL("%s", dlerror());
	CHECK(!dlsym(library, "nvmlDeviceGetCount"));
	CHECK(symbol("nvmlDeviceGetCount_v2"));
	CHECK(symbol("nvmlInit"));
	CHECK_INT(sim_hide_symbol((char *)image.p, 20, "nvmlInit", &e), -EBADMSG);
}
