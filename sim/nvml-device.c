/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-device: what a GPU is: names, numbers, addresses, modes. */

#include <stdio.h>
#include <strings.h>

#include "nvml-core.h"

#define VENDOR 0x10deu

struct nvml_pci_ext {
	uint32_t version, domain, bus, device;
	uint32_t pci_device_id, pci_subsystem_id, base_class, sub_class;
	char bus_id[32];
};

NVML(nvmlDeviceGetName, nvml_device device, char *to, unsigned size)
{
	AUTO(arena_done) struct arena a = {0};
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK)
		return r;
	return sim_text(to, size,
			t.mig ? arena_printf(&a, "%s MIG %s", t.gpu->name, t.mig->profile)
			      : t.gpu->name);
}

NVML(nvmlDeviceGetUUID, nvml_device device, char *to, unsigned size)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	return r != NVML_OK ? r : sim_text(to, size, t.mig ? t.mig->uuid : t.gpu->uuid);
}

NVML_GPU_TEXT(nvmlDeviceGetSerial, t.gpu->serial)
NVML_GPU_TEXT(nvmlDeviceGetVbiosVersion, t.gpu->vbios)
NVML_GPU_TEXT(nvmlDeviceGetBoardPartNumber, t.gpu->board_part_number)
NVML_GPU_TEXT(nvmlDeviceGetGspFirmwareVersion, t.machine->driver.version)
NVML_GPU_TEXT(nvmlDeviceGetInforomImageVersion, NULL)

NVML_GPU_NUMBER(nvmlDeviceGetMinorNumber, unsigned, true, t.gpu->minor)
NVML_GPU_NUMBER(nvmlDeviceGetIndex, unsigned, true, sim_index_of(t.machine, t.gpu))
NVML_GPU_NUMBER(nvmlDeviceGetBoardId, unsigned, true, t.gpu->bus << 8 | t.gpu->device)
NVML_GPU_NUMBER(nvmlDeviceGetMultiGpuBoard, unsigned, true, 0)
NVML_GPU_NUMBER(nvmlDeviceGetModuleId, unsigned, true, t.gpu->index + 1)
NVML_GPU_NUMBER(nvmlDeviceGetNumaNodeId, unsigned, t.gpu->numa_node >= 0, t.gpu->numa_node)
NVML_GPU_NUMBER(nvmlDeviceGetIrqNum, unsigned, true, t.gpu->irq)
NVML_GPU_NUMBER(nvmlDeviceGetNumGpuCores, unsigned, true, t.gpu->cores)
NVML_GPU_NUMBER(nvmlDeviceGetMemoryBusWidth, unsigned, true, t.gpu->memory_bus_bits)
NVML_GPU_NUMBER(nvmlDeviceGetBusType, unsigned, true, NVML_BUS_TYPE_PCIE)
NVML_GPU_NUMBER(nvmlDeviceGetPowerSource, unsigned, true, 0)
NVML_GPU_NUMBER(nvmlDeviceGetVirtualizationMode, unsigned, true, 0)
NVML_GPU_NUMBER(nvmlDeviceGetPersistenceMode, unsigned, true, t.gpu->persistence)
NVML_GPU_NUMBER(nvmlDeviceGetDisplayMode, unsigned, true, t.gpu->display_attached)
NVML_GPU_NUMBER(nvmlDeviceGetDisplayActive, unsigned, true, t.gpu->display_active)
NVML_GPU_NUMBER(nvmlDeviceGetAccountingMode, unsigned, true, 0)
NVML_GPU_NUMBER(nvmlDeviceGetAccountingBufferSize, unsigned, true, 4000)

NVML(nvmlDeviceGetBrand, nvml_device device, unsigned *ret)
{
	static const struct {
		char name[32];
		unsigned brand;
	} brands[] = {
		{"Quadro", 1},	    {"Tesla", 2},   {"NVS", 3},		{"GRID", 4},
		{"GeForce", 5},	    {"TITAN", 6},   {"QuadroRTX", 12},	{"NvidiaRTX", 13},
		{"NVIDIA RTX", 13}, {"NVIDIA", 14}, {"GeForceRTX", 15}, {"GeForce RTX", 15},
	};
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = 0;
	for (size_t i = 0; t.gpu->brand && i < COUNT_OF(brands); i++)
		if (strcasecmp(t.gpu->brand, brands[i].name) == 0)
			*ret = brands[i].brand;
	return NVML_OK;
}

