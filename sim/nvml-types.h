/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvml-types: structures and numbers of NVML beyond those that the stack itself
 * uses (nv/nvml-api.h): what a monitoring program passes. Layouts are those of
 * NVIDIA's published reference, the names are ours.
 */

#include "nv/nvml-api.h"

typedef struct nvml_gi *nvml_gpu_instance;
typedef struct nvml_ci *nvml_compute_instance;

#define NVML_ABSENT_ID 0xffffffffu /* no instance: processes and events outside MIG */

struct nvml_memory {
	uint64_t total, free, used;
};

struct nvml_memory_v2 {
	uint32_t version;
	uint64_t total, reserved, free, used;
};

struct nvml_utilization {
	uint32_t gpu, memory;
};

struct nvml_process_v1 {
	uint32_t pid;
	uint64_t memory;
};

struct nvml_process_v2 {
	uint32_t pid;
	uint64_t memory;
	uint32_t gi, ci;
};

struct nvml_process_detail {
	uint32_t pid;
	uint64_t memory;
	uint32_t gi, ci;
	uint64_t protected_memory;
};

enum { NVML_PROCESSES_COMPUTE = 0, NVML_PROCESSES_GRAPHICS = 1, NVML_PROCESSES_MPS = 2 };

struct nvml_process_list {
	uint32_t version, mode, count;
	struct nvml_process_detail *entries;
};

struct nvml_process_utilization {
	uint32_t pid;
	uint64_t timestamp_us;
	uint32_t sm, memory, encoder, decoder;
};

struct nvml_accounting_stats {
	uint32_t gpu, memory;
	uint64_t max_memory, time_ms, start_us;
	uint32_t is_running;
	uint32_t reserved[5];
};

struct nvml_ecc_counts {
	uint64_t l1, l2, device, registers;
};

struct nvml_row_histogram {
	uint32_t max, high, partial, low, none;
};

enum { NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEMORY, NVML_CLOCK_VIDEO };
enum { NVML_CORRECTED, NVML_UNCORRECTED };
enum { NVML_VOLATILE, NVML_AGGREGATE };
enum { NVML_AT_L1, NVML_AT_L2, NVML_AT_DRAM, NVML_AT_REGISTERS, NVML_AT_SRAM = 7 };
enum { NVML_SHUTDOWN_C, NVML_SLOWDOWN_C, NVML_MEMORY_MAX_C, NVML_GPU_MAX_C };

#define NVML_REASON_IDLE    0x1ull
#define NVML_REASONS_ALL    0x1ffull
#define NVML_BUS_TYPE_PCIE  2u
#define NVML_MAX_LINKS	    18u
#define NVML_EVENT_XID	    0x8ull
#define NVML_EVENTS_DEFAULT 0x1full
#define NVML_XID_OFF_BUS    79u

union nvml_value {
	double real;
	uint32_t u32;
	uint64_t u64;
	int64_t i64;
	int32_t i32;
};

enum { NVML_VALUE_DOUBLE, NVML_VALUE_U32, NVML_VALUE_ULONG, NVML_VALUE_U64, NVML_VALUE_I64 };

struct nvml_sample {
	uint64_t timestamp_us;
	union nvml_value value;
};

struct nvml_field {
	uint32_t id, scope;
	int64_t timestamp_us, latency_us;
	uint32_t type;
	nvml_return result;
	union nvml_value value;
};

struct nvml_violation {
	uint64_t reference_us, violation_ns;
};

struct nvml_temperature_v1 {
	uint32_t version, sensor;
	int32_t temperature;
};

struct nvml_margin_v1 {
	uint32_t version;
	int32_t margin;
};

typedef struct nvml_event_set *nvml_event_set;

struct nvml_event_v1 {
	nvml_device device;
	uint64_t type, data;
};

struct nvml_event_v2 {
	nvml_device device;
	uint64_t type, data;
	uint32_t gi, ci;
};
