/* SPDX-License-Identifier: Apache-2.0 */
/* The driver's procfs and sysfs, as driver 580 shows them (spec: a machine with H200). */
#include <stdlib.h>

#include "content.h"

#define NV   "/proc/driver/nvidia"
#define CAPS "/proc/driver/nvidia-caps"

#if defined(__aarch64__)
#define ARCH "aarch64"
#else
#define ARCH "x86_64"
#endif

static const char params[] = "ResmanDebugLevel: 4294967295\n"
			     "RmLogonRC: 1\n"
			     "ModifyDeviceFiles: 1\n"
			     "DeviceFileUID: 0\n"
			     "DeviceFileGID: 0\n"
			     "DeviceFileMode: 438\n"
			     "InitializeSystemMemoryAllocations: 1\n"
			     "UsePageAttributeTable: 4294967295\n"
			     "EnableMSI: 1\n"
			     "EnablePCIeGen3: 0\n"
			     "MemoryPoolSize: 0\n"
			     "KMallocHeapMaxSize: 0\n"
			     "VMallocHeapMaxSize: 0\n"
			     "IgnoreMMIOCheck: 0\n"
			     "EnableStreamMemOPs: 0\n"
			     "EnableUserNUMAManagement: 1\n"
			     "NvLinkDisable: 0\n"
			     "RmProfilingAdminOnly: 0\n"
			     "PreserveVideoMemoryAllocations: 0\n"
			     "EnableS0ixPowerManagement: 0\n"
			     "S0ixPowerManagementVideoMemoryThreshold: 256\n"
			     "DynamicPowerManagement: 3\n"
			     "DynamicPowerManagementVideoMemoryThreshold: 200\n"
			     "RegisterPCIDriver: 1\n"
			     "EnablePCIERelaxedOrderingMode: 0\n"
			     "EnableResizableBar: 0\n"
			     "EnableGpuFirmware: 18\n"
			     "EnableGpuFirmwareLogs: 2\n"
			     "RmNvlinkBandwidthLinkCount: 0\n"
			     "EnableDbgBreakpoint: 0\n"
			     "OpenRmEnableUnsupportedGpus: 1\n"
			     "DmaRemapPeerMmio: 1\n"
			     "ImexChannelCount: 2048\n"
			     "CreateImexChannel0: 0\n"
			     "GrdmaPciTopoCheckOverride: 0\n"
			     "CoherentGPUMemoryMode: \"\"\n"
			     "RegistryDwords: \"\"\n"
			     "RegistryDwordsPerDevice: \"\"\n"
			     "RmMsg: \"\"\n"
			     "GpuBlacklist: \"\"\n"
			     "TemporaryFilePath: \"\"\n"
			     "ExcludedGpus: \"\"\n";

static const char power[] = "Runtime D3 status:          Disabled by default\n"
			    "Video Memory:               Active\n"
			    "\n"
			    "GPU Hardware Support:\n"
			    " Video Memory Self Refresh: Not Supported\n"
			    " Video Memory Off:          Not Supported\n"
			    "\n"
			    "S0ix Power Management:\n"
			    " Platform Support:          Not Supported\n"
			    " Status:                    Disabled\n"
			    "\n"
			    "Notebook Dynamic Boost:     Not Supported\n";

static void add_access(struct arena *a, struct content *t, const char *path, uint32_t minor,
		       unsigned mode)
{
	content_text(a, t, path, 0444,
		     arena_printf(a,
				  "DeviceFileMinor: %u\nDeviceFileMode: %u\nDeviceFileModify: 1\n",
				  minor, mode));
}

static void add_gpu(struct arena *a, const struct machine *m, const struct machine_gpu *gpu,
		    struct content *t)
{
	const char *dir = arena_printf(a, NV "/gpus/%s", gpu->pci);

	content_text(a, t, arena_printf(a, "%s/information", dir), 0444,
		     arena_printf(a,
				  "Model: \t\t %s\n"
				  "IRQ:   \t\t %u\n"
				  "GPU UUID: \t %s\n"
				  "Video BIOS: \t %s\n"
				  "Bus Type: \t PCIe\n"
				  "DMA Size: \t 52 bits\n"
				  "DMA Mask: \t 0xfffffffffffff\n"
				  "Bus Location: \t %s\n"
				  "Device Minor: \t %u\n"
				  "GPU Firmware: \t %s\n"
				  "GPU Excluded:\t %s\n",
				  gpu->name, gpu->irq, gpu->uuid, gpu->vbios, gpu->pci, gpu->minor,
				  m->driver.version, gpu->excluded ? "Yes" : "No"));
	content_text(a, t, arena_printf(a, "%s/power", dir), 0444, power);
	content_text(a, t, arena_printf(a, "%s/registry", dir), 0444, "Binary: \"\"\n");
}