NVML(nvmlDeviceGetCudaComputeCapability, nvml_device device, int *major, int *minor)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !major || !minor)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*major = (int)t.gpu->compute_major;
	*minor = (int)t.gpu->compute_minor;
	return NVML_OK;
}

/* Kepler 2 … Ampere 7, Ada 8, Hopper 9, Blackwell 10. */
NVML(nvmlDeviceGetArchitecture, nvml_device device, unsigned *ret)
{
	static const unsigned by_major[] = {0, 0, 0, 2, 0, 3, 4, 5, 7, 9, 10, 10, 10};
	uint32_t high, low;
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = 0xffffffff;
	high = t.gpu->compute_major;
	low = t.gpu->compute_minor;
	if (high >= COUNT_OF(by_major))
		return NVML_OK;
	*ret = by_major[high] + ((high == 7 && low >= 5) || (high == 8 && low == 9) ? 1 : 0);
	return NVML_OK;
}

NVML(nvmlDeviceGetPciInfo, nvml_device device, struct nvml_pci_v1 *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_pci_v1){.domain = t.gpu->domain,
				    .bus = t.gpu->bus,
				    .device = t.gpu->device,
				    .pci_device_id = t.gpu->device_id << 16 | VENDOR};
	(void)snprintf(ret->bus_id, sizeof(ret->bus_id), "%04X:%02X:%02X.0", t.gpu->domain & 0xffff,
		       t.gpu->bus, t.gpu->device);
	return NVML_OK;
}

NVML(nvmlDeviceGetPciInfo_v2, nvml_device device, struct nvml_pci_v2 *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_pci_v2){.domain = t.gpu->domain,
				    .bus = t.gpu->bus,
				    .device = t.gpu->device,
				    .pci_device_id = t.gpu->device_id << 16 | VENDOR,
				    .pci_subsystem_id = t.gpu->subsystem_id};
	(void)snprintf(ret->bus_id, sizeof(ret->bus_id), "%04X:%02X:%02X.0", t.gpu->domain & 0xffff,
		       t.gpu->bus, t.gpu->device);
	return NVML_OK;
}

NVML(nvmlDeviceGetPciInfo_v3, nvml_device device, struct nvml_pci_v3 *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_pci_v3){.domain = t.gpu->domain,
				    .bus = t.gpu->bus,
				    .device = t.gpu->device,
				    .pci_device_id = t.gpu->device_id << 16 | VENDOR,
				    .pci_subsystem_id = t.gpu->subsystem_id};
	(void)snprintf(ret->bus_id_legacy, sizeof(ret->bus_id_legacy), "%04X:%02X:%02X.0",
		       t.gpu->domain & 0xffff, t.gpu->bus, t.gpu->device);
	(void)snprintf(ret->bus_id, sizeof(ret->bus_id), "%08X:%02X:%02X.0", t.gpu->domain,
		       t.gpu->bus, t.gpu->device);
	return NVML_OK;
}

NVML(nvmlDeviceGetPciInfoExt, nvml_device device, struct nvml_pci_ext *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_pci_ext, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	*ret = (struct nvml_pci_ext){.version = ret->version,
				     .domain = t.gpu->domain,
				     .bus = t.gpu->bus,
				     .device = t.gpu->device,
				     .pci_device_id = t.gpu->device_id << 16 | VENDOR,
				     .pci_subsystem_id = t.gpu->subsystem_id,
				     .base_class = t.gpu->class_code >> 16 & 0xff,
				     .sub_class = t.gpu->class_code >> 8 & 0xff};
	(void)snprintf(ret->bus_id, sizeof(ret->bus_id), "%08X:%02X:%02X.0", t.gpu->domain,
		       t.gpu->bus, t.gpu->device);
	return NVML_OK;
}

NVML(nvmlDeviceGetAddressingMode, nvml_device device, struct nvml_addressing_mode *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_addressing_mode, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	ret->value = strcmp(t.gpu->addressing_mode, "ats") == 0	  ? NVML_ADDRESSING_ATS
		     : strcmp(t.gpu->addressing_mode, "hmm") == 0 ? NVML_ADDRESSING_HMM
								  : NVML_ADDRESSING_NONE;
	return NVML_OK;
}

