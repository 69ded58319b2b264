/* SPDX-License-Identifier: Apache-2.0 */
#include "nvidia-smi.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/macro.h"

/* Exit statuses that the real one documents beside NVML's own codes. */
enum { SMI_USAGE = 2, SMI_NO_DEVICES = 6, SMI_NO_LIBRARY = 12 };

static const struct {
	char name[44];
	size_t member;
} symbols[] = {
#define SYMBOL(member, name)                                                                       \
	{                                                                                          \
		name, offsetof(struct smi, member)                                                 \
	}
	SYMBOL(init, "nvmlInit_v2"),
	SYMBOL(error_string, "nvmlErrorString"),
	SYMBOL(driver_version, "nvmlSystemGetDriverVersion"),
	SYMBOL(cuda_version, "nvmlSystemGetCudaDriverVersion_v2"),
	SYMBOL(process_name, "nvmlSystemGetProcessName"),
	SYMBOL(count, "nvmlDeviceGetCount_v2"),
	SYMBOL(handle, "nvmlDeviceGetHandleByIndex_v2"),
	SYMBOL(name, "nvmlDeviceGetName"),
	SYMBOL(uuid, "nvmlDeviceGetUUID"),
	SYMBOL(pci, "nvmlDeviceGetPciInfo_v3"),
	SYMBOL(persistence, "nvmlDeviceGetPersistenceMode"),
	SYMBOL(display_active, "nvmlDeviceGetDisplayActive"),
	SYMBOL(ecc_mode, "nvmlDeviceGetEccMode"),
	SYMBOL(ecc_errors, "nvmlDeviceGetTotalEccErrors"),
	SYMBOL(fan, "nvmlDeviceGetFanSpeed"),
	SYMBOL(temperature, "nvmlDeviceGetTemperature"),
	SYMBOL(performance, "nvmlDeviceGetPerformanceState"),
	SYMBOL(power, "nvmlDeviceGetPowerUsage"),
	SYMBOL(power_limit, "nvmlDeviceGetPowerManagementLimit"),
	SYMBOL(memory, "nvmlDeviceGetMemoryInfo_v2"),
	SYMBOL(bar1, "nvmlDeviceGetBAR1MemoryInfo"),
	SYMBOL(utilization, "nvmlDeviceGetUtilizationRates"),
	SYMBOL(compute_mode, "nvmlDeviceGetComputeMode"),
	SYMBOL(mig_mode, "nvmlDeviceGetMigMode"),
	SYMBOL(mig_max, "nvmlDeviceGetMaxMigDeviceCount"),
	SYMBOL(mig_handle, "nvmlDeviceGetMigDeviceHandleByIndex"),
	SYMBOL(gpu_instance, "nvmlDeviceGetGpuInstanceId"),
	SYMBOL(compute_instance, "nvmlDeviceGetComputeInstanceId"),
	SYMBOL(attributes, "nvmlDeviceGetAttributes_v2"),
	SYMBOL(compute_processes, "nvmlDeviceGetComputeRunningProcesses_v3"),
	SYMBOL(graphics_processes, "nvmlDeviceGetGraphicsRunningProcesses_v3"),
#undef SYMBOL
};

static int load(struct smi *ret)
{
	void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW);

	if (!library) {
		(void)puts("NVIDIA-SMI couldn't find libnvidia-ml.so library in your system. "
			   "Please make sure that the NVIDIA Display Driver is properly installed "
			   "and present in your system.\nPlease also try adding directory that "
			   "contains libnvidia-ml.so to your system PATH.");
		return SMI_NO_LIBRARY;
	}
	for (size_t i = 0; i < COUNT_OF(symbols); i++) {
		void *address = dlsym(library, symbols[i].name);

		if (!address) {
			(void)printf("NVIDIA-SMI: libnvidia-ml.so.1 has no function %s\n",
				     symbols[i].name);
			return NVML_FUNCTION_NOT_FOUND;
		}
		memcpy((char *)ret + symbols[i].member, &address, sizeof(address));
	}
	return 0;
}

