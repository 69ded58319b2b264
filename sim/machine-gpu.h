/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * machine-gpu: one GPU of a description, with its MIG devices and processes.
 * Units are those that NVML and the driver's procfs use; names end in them.
 */

#include <stdint.h>

#include "base/vec.h"

enum { MACHINE_MAX_GPUS = 32, MACHINE_MAX_GI = 15, MACHINE_MAX_CI = 8 };

struct machine_mig {
	uint32_t gi, ci;
	const char *profile; /* "1g.18gb", "1c.3g.71gb", "1g.12gb+gfx" */
	const char *uuid;    /* "MIG-…" */
	uint32_t start;	     /* placement: first memory slice */
	uint32_t memory_mib;
	uint32_t multiprocessors;
	uint32_t gi_slices, ci_slices; /* from the profile: the 3 and the 1 of "1c.3g.71gb" */
	bool graphics, media;	       /* from the profile: +gfx, +me */
};

struct machine_process {
	uint32_t pid;
	const char *name;
	const char *type; /* "C", "G", "C+G", "M" */
	uint32_t memory_mib;
	uint32_t utilization_percent;
	int32_t gi, ci; /* of a MIG device, or -1 */
};

struct machine_gpu {
	uint32_t index; /* position in the order of PCI addresses: NVML's index */
	const char *name, *uuid, *brand, *architecture, *compute_capability;
	const char *serial, *vbios, *board_part_number;
	const char *held_by; /* the kernel driver that has it while ours is not loaded, or "" */
	const char *pci;     /* "0000:00:06.0" */
	uint32_t domain, bus, device;
	uint32_t compute_major, compute_minor; /* of compute_capability */
	uint32_t minor;			       /* of /dev/nvidiaN */
	uint32_t device_id, subsystem_id, class_code;
	uint32_t irq;
	int32_t numa_node;	      /* -1: none */
	uint32_t pcie_switch;	      /* GPUs with the same number hang below one switch */
	int32_t drm_card, drm_render; /* 1, 128; -1: no DRM nodes */
	bool lost;		      /* fell off the bus: config space reads all ones */
	bool excluded;

	uint32_t cores, multiprocessors, memory_bus_bits;
	uint32_t memory_mib, memory_reserved_mib, memory_used_mib, bar1_mib, bar1_used_mib;
	int32_t temperature_c, memory_temperature_c, slowdown_c, shutdown_c;
	int32_t fan_percent; /* -1: no fan */
	uint32_t power_mw, power_limit_mw, power_default_limit_mw, power_min_limit_mw,
		power_max_limit_mw;
	uint64_t energy_mj;
	uint32_t utilization_gpu, utilization_memory, utilization_encoder, utilization_decoder;
	uint32_t clock_graphics_mhz, clock_sm_mhz, clock_memory_mhz, clock_video_mhz;
	uint32_t max_clock_graphics_mhz, max_clock_sm_mhz, max_clock_memory_mhz,
		max_clock_video_mhz;
	uint32_t performance_state; /* 0 is P0 */
	uint32_t pcie_gen, pcie_gen_max, pcie_width, pcie_width_max;
	uint32_t pcie_tx_kbps, pcie_rx_kbps, pcie_replays;
	bool ecc;
	uint64_t ecc_corrected, ecc_uncorrected, ecc_corrected_total, ecc_uncorrected_total;
	bool persistence, display_attached, display_active;
	const char *compute_mode;    /* "default", "exclusive_process", "prohibited" */
	const char *addressing_mode; /* "none", "hmm", "ats" */
	uint32_t nvlinks;	     /* active links, each to every other GPU with links */

	bool mig_capable, mig_enabled;
	struct machine_migs
		VEC(struct machine_mig) migs; /* MIG devices; NVML's MIG index is the position */
	struct machine_processes VEC(struct machine_process) processes;
};
