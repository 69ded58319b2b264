/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvml-core: what every function of the simulated libnvidia-ml.so.1 begins with.
 *
 * The description of the machine is read again whenever it has changed, so a
 * running program sees a GPU vanish as it would with a real driver. What was read
 * stays in memory: other threads may still be answering from it.
 *
 * Each call appears in SIM_CALLS_PATH ("PID CALL GPU") when that file
 * exists, so that tests can count calls; nothing has to be configured, since a
 * caller may have emptied its environment and changed its root.
 */

#include "machine.h"
#include "nvml-types.h"

/* What a handle means now. */
struct sim_target {
	const struct machine *machine;
	const struct machine_gpu *gpu;
	const struct machine_mig *mig; /* NULL: the whole GPU */
};

#define SIM_CALLS_PATH "/run/nvidia-gpu-sim/nvml-calls"

/* Defines one exported function. */
#define NVML(name, ...)                                                                            \
	__attribute__((visibility("default"))) nvml_return name(__VA_ARGS__);                      \
	nvml_return name(__VA_ARGS__)

/* A number of a GPU, or NVML_NOT_SUPPORTED where it has none. */
#define NVML_GPU_NUMBER(name, type, supported, value)                                              \
	NVML(name, nvml_device device, type *ret)                                                  \
	{                                                                                          \
		struct sim_target t;                                                               \
		nvml_return r = sim_gpu(__func__, device, &t);                                     \
                                                                                                   \
		if (r != NVML_OK || !ret)                                                          \
			return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;                           \
		if (!(supported))                                                                  \
			return NVML_NOT_SUPPORTED;                                                 \
		*ret = (type)(value);                                                              \
		return NVML_OK;                                                                    \
	}

/* A text of a GPU; NULL is NVML_NOT_SUPPORTED. */
#define NVML_GPU_TEXT(name, value)                                                                 \
	NVML(name, nvml_device device, char *to, unsigned size)                                    \
	{                                                                                          \
		struct sim_target t;                                                               \
		nvml_return r = sim_gpu(__func__, device, &t);                                     \
                                                                                                   \
		return r != NVML_OK ? r : sim_text(to, size, (value));                             \
	}

/* Reads the description and checks that there is a driver. */
nvml_return sim_start(const char *call);
nvml_return sim_stop(const char *call);

/* Begins a call about the system, a GPU or MIG device, or a GPU alone: log, faults, state. */
nvml_return sim_system(const char *call, struct sim_target *ret);
nvml_return sim_device(const char *call, nvml_device device, struct sim_target *ret);
nvml_return sim_gpu(const char *call, nvml_device device, struct sim_target *ret);

/* Within a call that began with sim_system() and turned out to concern one GPU: its faults. */
nvml_return sim_gpu_fault(const char *call, const struct machine *m, const struct machine_gpu *gpu);

/* The handle of a GPU or a MIG device: the same one each time. */
nvml_device sim_handle(const struct machine_gpu *gpu, const struct machine_mig *mig);
nvml_gpu_instance sim_gi_handle(const struct machine_gpu *gpu, uint32_t gi);
nvml_compute_instance sim_ci_handle(const struct machine_gpu *gpu, uint32_t gi, uint32_t ci);

/* The reverse; the MIG device is one of the instance. */
nvml_return sim_gi(const char *call, nvml_gpu_instance gi, struct sim_target *ret);
nvml_return sim_ci(const char *call, nvml_compute_instance ci, struct sim_target *ret);

/* Whether this process may open the nodes: the simulator's nodes have no driver, so "allowed" is
 * ENXIO. */
bool sim_may_use(const struct machine_gpu *gpu);
bool sim_may_use_mig(const struct machine_gpu *gpu, const struct machine_mig *mig);

/* The GPUs that this process may use, counted, and the one with that number. */
unsigned sim_count(const struct machine *m);
const struct machine_gpu *sim_at(const struct machine *m, unsigned index);
unsigned sim_index_of(const struct machine *m, const struct machine_gpu *gpu);

/* Copies a text for the caller, with NVML's rules for its buffer. */
nvml_return sim_text(char *to, unsigned size, const char *text);
