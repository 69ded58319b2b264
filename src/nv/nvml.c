/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/nvml.h"

#include <dlfcn.h>
#include <errno.h>

#define LIBRARY "libnvidia-ml.so.1"

/* What is called, and by which names; the older one where the first is absent. */
static const struct symbol {
	char name[36];
	char older[32];
	bool required;
	size_t member;
} symbols[] = {
#define SYMBOL(member, required, name, older)                                                      \
	{                                                                                          \
		name, older, required, offsetof(struct nvml, member)                               \
	}
	SYMBOL(init, true, "nvmlInit_v2", "nvmlInit"),
	SYMBOL(error_string, true, "nvmlErrorString", ""),
	SYMBOL(driver_version, true, "nvmlSystemGetDriverVersion", ""),
	SYMBOL(cuda_version, false, "nvmlSystemGetCudaDriverVersion_v2",
	       "nvmlSystemGetCudaDriverVersion"),
	SYMBOL(count, true, "nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"),
	SYMBOL(handle, true, "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"),
	SYMBOL(name, true, "nvmlDeviceGetName", ""),
	SYMBOL(uuid, true, "nvmlDeviceGetUUID", ""),
	SYMBOL(minor, true, "nvmlDeviceGetMinorNumber", ""),
	/* The older forms fill the front of the same structure. */
	SYMBOL(pci, true, "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2"),
	SYMBOL(brand, false, "nvmlDeviceGetBrand", ""),
	SYMBOL(compute_capability, false, "nvmlDeviceGetCudaComputeCapability", ""),
	SYMBOL(addressing_mode, false, "nvmlDeviceGetAddressingMode", ""),
	SYMBOL(mig_mode, false, "nvmlDeviceGetMigMode", ""),
	SYMBOL(mig_max, false, "nvmlDeviceGetMaxMigDeviceCount", ""),
	SYMBOL(mig_handle, false, "nvmlDeviceGetMigDeviceHandleByIndex", ""),
	SYMBOL(gpu_instance, false, "nvmlDeviceGetGpuInstanceId", ""),
	SYMBOL(compute_instance, false, "nvmlDeviceGetComputeInstanceId", ""),
	SYMBOL(attributes, false, "nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes"),
#undef SYMBOL
};

static int bind_symbols(void *library, const char *name, struct nvml *n, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(symbols); i++) {
		const struct symbol *s = &symbols[i];
		void *address = dlsym(library, s->name);

		if (!address && s->older[0])
			address = dlsym(library, s->older);
		if (!address && s->required)
			return err_set(e, EOPNOTSUPP,
				       "%s has no function %s: the library is damaged or of a "
				       "driver before 450; install the driver again",
				       name, s->name);
		memcpy((char *)n + s->member, &address, sizeof(address));
	}
	return 0;
}

/* What helps against a failure to start. */
static const char *cure(nvml_return code)
{
	switch (code) {
	case NVML_DRIVER_NOT_LOADED:
		return ": the kernel module is not loaded; run modprobe nvidia, or look into dmesg "
		       "why it does not load";
	case NVML_VERSION_MISMATCH:
		return ": the loaded kernel module and the library are of different driver "
		       "versions; reboot, or unload and load the nvidia modules";
	case NVML_NO_PERMISSION:
	case NVML_OPERATING_SYSTEM:
		return ": the device nodes may not be opened; look at the rights of /dev/nvidiactl "
		       "and /dev/nvidia*, and at the device cgroup";
	case NVML_IRQ_ISSUE:
		return ": a GPU gets no interrupts; look into dmesg";
	case NVML_RESET_REQUIRED:
		return ": a GPU must be reset; run nvidia-smi --gpu-reset, or reboot";
	default:
		return "";
	}
}

int nvml_open(const char *library, struct nvml *ret, struct err *e)
{
	const char *name = library ? library : LIBRARY;
	void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	struct nvml n = {0};
	nvml_return code;
	int r;

	if (!handle)
		return err_set(e, ENOENT,
			       "load NVML: %s; install the driver's management library "
			       "(libnvidia-ml1), or set the driver root",
			       dlerror());
	r = bind_symbols(handle, name, &n, e);
	if (r < 0)
		return r;
	code = n.init();
	if (code != NVML_OK)
		return err_set(e, EIO, "start NVML: %s%s", n.error_string(code), cure(code));
	*ret = n;
	return 0;
}
