/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvidia-smi: the simulated one. Opens libnvidia-ml.so.1 by its name, as the
 * real one does, so that it proves that the loader of an image finds it; prints what NVML says
 * in the layout of driver 580.
 */

#include <stddef.h>

#include "nvml-mig-types.h"

struct smi {
	nvml_return (*init)(void);
	const char *(*error_string)(nvml_return);
	nvml_return (*driver_version)(char *, unsigned);
	nvml_return (*cuda_version)(int *);
	nvml_return (*process_name)(unsigned, char *, unsigned);
	nvml_return (*count)(unsigned *);
	nvml_return (*handle)(unsigned, nvml_device *);
	nvml_return (*name)(nvml_device, char *, unsigned);
	nvml_return (*uuid)(nvml_device, char *, unsigned);
	nvml_return (*pci)(nvml_device, struct nvml_pci_v3 *);
	nvml_return (*persistence)(nvml_device, unsigned *);
	nvml_return (*display_active)(nvml_device, unsigned *);
	nvml_return (*ecc_mode)(nvml_device, unsigned *, unsigned *);
	nvml_return (*ecc_errors)(nvml_device, unsigned, unsigned, uint64_t *);
	nvml_return (*fan)(nvml_device, unsigned *);
	nvml_return (*temperature)(nvml_device, unsigned, unsigned *);
	nvml_return (*performance)(nvml_device, unsigned *);
	nvml_return (*power)(nvml_device, unsigned *);
	nvml_return (*power_limit)(nvml_device, unsigned *);
	nvml_return (*memory)(nvml_device, struct nvml_memory_v2 *);
	nvml_return (*bar1)(nvml_device, struct nvml_memory *);
	nvml_return (*utilization)(nvml_device, struct nvml_utilization *);
	nvml_return (*compute_mode)(nvml_device, unsigned *);
	nvml_return (*mig_mode)(nvml_device, unsigned *, unsigned *);
	nvml_return (*mig_max)(nvml_device, unsigned *);
	nvml_return (*mig_handle)(nvml_device, unsigned, nvml_device *);
	nvml_return (*gpu_instance)(nvml_device, unsigned *);
	nvml_return (*compute_instance)(nvml_device, unsigned *);
	nvml_return (*attributes)(nvml_device, struct nvml_attributes *);
	nvml_return (*compute_processes)(nvml_device, unsigned *, struct nvml_process_v2 *);
	nvml_return (*graphics_processes)(nvml_device, unsigned *, struct nvml_process_v2 *);
};

/* A GPU that answered; those that did not are told about on stdout. */
struct smi_gpu {
	unsigned index;
	nvml_device device;
};

struct smi_gpus {
	struct smi_gpu v[64];
	size_t n;
};

/* Prints the table: GPUs, MIG devices, processes. */
void smi_table(const struct smi *smi, const struct smi_gpus *gpus);
