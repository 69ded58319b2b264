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
#include "machine-gpu.h"

#define MACHINE_DIR  "/proc/driver/nvidia-gpu-sim"
#define MACHINE_PATH MACHINE_DIR "/machine.json"

struct machine_switch {
	const char *pci; /* "0000:05:00.0" */
	uint32_t domain, bus, device;
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