static int start(const struct smi *smi)
{
	nvml_return r = smi->init();

	if (r == NVML_DRIVER_NOT_LOADED)
		(void)puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA "
			   "driver. Make sure that the latest NVIDIA driver is installed and "
			   "running.\n");
	else if (r != NVML_OK)
		(void)printf("Failed to initialize NVML: %s\n", smi->error_string(r));
	return r;
}

/* The GPUs that give a handle; the status of the last one that does not. */
static int find_gpus(const struct smi *smi, struct smi_gpus *ret)
{
	unsigned n = 0;
	int status = smi->count(&n);

	if (status != NVML_OK) {
		(void)printf("Failed to count GPUs: %s\n", smi->error_string(status));
		return status;
	}
	if (n == 0) {
		(void)puts("No devices were found");
		return SMI_NO_DEVICES;
	}
	for (unsigned i = 0; i < n && ret->n < COUNT_OF(ret->v); i++) {
		struct smi_gpu g = {.index = i};
		nvml_return r = smi->handle(i, &g.device);

		if (r == NVML_OK) {
			ret->v[ret->n++] = g;
			continue;
		}
		(void)printf("Unable to determine the device handle for GPU%u: %s%s\n", i,
			     smi->error_string(r),
			     r == NVML_GPU_IS_LOST ? ".  Reboot the system to recover this GPU"
						   : "");
		status = r;
	}
	return status;
}

/* What follows " MIG " in the name of a MIG device. */
static const char *profile_of(const char *name)
{
	const char *mig = strstr(name, " MIG ");

	return mig ? mig + 5 : name;
}

static void list_migs(const struct smi *smi, nvml_device gpu)
{
	unsigned max = 0;

	if (smi->mig_max(gpu, &max) != NVML_OK)
		return;
	for (unsigned i = 0; i < max; i++) {
		char name[NVML_NAME_SIZE] = "", uuid[NVML_UUID_SIZE] = "";
		nvml_device mig;

		if (smi->mig_handle(gpu, i, &mig) != NVML_OK)
			continue;
		(void)smi->name(mig, name, sizeof(name));
		(void)smi->uuid(mig, uuid, sizeof(uuid));
		(void)printf("  MIG %-12sDevice %2u: (UUID: %s)\n", profile_of(name), i, uuid);
	}
}

static void list(const struct smi *smi, const struct smi_gpus *gpus)
{
	for (size_t i = 0; i < gpus->n; i++) {
		char name[NVML_NAME_SIZE] = "", uuid[NVML_UUID_SIZE] = "";
		nvml_device gpu = gpus->v[i].device;

		(void)smi->name(gpu, name, sizeof(name));
		(void)smi->uuid(gpu, uuid, sizeof(uuid));
		(void)printf("GPU %u: %s (UUID: %s)\n", gpus->v[i].index, name, uuid);
		list_migs(smi, gpu);
	}
}

int main(int argc, char **argv)
{
	bool only_list =
		argc == 2 && (strcmp(argv[1], "-L") == 0 || strcmp(argv[1], "--list-gpus") == 0);
	struct smi_gpus gpus = {0};
	struct smi smi = {0};
	int status;

	if (argc > 1 && !only_list) {
		(void)printf("Invalid combination of input arguments: this nvidia-smi is simulated "
			     "and knows -L and the plain table\n");
		return SMI_USAGE;
	}
	status = load(&smi);
	if (status == 0)
		status = start(&smi);
	if (status != 0)
		return status & 0xff;
	status = find_gpus(&smi, &gpus);
	if (gpus.n > 0 && only_list)
		list(&smi, &gpus);
	else if (gpus.n > 0)
		smi_table(&smi, &gpus);
	return status & 0xff;
}