NVML(nvmlDeviceGetComputeMode, nvml_device device, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = strcmp(t.gpu->compute_mode, "exclusive_process") == 0 ? 3
	       : strcmp(t.gpu->compute_mode, "prohibited") == 0	     ? 2
								     : 0;
	return NVML_OK;
}

/* Modes come in pairs: what is, and what will be after a reset. */
NVML(nvmlDeviceGetEccMode, nvml_device device, unsigned *now, unsigned *later)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !now || !later)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*now = *later = t.gpu->ecc;
	return NVML_OK;
}

/* What no GPU on Linux, or none of this century, has. */
static nvml_return no_modes(const char *call, nvml_device device, const unsigned *now,
			    const unsigned *later)
{
	struct sim_target t;
	nvml_return r = sim_gpu(call, device, &t);

	if (r != NVML_OK)
		return r;
	return now && later ? NVML_NOT_SUPPORTED : NVML_INVALID_ARGUMENT;
}

NVML(nvmlDeviceGetGpuOperationMode, nvml_device device, unsigned *now, unsigned *later)
{
	return no_modes(__func__, device, now, later);
}

NVML(nvmlDeviceGetDriverModel, nvml_device device, unsigned *now, unsigned *later)
{
	return no_modes(__func__, device, now, later);
}

NVML(nvmlDeviceGetDriverModel_v2, nvml_device device, unsigned *now, unsigned *later)
{
	return no_modes(__func__, device, now, later);
}

NVML(nvmlDeviceGetGspFirmwareMode, nvml_device device, unsigned *enabled, unsigned *otherwise)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !enabled || !otherwise)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*enabled = *otherwise = 1;
	return NVML_OK;
}

NVML_GPU_NUMBER(nvmlDeviceGetDefaultEccMode, unsigned, true, 1)

NVML(nvmlDeviceGetInforomVersion, nvml_device device, unsigned object, char *to, unsigned size)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)object;
	return r != NVML_OK ? r : sim_text(to, size, NULL);
}

/* Bit masks of processors: every processor that is online, as on a machine with one node. */
NVML(nvmlDeviceGetCpuAffinity, nvml_device device, unsigned words, unsigned long *ret)
{
	const unsigned bits = 8 * sizeof(*ret);
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret || words == 0)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	memset(ret, 0, words * sizeof(*ret));
	for (unsigned i = 0; i < (unsigned)n && i < words * bits; i++)
		ret[i / bits] |= 1ul << (i % bits);
	return NVML_OK;
}

NVML(nvmlDeviceGetMemoryAffinity, nvml_device device, unsigned words, unsigned long *ret,
     unsigned scope)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)scope;
	if (r != NVML_OK || !ret || words == 0)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	memset(ret, 0, words * sizeof(*ret));
	ret[0] = 1ul << (t.gpu->numa_node > 0 && t.gpu->numa_node < 64 ? t.gpu->numa_node : 0);
	return NVML_OK;
}

/* No virtual GPUs: there is nothing to license. */
#define NO_LICENSE(name)                                                                           \
	NVML(name, nvml_device device, void *features)                                             \
	{                                                                                          \
		struct sim_target t;                                                               \
		nvml_return r = sim_gpu(__func__, device, &t);                                     \
                                                                                                   \
		(void)features;                                                                    \
		return r != NVML_OK ? r : NVML_NOT_SUPPORTED;                                      \
	}

NO_LICENSE(nvmlDeviceGetGridLicensableFeatures)
NO_LICENSE(nvmlDeviceGetGridLicensableFeatures_v2)
NO_LICENSE(nvmlDeviceGetGridLicensableFeatures_v3)
NO_LICENSE(nvmlDeviceGetGridLicensableFeatures_v4)

static nvml_return no_instance(const char *call)
{
	struct sim_target t;
	nvml_return r = sim_system(call, &t);

	return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
}

NVML(nvmlVgpuInstanceGetLicenseInfo, unsigned instance, void *info)
{
	(void)instance;
	(void)info;
	return no_instance(__func__);
}

NVML(nvmlVgpuInstanceGetLicenseInfo_v2, unsigned instance, void *info)
{
	(void)instance;
	(void)info;
	return no_instance(__func__);
}
