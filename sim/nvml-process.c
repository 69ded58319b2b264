/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-process: who uses a GPU, in every form in which NVML has told it. */

#include <time.h>

#include "nvml-core.h"

#define MIB (1024ull * 1024)

enum layout { V1, V2, DETAIL };

/* "C", "G", "C+G" and "M" against the list that is asked for. */
static bool belongs(const struct machine_process *p, unsigned list)
{
	static const char letters[] = {'C', 'G', 'M'};

	return strchr(p->type, letters[list]) != NULL;
}

static bool is_of(const struct machine_process *p, const struct machine_mig *mig)
{
	return !mig || (p->gi == (int32_t)mig->gi && p->ci == (int32_t)mig->ci);
}

static void put(const struct machine_process *p, enum layout layout, void *to, unsigned at)
{
	uint32_t gi = p->gi < 0 ? NVML_ABSENT_ID : (uint32_t)p->gi;
	uint32_t ci = p->ci < 0 ? NVML_ABSENT_ID : (uint32_t)p->ci;
	uint64_t memory = p->memory_mib * MIB;

	switch (layout) {
	case V1:
		((struct nvml_process_v1 *)to)[at] = (struct nvml_process_v1){p->pid, memory};
		break;
	case V2:
		((struct nvml_process_v2 *)to)[at] =
			(struct nvml_process_v2){p->pid, memory, gi, ci};
		break;
	case DETAIL:
		((struct nvml_process_detail *)to)[at] =
			(struct nvml_process_detail){p->pid, memory, gi, ci, 0};
		break;
	}
}

/* Fills at most *count places; how many there are is said in every case. */
static nvml_return list(const struct sim_target *t, unsigned which, enum layout layout,
			unsigned *count, void *to)
{
	unsigned room = *count, n = 0;

	for (size_t i = 0; i < t->gpu->processes.n; i++) {
		const struct machine_process *p = &t->gpu->processes.v[i];

		if (!belongs(p, which) || !is_of(p, t->mig))
			continue;
		if (n < room && to)
			put(p, layout, to, n);
		n++;
	}
	*count = n;
	return n > room ? NVML_INSUFFICIENT_SIZE : NVML_OK;
}

#define RUNNING(name, which, layout, type)                                                         \
	NVML(name, nvml_device device, unsigned *count, type *to)                                  \
	{                                                                                          \
		struct sim_target t;                                                               \
		nvml_return r = sim_device(__func__, device, &t);                                  \
                                                                                                   \
		if (r != NVML_OK || !count)                                                        \
			return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;                           \
		return list(&t, which, layout, count, to);                                         \
	}

RUNNING(nvmlDeviceGetComputeRunningProcesses, NVML_PROCESSES_COMPUTE, V1, struct nvml_process_v1)
RUNNING(nvmlDeviceGetComputeRunningProcesses_v2, NVML_PROCESSES_COMPUTE, V2, struct nvml_process_v2)
RUNNING(nvmlDeviceGetComputeRunningProcesses_v3, NVML_PROCESSES_COMPUTE, V2, struct nvml_process_v2)
RUNNING(nvmlDeviceGetGraphicsRunningProcesses, NVML_PROCESSES_GRAPHICS, V1, struct nvml_process_v1)
RUNNING(nvmlDeviceGetGraphicsRunningProcesses_v2, NVML_PROCESSES_GRAPHICS, V2,
	struct nvml_process_v2)
RUNNING(nvmlDeviceGetGraphicsRunningProcesses_v3, NVML_PROCESSES_GRAPHICS, V2,
	struct nvml_process_v2)
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses, NVML_PROCESSES_MPS, V1, struct nvml_process_v1)
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses_v2, NVML_PROCESSES_MPS, V2, struct nvml_process_v2)
RUNNING(nvmlDeviceGetMPSComputeRunningProcesses_v3, NVML_PROCESSES_MPS, V2, struct nvml_process_v2)

NVML(nvmlDeviceGetRunningProcessDetailList, nvml_device device, struct nvml_process_list *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_process_list, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	if (ret->mode > NVML_PROCESSES_MPS)
		return NVML_INVALID_ARGUMENT;
	return list(&t, ret->mode, DETAIL, &ret->count, ret->entries);
}

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

NVML(nvmlDeviceGetProcessUtilization, nvml_device device, struct nvml_process_utilization *to,
     unsigned *count, uint64_t since_us)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);
	unsigned room;

	(void)since_us;
	if (r != NVML_OK || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	room = *count;
	*count = (unsigned)t.gpu->processes.n;
	if (!to || room < *count)
		return NVML_INSUFFICIENT_SIZE;
	if (*count == 0)
		return NVML_NOT_FOUND;
	for (unsigned i = 0; i < *count; i++) {
		const struct machine_process *p = &t.gpu->processes.v[i];

		to[i] = (struct nvml_process_utilization){
			.pid = p->pid, .timestamp_us = now_us(), .sm = p->utilization_percent};
	}
	return NVML_OK;
}

/* Accounting is off, as it is unless root turns it on. */
NVML(nvmlDeviceGetAccountingPids, nvml_device device, unsigned *count, unsigned *pids)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)pids;
	if (r != NVML_OK || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*count = 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetAccountingStats, nvml_device device, unsigned pid,
     struct nvml_accounting_stats *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)pid;
	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	return NVML_NOT_FOUND;
}