static void add_mig(struct arena *a, const struct machine_gpu *gpu, struct content *t)
{
	const char *dir = arena_printf(a, NV "/capabilities/gpu%u/mig", gpu->minor);
	uint32_t seen = 0;

	if (!gpu->mig_enabled)
		return;
	content_dir(a, t, dir);
	for (size_t i = 0; i < gpu->migs.n; i++) {
		const struct machine_mig *mig = &gpu->migs.v[i];

		if (!(seen & 1u << mig->gi))
			add_access(a, t, arena_printf(a, "%s/gi%u/access", dir, mig->gi),
				   machine_gi_minor(gpu->minor, mig->gi), 0444);
		seen |= 1u << mig->gi;
		add_access(a, t, arena_printf(a, "%s/gi%u/ci%u/access", dir, mig->gi, mig->ci),
			   machine_ci_minor(gpu->minor, mig->gi, mig->ci), 0444);
	}
}

static void add_minors(struct arena *a, struct content *t)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	strbuf_adds(&b, "config 1\nmonitor 2\n");
	for (uint32_t gpu = 0; gpu < MACHINE_MAX_GPUS; gpu++) {
		for (uint32_t gi = 0; gi < MACHINE_MAX_GI; gi++) {
			strbuf_printf(&b, "gpu%u/gi%u/access %u\n", gpu, gi,
				      machine_gi_minor(gpu, gi));
			for (uint32_t ci = 0; ci < MACHINE_MAX_CI; ci++)
				strbuf_printf(&b, "gpu%u/gi%u/ci%u/access %u\n", gpu, gi, ci,
					      machine_ci_minor(gpu, gi, ci));
		}
	}
	content_text(a, t, CAPS "/mig-minors", 0444, b.p);
	content_text(a, t, CAPS "/nvlink-minors", 0444, "fabric-mgmt 0\n");
	content_text(a, t, CAPS "/sys-minors", 0444, "fabric-imex-mgmt 4323\n");
}

static void add_driver(struct arena *a, const struct machine *m, struct content *t)
{
	content_text(a, t, NV "/version", 0444,
		     m->driver.open
			     ? arena_printf(a,
					    "NVRM version: NVIDIA UNIX Open Kernel Module for " ARCH
					    "  %s  Release Build  (buildd@)  \nGCC version:  %s\n",
					    m->driver.version, m->driver.compiler)
			     : arena_printf(a,
					    "NVRM version: NVIDIA UNIX " ARCH " Kernel Module  %s  "
					    "Release Build\nGCC version:  %s\n",
					    m->driver.version, m->driver.compiler));
	content_text(a, t, NV "/params", 0444, params);
	content_text(a, t, NV "/registry", 0444, "Binary: \"\"\n");
	content_text(a, t, NV "/suspend", 0444, "suspend hibernate resume\n");
	content_text(a, t, NV "/suspend_depth", 0444, "default modeset uvm\n");
	content_dir(a, t, NV "/gpus");
	add_access(a, t, NV "/capabilities/mig/config", 1, 0400);
	add_access(a, t, NV "/capabilities/mig/monitor", 2, 0444);
	add_access(a, t, NV "/capabilities/fabric-imex-mgmt", 4323, 0400);
	add_access(a, t, "/proc/driver/nvidia-nvlink/capabilities/fabric-mgmt", 0, 0400);
	content_text(a, t, "/proc/driver/nvidia-nvlink/permissions", 0444, "DeviceFileMode: 438\n");
	content_text(a, t, "/proc/driver/nvidia-nvswitch/permissions", 0444,
		     "DeviceFileMode: 438\n");
	for (size_t i = 0; i < m->switches.n; i++)
		content_text(a, t,
			     arena_printf(a, "/proc/driver/nvidia-nvswitch/devices/%s/information",
					  m->switches.v[i].pci),
			     0444,
			     arena_printf(a, "Device Instance: \t %u\n", m->switches.v[i].minor));
	add_minors(a, t);
	for (size_t i = 0; i < m->gpus.n; i++) {
		add_gpu(a, m, &m->gpus.v[i], t);
		add_mig(a, &m->gpus.v[i], t);
	}
}

