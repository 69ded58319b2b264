/* SPDX-License-Identifier: Apache-2.0 */
#include "machine-fields.h"

#define FIELD(type, member, kind, max)                                                             \
	{                                                                                          \
#member, kind, offsetof(type, member), max                                         \
	}
#define TABLE(text, list, more)                                                                    \
	{                                                                                          \
		.what = (text), .fields = (list), .n = COUNT_OF(list), .others = (more)            \
	}

static const struct machine_field top_fields[] = {
	FIELD(struct machine, name, MACHINE_STR, 0),
	FIELD(struct machine, summary, MACHINE_STR, 0),
	FIELD(struct machine, uverbs, MACHINE_U32, 32),
	FIELD(struct machine, gds, MACHINE_U32, 16),
	FIELD(struct machine, rdma_cm, MACHINE_BOOL, 0),
	FIELD(struct machine, gdrcopy, MACHINE_BOOL, 0),
	FIELD(struct machine, loaded, MACHINE_BOOL, 0),
	FIELD(struct machine, modeset, MACHINE_BOOL, 0),
};
const struct machine_table machine_top_table =
	TABLE("the machine", top_fields,
	      "driver gpu gpus nvswitches imex_channels majors missing faults");

static const struct machine_field driver_fields[] = {
	FIELD(struct machine_driver, version, MACHINE_STR, 0),
	FIELD(struct machine_driver, cuda, MACHINE_STR, 0),
	FIELD(struct machine_driver, compiler, MACHINE_STR, 0),
	FIELD(struct machine_driver, open, MACHINE_BOOL, 0),
	FIELD(struct machine_driver, root, MACHINE_STR, 0),
};
const struct machine_table machine_driver_table =
	TABLE("\"driver\"", driver_fields, "layout parts without files");

#define MAJOR(member, key)                                                                         \
	{                                                                                          \
		key, MACHINE_U32, offsetof(struct machine_majors, member), 4095                    \
	}

static const struct machine_field majors_fields[] = {
	MAJOR(nvidia, "nvidia"),
	MAJOR(uvm, "nvidia-uvm"),
	MAJOR(nvswitch, "nvidia-nvswitch"),
	MAJOR(nvlink, "nvidia-nvlink"),
	MAJOR(caps, "nvidia-caps"),
	MAJOR(imex, "nvidia-caps-imex-channels"),
	MAJOR(fs, "nvidia-fs"),
	MAJOR(gdrdrv, "gdrdrv"),
	MAJOR(uverbs, "infiniband_verbs"),
	MAJOR(drm, "drm"),
};
const struct machine_table machine_majors_table = TABLE("\"majors\"", majors_fields, NULL);

#define GPU(member, kind, max) FIELD(struct machine_gpu, member, kind, max)

static const struct machine_field gpu_fields[] = {
	GPU(name, MACHINE_STR, 0),
	GPU(uuid, MACHINE_STR, 0),
	GPU(brand, MACHINE_STR, 0),
	GPU(architecture, MACHINE_STR, 0),
	GPU(compute_capability, MACHINE_STR, 0),
	GPU(serial, MACHINE_STR, 0),
	GPU(held_by, MACHINE_STR, 0),
	GPU(vbios, MACHINE_STR, 0),
	GPU(board_part_number, MACHINE_STR, 0),
	GPU(pci, MACHINE_STR, 0),
	GPU(minor, MACHINE_U32, 254),
	GPU(device_id, MACHINE_HEX, 0xffff),
	GPU(subsystem_id, MACHINE_HEX, UINT32_MAX),
	GPU(class_code, MACHINE_HEX, 0xffffff),
	GPU(irq, MACHINE_U32, 65535),
	GPU(numa_node, MACHINE_I32, 1023),
	GPU(pcie_switch, MACHINE_U32, 1023),
	GPU(drm_card, MACHINE_I32, 63),
	GPU(drm_render, MACHINE_I32, 191),
	GPU(lost, MACHINE_BOOL, 0),
	GPU(excluded, MACHINE_BOOL, 0),
	GPU(cores, MACHINE_U32, 1000000),
	GPU(multiprocessors, MACHINE_U32, 10000),
	GPU(memory_bus_bits, MACHINE_U32, 65536),
	GPU(memory_mib, MACHINE_U32, 16777216),
	GPU(memory_reserved_mib, MACHINE_U32, 16777216),
	GPU(memory_used_mib, MACHINE_U32, 16777216),
	GPU(bar1_mib, MACHINE_U32, 16777216),
	GPU(bar1_used_mib, MACHINE_U32, 16777216),
	GPU(temperature_c, MACHINE_I32, 1000),
	GPU(memory_temperature_c, MACHINE_I32, 1000),
	GPU(slowdown_c, MACHINE_I32, 1000),
	GPU(shutdown_c, MACHINE_I32, 1000),
	GPU(fan_percent, MACHINE_I32, 100),
	GPU(power_mw, MACHINE_U32, 100000000),
	GPU(power_limit_mw, MACHINE_U32, 100000000),
	GPU(power_default_limit_mw, MACHINE_U32, 100000000),
	GPU(power_min_limit_mw, MACHINE_U32, 100000000),
	GPU(power_max_limit_mw, MACHINE_U32, 100000000),
	GPU(energy_mj, MACHINE_U64, 0),
	GPU(utilization_gpu, MACHINE_U32, 100),
	GPU(utilization_memory, MACHINE_U32, 100),
	GPU(utilization_encoder, MACHINE_U32, 100),
	GPU(utilization_decoder, MACHINE_U32, 100),
	GPU(clock_graphics_mhz, MACHINE_U32, 100000),
	GPU(clock_sm_mhz, MACHINE_U32, 100000),
	GPU(clock_memory_mhz, MACHINE_U32, 100000),
	GPU(clock_video_mhz, MACHINE_U32, 100000),
	GPU(max_clock_graphics_mhz, MACHINE_U32, 100000),
	GPU(max_clock_sm_mhz, MACHINE_U32, 100000),
	GPU(max_clock_memory_mhz, MACHINE_U32, 100000),
	GPU(max_clock_video_mhz, MACHINE_U32, 100000),
	GPU(performance_state, MACHINE_U32, 15),
	GPU(pcie_gen, MACHINE_U32, 7),
	GPU(pcie_gen_max, MACHINE_U32, 7),
	GPU(pcie_width, MACHINE_U32, 32),
	GPU(pcie_width_max, MACHINE_U32, 32),
	GPU(pcie_tx_kbps, MACHINE_U32, UINT32_MAX),
	GPU(pcie_rx_kbps, MACHINE_U32, UINT32_MAX),
	GPU(pcie_replays, MACHINE_U32, UINT32_MAX),
	GPU(ecc, MACHINE_BOOL, 0),
	GPU(ecc_corrected, MACHINE_U64, 0),
	GPU(ecc_uncorrected, MACHINE_U64, 0),
	GPU(ecc_corrected_total, MACHINE_U64, 0),
	GPU(ecc_uncorrected_total, MACHINE_U64, 0),
	GPU(persistence, MACHINE_BOOL, 0),
	GPU(display_attached, MACHINE_BOOL, 0),
	GPU(display_active, MACHINE_BOOL, 0),
	GPU(compute_mode, MACHINE_STR, 0),
	GPU(addressing_mode, MACHINE_STR, 0),
	GPU(nvlinks, MACHINE_U32, 36),
};
const struct machine_table machine_gpu_table = TABLE("a GPU", gpu_fields, "mig processes");

