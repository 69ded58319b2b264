/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nvml-event: waiting for something to happen. What can happen here is that a
 * registered GPU is lost: the Xid that a real driver reports then.
 */

#include <time.h>

#include "base/mem.h"
#include "nvml-core.h"

struct watched {
	nvml_device device;
	uint64_t types;
	bool told;
};

struct nvml_event_set {
	struct watches VEC(struct watched) watches;
};

NVML(nvmlEventSetCreate, nvml_event_set *ret)
{
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = mem_alloc(sizeof(**ret));
	return NVML_OK;
}

NVML(nvmlEventSetFree, nvml_event_set set)
{
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);

	if (r != NVML_OK || !set)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	vec_done(&set->watches);
	free(set);
	return NVML_OK;
}

NVML(nvmlDeviceGetSupportedEventTypes, nvml_device device, uint64_t *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = NVML_EVENTS_DEFAULT;
	return NVML_OK;
}

NVML(nvmlDeviceRegisterEvents, nvml_device device, uint64_t types, nvml_event_set set)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !set)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (types & ~NVML_EVENTS_DEFAULT)
		return NVML_NOT_SUPPORTED;
	vec_push(&set->watches, ((struct watched){.device = device, .types = types}));
	return NVML_OK;
}

/* The first loss that was not told yet. */
static bool next_event(nvml_event_set set, nvml_device *ret)
{
	for (size_t i = 0; i < set->watches.n; i++) {
		struct watched *w = &set->watches.v[i];
		struct sim_target t;

		if (w->told || !(w->types & NVML_EVENT_XID) ||
		    sim_gpu("nvmlEventSetWait", w->device, &t) != NVML_GPU_IS_LOST)
			continue;
		w->told = true;
		*ret = w->device;
		return true;
	}
	return false;
}

static nvml_return wait_for(const char *call, nvml_event_set set, unsigned timeout_ms,
			    nvml_device *ret)
{
	const struct timespec turn = {.tv_nsec = 20000000};
	struct sim_target t;
	nvml_return r = sim_system(call, &t);

	if (r != NVML_OK || !set)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	for (unsigned waited = 0;; waited += 20) {
		if (next_event(set, ret))
			return NVML_OK;
		if (waited >= timeout_ms)
			return NVML_TIMEOUT;
		(void)nanosleep(&turn, NULL);
	}
}

NVML(nvmlEventSetWait_v2, nvml_event_set set, struct nvml_event_v2 *ret, unsigned timeout_ms)
{
	nvml_device device = NULL;
	nvml_return r = ret ? wait_for(__func__, set, timeout_ms, &device) : NVML_INVALID_ARGUMENT;

	if (r == NVML_OK)
		*ret = (struct nvml_event_v2){device, NVML_EVENT_XID, NVML_XID_OFF_BUS,
					      NVML_ABSENT_ID, NVML_ABSENT_ID};
	return r;
}

NVML(nvmlEventSetWait, nvml_event_set set, struct nvml_event_v1 *ret, unsigned timeout_ms)
{
	nvml_device device = NULL;
	nvml_return r = ret ? wait_for(__func__, set, timeout_ms, &device) : NVML_INVALID_ARGUMENT;

	if (r == NVML_OK)
		*ret = (struct nvml_event_v1){device, NVML_EVENT_XID, NVML_XID_OFF_BUS};
	return r;
}
