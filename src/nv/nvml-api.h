/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvml-api: the binary interface of libnvidia-ml.so.1, as far as we call it.
 *
 * Layouts and numbers are those of NVIDIA's published NVML reference; the
 * names are ours. The simulated library answers with the same types.
 */

#include <stdint.h>

typedef int nvml_return; /* enum nvml_code, and whatever a newer library adds */

enum nvml_code {
	NVML_OK = 0,
	NVML_UNINITIALIZED = 1,
	NVML_INVALID_ARGUMENT = 2,
	NVML_NOT_SUPPORTED = 3,
	NVML_NO_PERMISSION = 4,
	NVML_NOT_FOUND = 6,
	NVML_INSUFFICIENT_SIZE = 7,
	NVML_DRIVER_NOT_LOADED = 9,
	NVML_TIMEOUT = 10,
	NVML_IRQ_ISSUE = 11,
	NVML_FUNCTION_NOT_FOUND = 13,
	NVML_GPU_IS_LOST = 15,
	NVML_RESET_REQUIRED = 16,
	NVML_OPERATING_SYSTEM = 17,
	NVML_VERSION_MISMATCH = 18,
	NVML_ARGUMENT_VERSION_MISMATCH = 25,
	NVML_UNKNOWN_ERROR = 999,
};

typedef struct nvml_device *nvml_device; /* a GPU or a MIG device */

#define NVML_NAME_SIZE	  96
#define NVML_UUID_SIZE	  96
#define NVML_VERSION_SIZE 80

/* The first form, which the unversioned symbol fills. */
struct nvml_pci_v1 {
	char bus_id[16]; /* "0000:00:06.0" */
	uint32_t domain, bus, device;
	uint32_t pci_device_id; /* device << 16 | vendor */
};

struct nvml_pci_v2 {
	char bus_id[16];
	uint32_t domain, bus, device, pci_device_id, pci_subsystem_id;
	uint32_t reserved[4];
};

struct nvml_pci_v3 {
	char bus_id_legacy[16];
	uint32_t domain, bus, device, pci_device_id, pci_subsystem_id;
	char bus_id[32]; /* "00000000:00:06.0" */
};

struct nvml_attributes {
	uint32_t multiprocessors;
	uint32_t copy_engines, decoders, encoders, jpegs, ofas;
	uint32_t gpu_slices, compute_slices;
	uint64_t memory_mib;
};

#define NVML_STRUCT_VERSION(type, version) ((uint32_t)(sizeof(type) | (version) << 24))

enum { NVML_ADDRESSING_NONE = 0, NVML_ADDRESSING_HMM = 1, NVML_ADDRESSING_ATS = 2 };

struct nvml_addressing_mode {
	uint32_t version; /* NVML_STRUCT_VERSION(struct nvml_addressing_mode, 1) */
	uint32_t value;
};

/*
 * The functions that we call. NULL in a library that is too old to have it, for
 * those that are not required (nv/nvml.c has the table of symbols): driver 418
 * has no MIG, 520 no addressing mode.
 */
struct nvml {
	nvml_return (*init)(void);
	const char *(*error_string)(nvml_return);
	nvml_return (*driver_version)(char *, unsigned);
	nvml_return (*cuda_version)(int *);
	nvml_return (*count)(unsigned *);
	nvml_return (*handle)(unsigned, nvml_device *);
	nvml_return (*name)(nvml_device, char *, unsigned);
	nvml_return (*uuid)(nvml_device, char *, unsigned);
	nvml_return (*minor)(nvml_device, unsigned *);
	nvml_return (*pci)(nvml_device, struct nvml_pci_v3 *);
	nvml_return (*brand)(nvml_device, unsigned *);
	nvml_return (*compute_capability)(nvml_device, int *, int *);
	nvml_return (*addressing_mode)(nvml_device, struct nvml_addressing_mode *);
	nvml_return (*mig_mode)(nvml_device, unsigned *, unsigned *);
	nvml_return (*mig_max)(nvml_device, unsigned *);
	nvml_return (*mig_handle)(nvml_device, unsigned, nvml_device *);
	nvml_return (*gpu_instance)(nvml_device, unsigned *);
	nvml_return (*compute_instance)(nvml_device, unsigned *);
	nvml_return (*attributes)(nvml_device, struct nvml_attributes *);
};
