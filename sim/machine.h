/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * machine: the description of a simulated GPU machine.
 *
 * A platform file (JSON) becomes a struct machine in which every default is
 * filled in and everything is checked; machine_write() gives the complete
 * description back as JSON, which machine_parse() reads again. A running
 * simulation keeps that text at MACHINE_PATH, on the host and in containers, so
 * the simulated libnvidia-ml needs neither environment nor arguments to find it.
 *
 * sim/platforms/README.md explains every key. An unknown key, a key given
 * twice, a value out of range and two GPUs with the same address are errors that
 * name file and line.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

#define MACHINE_DIR  "/proc/driver/nvidia-gpu-sim"
#define MACHINE_PATH MACHINE_DIR "/machine.json"

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
	const char *pci; /* "0000:00:06.0" */
	uint32_t domain, bus, device;
	uint32_t minor; /* of /dev/nvidiaN */
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

struct machine_switch {
	const char *pci;
	uint32_t minor; /* of /dev/nvidia-nvswitchN */
};

/* A file of the driver beside those of its parts; exactly one of link and text, or a size. */
struct machine_file {
	const char *path;
	const char *link, *text;
	uint64_t size;
};

enum machine_layout {
	MACHINE_DEBIAN, /* /usr/lib/x86_64-linux-gnu, /usr/bin */
	MACHINE_RHEL,	/* /usr/lib64, /usr/bin */
	MACHINE_LOCAL,	/* /usr/local/nvidia/{lib64,bin,share,firmware}, as hosted machines have it
			 */
};

/* What of the driver is installed; a set. */
enum machine_part {
	MACHINE_PART_COMPUTE = 1 << 0,
	MACHINE_PART_UTILITY = 1 << 1,
	MACHINE_PART_VIDEO = 1 << 2,
	MACHINE_PART_GRAPHICS = 1 << 3, /* GL, EGL, Vulkan, GBM with their configuration */
	MACHINE_PART_NGX = 1 << 4,
	MACHINE_PART_XORG = 1 << 5,
	MACHINE_PART_COMPAT32 = 1 << 6,
	MACHINE_PART_FIRMWARE = 1 << 7,
	MACHINE_PART_MPS = 1 << 8,
	MACHINE_PART_IMEX = 1 << 9,	     /* nvidia-imex, nvidia-imex-ctl */
	MACHINE_PART_PERSISTENCED = 1 << 10, /* program and socket */
	MACHINE_PART_FABRICMANAGER = 1 << 11,
};

struct machine_driver {
	const char *version;  /* "580.159.04" */
	const char *cuda;     /* "13.0" */
	const char *compiler; /* second line of /proc/driver/nvidia/version */
	bool open;	      /* open kernel modules */
	enum machine_layout layout;
	const char *root;    /* "/" or the driver root, "/run/nvidia/driver" */
	unsigned parts;	     /* enum machine_part */
	struct strv without; /* base names (up to ".so" or whole) that are not installed */
	struct machine_files VEC(struct machine_file) files;
};

/* Character-device majors; the simulator replaces those that the real machine uses. */
struct machine_majors {
	uint32_t nvidia, uvm, nvswitch, nvlink, caps, imex, fs, gdrdrv, uverbs, drm;
};

struct machine_fault {
	const char *call; /* NVML function, "nvmlInit_v2"; "*": every one */
	int32_t gpu;	  /* NVML index, or -1: whatever GPU */
	uint32_t result;  /* nvmlReturn_t; 0: as if there were no fault, after the delay */
	uint32_t delay_ms;
	bool hang, crash, missing;
};

struct machine {
	const char *name, *summary;
	struct machine_driver driver;
	struct machine_majors majors;
	struct machine_gpus VEC(struct machine_gpu) gpus; /* sorted by PCI address */
	struct machine_switches VEC(struct machine_switch) switches;
	struct machine_channels VEC(uint32_t) imex_channels;
	uint32_t uverbs; /* /dev/infiniband/uverbs0 … */
	uint32_t gds;	 /* /dev/nvidia-fs0 … */
	bool rdma_cm, gdrcopy;
	bool loaded;	     /* kernel modules loaded: procfs, nodes and majors are there */
	bool modeset;	     /* among them nvidia-modeset and nvidia-drm */
	struct strv missing; /* paths of nodes and files that are not there though they should be */
	struct machine_faults VEC(struct machine_fault) faults;
};

/* Reads a description; strings live in the arena. -EBADMSG with name:line. */
int machine_parse(struct arena *a, struct str text, const char *name, struct machine *ret,
		  struct err *e) MUST_USE;

/* The same from a file. */
int machine_load(struct arena *a, const char *path, struct machine *ret, struct err *e) MUST_USE;

/* Adds the complete description as indented JSON with a newline behind. */
void machine_write(const struct machine *m, struct strbuf *out);

/*
 * The first fault of that call that concerns the GPU with that NVML index (-1:
 * a call about no GPU, for which only faults without a GPU count), or NULL.
 */
const struct machine_fault *machine_fault(const struct machine *m, const char *call, int gpu);

/* Minors of /dev/nvidia-caps/nvidia-capN; the GPU counts by its device minor. */
uint32_t machine_gi_minor(uint32_t gpu_minor, uint32_t gi);
uint32_t machine_ci_minor(uint32_t gpu_minor, uint32_t gi, uint32_t ci);

/* Names of layouts and parts as the description writes them. */
const char *machine_layout_name(enum machine_layout layout);
void machine_part_names(unsigned parts, struct strbuf *out);