static const struct machine_field mig_fields[] = {
	FIELD(struct machine_mig, gi, MACHINE_U32, MACHINE_MAX_GI - 1),
	FIELD(struct machine_mig, ci, MACHINE_U32, MACHINE_MAX_CI - 1),
	FIELD(struct machine_mig, profile, MACHINE_STR, 0),
	FIELD(struct machine_mig, uuid, MACHINE_STR, 0),
	FIELD(struct machine_mig, start, MACHINE_U32, 31),
	FIELD(struct machine_mig, memory_mib, MACHINE_U32, 16777216),
	FIELD(struct machine_mig, multiprocessors, MACHINE_U32, 10000),
};
const struct machine_table machine_mig_table = TABLE("a MIG instance", mig_fields, NULL);

static const struct machine_field process_fields[] = {
	FIELD(struct machine_process, pid, MACHINE_U32, 4194304),
	FIELD(struct machine_process, name, MACHINE_STR, 0),
	FIELD(struct machine_process, type, MACHINE_STR, 0),
	FIELD(struct machine_process, memory_mib, MACHINE_U32, 16777216),
	FIELD(struct machine_process, utilization_percent, MACHINE_U32, 100),
	FIELD(struct machine_process, gi, MACHINE_I32, MACHINE_MAX_GI - 1),
	FIELD(struct machine_process, ci, MACHINE_I32, MACHINE_MAX_CI - 1),
};
const struct machine_table machine_process_table = TABLE("a process", process_fields, NULL);

static const struct machine_field switch_fields[] = {
	FIELD(struct machine_switch, pci, MACHINE_STR, 0),
	FIELD(struct machine_switch, minor, MACHINE_U32, 254),
};
const struct machine_table machine_switch_table = TABLE("an NVSwitch", switch_fields, NULL);

static const struct machine_field file_fields[] = {
	FIELD(struct machine_file, path, MACHINE_STR, 0),
	FIELD(struct machine_file, link, MACHINE_STR, 0),
	FIELD(struct machine_file, text, MACHINE_STR, 0),
	FIELD(struct machine_file, size, MACHINE_U64, 0),
};
const struct machine_table machine_file_table = TABLE("a file", file_fields, NULL);

static const struct machine_field fault_fields[] = {
	FIELD(struct machine_fault, call, MACHINE_STR, 0),
	FIELD(struct machine_fault, gpu, MACHINE_I32, MACHINE_MAX_GPUS - 1),
	{"return", MACHINE_U32, offsetof(struct machine_fault, result), 999},
	FIELD(struct machine_fault, delay_ms, MACHINE_U32, 3600000),
	FIELD(struct machine_fault, hang, MACHINE_BOOL, 0),
	FIELD(struct machine_fault, crash, MACHINE_BOOL, 0),
	FIELD(struct machine_fault, missing, MACHINE_BOOL, 0),
};
const struct machine_table machine_fault_table = TABLE("a fault", fault_fields, NULL);

const char *const machine_layout_names[3] = {"debian", "rhel", "local"};
const char *const machine_part_list[12] = {
	"compute",  "utility",	"video", "graphics", "ngx",	     "xorg",
	"compat32", "firmware", "mps",	 "imex",     "persistenced", "fabricmanager",
};