struct major {
	uint32_t number;
	struct str name;
};
struct majors VEC(struct major);

static void add_simulated(struct arena *a, const struct machine *m, struct majors *list)
{
	const struct machine_majors *x = &m->majors;
	bool drm = false;

	for (size_t i = 0; i < m->gpus.n; i++)
		drm |= m->gpus.v[i].drm_card >= 0;
	arena_push(a, list, ((struct major){x->nvidia, STR("nvidia")}));
	if (m->modeset)
		arena_push(a, list, ((struct major){x->nvidia, STR("nvidia-modeset")}));
	arena_push(a, list, ((struct major){x->nvidia, STR("nvidiactl")}));
	if (drm)
		arena_push(a, list, ((struct major){x->drm, STR("drm")}));
	if (m->uverbs > 0)
		arena_push(a, list, ((struct major){x->uverbs, STR("infiniband_verbs")}));
	arena_push(a, list, ((struct major){x->uvm, STR("nvidia-uvm")}));
	arena_push(a, list, ((struct major){x->nvswitch, STR("nvidia-nvswitch")}));
	arena_push(a, list, ((struct major){x->nvlink, STR("nvidia-nvlink")}));
	arena_push(a, list, ((struct major){x->caps, STR("nvidia-caps")}));
	arena_push(a, list, ((struct major){x->imex, STR("nvidia-caps-imex-channels")}));
	if (m->gds > 0)
		arena_push(a, list, ((struct major){x->fs, STR("nvidia-fs")}));
	if (m->gdrcopy)
		arena_push(a, list, ((struct major){x->gdrdrv, STR("gdrdrv")}));
}

/* The real lines, but those of a real driver, and ours, in the order of their numbers. */
static void add_devices(struct arena *a, const struct machine *m, struct str real,
			struct content *t)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct majors list = {0};
	struct str line;

	while (str_split(&real, '\n', &line) && !str_has_prefix(line, "Block")) {
		struct str text = str_trim(line);
		size_t blank = str_find(text, ' ');
		struct major one = {.name = str_sub(text, blank + 1, text.n)};

		if (str_to_u32(str_sub(text, 0, blank), &one.number) == 0 &&
		    !str_has_prefix(one.name, "nvidia"))
			arena_push(a, &list, one);
	}
	if (m->loaded)
		add_simulated(a, m, &list);
	strbuf_adds(&b, "Character devices:\n");
	for (uint32_t number = 0; number < 4096; number++)
		for (size_t i = 0; i < list.n; i++)
			if (list.v[i].number == number)
				strbuf_printf(&b, "%3u %.*s\n", number, STR_ARG(list.v[i].name));
	strbuf_adds(&b, "\nBlock devices:\n");
	strbuf_add(&b, real);
	content_text(a, t, CONTENT_DEVICES, 0444, b.p);
}

static void add_modules(struct arena *a, const struct machine *m, struct str real,
			struct content *t)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct str line;

	if (m->loaded) {
		strbuf_adds(&b, "nvidia_uvm 2147483 0 - Live 0x0000000000000000\n");
		if (m->modeset)
			strbuf_adds(&b, "nvidia_drm 143360 0 - Live 0x0000000000000000\n"
					"nvidia_modeset 1814528 1 nvidia_drm, Live "
					"0x0000000000000000\n");
		strbuf_printf(&b, "nvidia 14376960 %d nvidia_uvm,%s Live 0x0000000000000000\n",
			      m->modeset ? 2 : 1, m->modeset ? "nvidia_modeset," : "");
	}
	while (str_split(&real, '\n', &line))
		if (line.n > 0 && !str_has_prefix(line, "nvidia"))
			strbuf_printf(&b, "%.*s\n", STR_ARG(line));
	content_text(a, t, CONTENT_MODULES, 0444, b.p ? b.p : "");
}

void content_add_proc(struct arena *a, const struct machine *m, struct str real_devices,
		      struct str real_modules, struct content *t)
{
	if (m->loaded)
		add_driver(a, m, t);
	add_devices(a, m, real_devices, t);
	add_modules(a, m, real_modules, t);
}
