/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* nvml-mig-types: structures of NVML about GPU instances, compute instances and their profiles. */

#include "nvml-types.h"

struct nvml_placement {
	uint32_t start, size;
};

struct nvml_gi_info {
	nvml_device device;
	uint32_t id, profile;
	struct nvml_placement placement;
};

struct nvml_gi_profile {
	uint32_t id, p2p, slices, instances, multiprocessors;
	uint32_t copy_engines, decoders, encoders, jpegs, ofas;
	uint64_t memory_mib;
};

/* Version 2; version 3 has the same size, with capabilities behind the memory's place. */
struct nvml_gi_profile_v2 {
	uint32_t version;
	uint32_t id, p2p, slices, instances, multiprocessors;
	uint32_t copy_engines, decoders, encoders, jpegs, ofas;
	uint64_t memory_mib;
	char name[NVML_NAME_SIZE];
};

struct nvml_gi_profile_v3 {
	uint32_t version;
	uint32_t id, slices, instances, multiprocessors;
	uint32_t copy_engines, decoders, encoders, jpegs, ofas;
	uint64_t memory_mib;
	char name[NVML_NAME_SIZE];
	uint32_t capabilities;
};

struct nvml_ci_info_v1 {
	nvml_device device;
	nvml_gpu_instance gpu_instance;
	uint32_t id, profile;
};

struct nvml_ci_info_v2 {
	nvml_device device;
	nvml_gpu_instance gpu_instance;
	uint32_t id, profile;
	struct nvml_placement placement;
};

struct nvml_ci_profile {
	uint32_t id, slices, instances, multiprocessors;
	uint32_t copy_engines, decoders, encoders, jpegs, ofas;
};

struct nvml_ci_profile_v2 {
	uint32_t version;
	uint32_t id, slices, instances, multiprocessors;
	uint32_t copy_engines, decoders, encoders, jpegs, ofas;
	char name[NVML_NAME_SIZE];
};
