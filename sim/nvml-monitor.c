/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-monitor: what a GPU is doing: load, clocks, power, temperature, PCIe. */

#include <time.h>

#include "nvml-core.h"

NVML_GPU_NUMBER(nvmlDeviceGetPowerUsage, unsigned, true, t.gpu->power_mw)
NVML_GPU_NUMBER(nvmlDeviceGetPowerManagementMode, unsigned, true, 1)
NVML_GPU_NUMBER(nvmlDeviceGetPowerManagementLimit, unsigned, true, t.gpu->power_limit_mw)
NVML_GPU_NUMBER(nvmlDeviceGetEnforcedPowerLimit, unsigned, true, t.gpu->power_limit_mw)
NVML_GPU_NUMBER(nvmlDeviceGetPowerManagementDefaultLimit, unsigned, true,
		t.gpu->power_default_limit_mw)
NVML_GPU_NUMBER(nvmlDeviceGetTotalEnergyConsumption, uint64_t, true, t.gpu->energy_mj)
NVML_GPU_NUMBER(nvmlDeviceGetPerformanceState, unsigned, true, t.gpu->performance_state)
NVML_GPU_NUMBER(nvmlDeviceGetPowerState, unsigned, true, t.gpu->performance_state)
NVML_GPU_NUMBER(nvmlDeviceGetFanSpeed, unsigned, t.gpu->fan_percent >= 0, t.gpu->fan_percent)
NVML_GPU_NUMBER(nvmlDeviceGetNumFans, unsigned, true, t.gpu->fan_percent >= 0 ? 1 : 0)
NVML_GPU_NUMBER(nvmlDeviceGetMaxPcieLinkGeneration, unsigned, true, t.gpu->pcie_gen_max)
NVML_GPU_NUMBER(nvmlDeviceGetGpuMaxPcieLinkGeneration, unsigned, true, t.gpu->pcie_gen_max)
NVML_GPU_NUMBER(nvmlDeviceGetMaxPcieLinkWidth, unsigned, true, t.gpu->pcie_width_max)
NVML_GPU_NUMBER(nvmlDeviceGetCurrPcieLinkGeneration, unsigned, true, t.gpu->pcie_gen)
NVML_GPU_NUMBER(nvmlDeviceGetCurrPcieLinkWidth, unsigned, true, t.gpu->pcie_width)
NVML_GPU_NUMBER(nvmlDeviceGetPcieReplayCounter, unsigned, true, t.gpu->pcie_replays)
NVML_GPU_NUMBER(nvmlDeviceGetAdaptiveClockInfoStatus, unsigned, true, 0)

/* An idle GPU says that it is idle; a loaded one has no reason to be slow. */
NVML_GPU_NUMBER(nvmlDeviceGetCurrentClocksThrottleReasons, uint64_t, true,
		t.gpu->utilization_gpu == 0 ? NVML_REASON_IDLE : 0)
NVML_GPU_NUMBER(nvmlDeviceGetCurrentClocksEventReasons, uint64_t, true,
		t.gpu->utilization_gpu == 0 ? NVML_REASON_IDLE : 0)
NVML_GPU_NUMBER(nvmlDeviceGetSupportedClocksThrottleReasons, uint64_t, true, NVML_REASONS_ALL)
NVML_GPU_NUMBER(nvmlDeviceGetSupportedClocksEventReasons, uint64_t, true, NVML_REASONS_ALL)

/* Megatransfers per second and lane by generation. */
static unsigned lane_speed(unsigned generation)
{
	static const unsigned speed[] = {0, 2500, 5000, 8000, 16000, 32000, 64000};

	return speed[generation < COUNT_OF(speed) ? generation : COUNT_OF(speed) - 1];
}

NVML_GPU_NUMBER(nvmlDeviceGetPcieLinkMaxSpeed, unsigned, t.gpu->pcie_gen_max > 0,
		lane_speed(t.gpu->pcie_gen_max))
NVML_GPU_NUMBER(nvmlDeviceGetPcieSpeed, unsigned, t.gpu->pcie_gen > 0, lane_speed(t.gpu->pcie_gen))

NVML(nvmlDeviceGetPowerManagementLimitConstraints, nvml_device device, unsigned *least,
     unsigned *most)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !least || !most)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*least = t.gpu->power_min_limit_mw;
	*most = t.gpu->power_max_limit_mw;
	return NVML_OK;
}

NVML(nvmlDeviceGetUtilizationRates, nvml_device device, struct nvml_utilization *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (t.gpu->mig_enabled)
		return NVML_NOT_SUPPORTED; /* as every driver up to today */
	*ret = (struct nvml_utilization){t.gpu->utilization_gpu, t.gpu->utilization_memory};
	return NVML_OK;
}

static nvml_return engine(const char *call, nvml_device device, unsigned *percent,
			  unsigned *period_us, int which)
{
	struct sim_target t;
	nvml_return r = sim_gpu(call, device, &t);

	if (r != NVML_OK || !percent || !period_us)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (t.gpu->mig_enabled)
		return NVML_NOT_SUPPORTED;
	*percent = which == 0	? t.gpu->utilization_encoder
		   : which == 1 ? t.gpu->utilization_decoder
				: 0;
	*period_us = 167000;
	return NVML_OK;
}

NVML(nvmlDeviceGetEncoderUtilization, nvml_device device, unsigned *percent, unsigned *period_us)
{
	return engine(__func__, device, percent, period_us, 0);
}

NVML(nvmlDeviceGetDecoderUtilization, nvml_device device, unsigned *percent, unsigned *period_us)
{
	return engine(__func__, device, percent, period_us, 1);
}

NVML(nvmlDeviceGetJpgUtilization, nvml_device device, unsigned *percent, unsigned *period_us)
{
	return engine(__func__, device, percent, period_us, 2);
}

NVML(nvmlDeviceGetOfaUtilization, nvml_device device, unsigned *percent, unsigned *period_us)
{
	return engine(__func__, device, percent, period_us, 2);
}

/* Sessions of the encoder and of frame capture: none are simulated. */
static nvml_return no_sessions(const char *call, nvml_device device, unsigned *sessions,
			       unsigned *fps, unsigned *latency)
{
	struct sim_target t;
	nvml_return r = sim_gpu(call, device, &t);

	if (r != NVML_OK || !sessions)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*sessions = 0;
	if (fps)
		*fps = 0;
	if (latency)
		*latency = 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetEncoderStats, nvml_device device, unsigned *sessions, unsigned *fps,
     unsigned *latency)
{
	return no_sessions(__func__, device, sessions, fps, latency);
}

NVML(nvmlDeviceGetEncoderSessions, nvml_device device, unsigned *sessions, void *entries)
{
	(void)entries;
	return no_sessions(__func__, device, sessions, NULL, NULL);
}

NVML(nvmlDeviceGetFBCSessions, nvml_device device, unsigned *sessions, void *entries)
{
	(void)entries;
	return no_sessions(__func__, device, sessions, NULL, NULL);
}

/* nvmlFBCStats_t: sessions, frames per second, latency. */
NVML(nvmlDeviceGetFBCStats, nvml_device device, uint32_t *ret)
{
	return no_sessions(__func__, device, ret, ret ? ret + 1 : NULL, ret ? ret + 2 : NULL);
}

NVML(nvmlDeviceGetEncoderCapacity, nvml_device device, unsigned codec, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)codec;
	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = 100;
	return NVML_OK;
}

enum { NOW, MOST };

static nvml_return clock_of(const char *call, nvml_device device, unsigned domain, int which,
			    unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(call, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	switch (domain) {
	case NVML_CLOCK_GRAPHICS:
		*ret = which == NOW ? t.gpu->clock_graphics_mhz : t.gpu->max_clock_graphics_mhz;
		return NVML_OK;
	case NVML_CLOCK_SM:
		*ret = which == NOW ? t.gpu->clock_sm_mhz : t.gpu->max_clock_sm_mhz;
		return NVML_OK;
	case NVML_CLOCK_MEMORY:
		*ret = which == NOW ? t.gpu->clock_memory_mhz : t.gpu->max_clock_memory_mhz;
		return NVML_OK;
	case NVML_CLOCK_VIDEO:
		*ret = which == NOW ? t.gpu->clock_video_mhz : t.gpu->max_clock_video_mhz;
		return NVML_OK;
	default:
		return NVML_INVALID_ARGUMENT;
	}
}

NVML(nvmlDeviceGetClockInfo, nvml_device device, unsigned domain, unsigned *ret)
{
	return clock_of(__func__, device, domain, NOW, ret);
}

NVML(nvmlDeviceGetMaxClockInfo, nvml_device device, unsigned domain, unsigned *ret)
{
	return clock_of(__func__, device, domain, MOST, ret);
}

NVML(nvmlDeviceGetApplicationsClock, nvml_device device, unsigned domain, unsigned *ret)
{
	return clock_of(__func__, device, domain, MOST, ret);
}

NVML(nvmlDeviceGetDefaultApplicationsClock, nvml_device device, unsigned domain, unsigned *ret)
{
	return clock_of(__func__, device, domain, MOST, ret);
}

NVML(nvmlDeviceGetMaxCustomerBoostClock, nvml_device device, unsigned domain, unsigned *ret)
{
	return clock_of(__func__, device, domain, MOST, ret);
}

NVML(nvmlDeviceGetClock, nvml_device device, unsigned domain, unsigned id, unsigned *ret)
{
	return clock_of(__func__, device, domain, id == 0 ? NOW : MOST, ret);
}

/* One clock that can be set: the highest. */
static nvml_return one_clock(const char *call, nvml_device device, unsigned domain, unsigned *count,
			     unsigned *clocks)
{
	unsigned mhz, room = count ? *count : 0;
	nvml_return r = clock_of(call, device, domain, MOST, &mhz);

	if (r != NVML_OK || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*count = 1;
	if (room < 1 || !clocks)
		return NVML_INSUFFICIENT_SIZE;
	clocks[0] = mhz;
	return NVML_OK;
}

NVML(nvmlDeviceGetSupportedMemoryClocks, nvml_device device, unsigned *count, unsigned *clocks)
{
	return one_clock(__func__, device, NVML_CLOCK_MEMORY, count, clocks);
}

NVML(nvmlDeviceGetSupportedGraphicsClocks, nvml_device device, unsigned memory_mhz, unsigned *count,
     unsigned *clocks)
{
	(void)memory_mhz;
	return one_clock(__func__, device, NVML_CLOCK_GRAPHICS, count, clocks);
}

NVML(nvmlDeviceGetAutoBoostedClocksEnabled, nvml_device device, unsigned *now, unsigned *otherwise)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)now;
	(void)otherwise;
	return r != NVML_OK ? r : NVML_NOT_SUPPORTED;
}

NVML(nvmlDeviceGetAPIRestriction, nvml_device device, unsigned api, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)api;
	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = 1; /* root only */
	return NVML_OK;
}

NVML(nvmlDeviceGetTemperature, nvml_device device, unsigned sensor, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret || sensor != 0)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (unsigned)t.gpu->temperature_c;
	return NVML_OK;
}

NVML(nvmlDeviceGetTemperatureV, nvml_device device, struct nvml_temperature_v1 *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_temperature_v1, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	if (ret->sensor != 0)
		return NVML_INVALID_ARGUMENT;
	ret->temperature = t.gpu->temperature_c;
	return NVML_OK;
}

NVML(nvmlDeviceGetMarginTemperature, nvml_device device, struct nvml_margin_v1 *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_margin_v1, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	ret->margin = t.gpu->slowdown_c - t.gpu->temperature_c;
	return NVML_OK;
}

NVML(nvmlDeviceGetTemperatureThreshold, nvml_device device, unsigned threshold, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	switch (threshold) {
	case NVML_SHUTDOWN_C:
		*ret = (unsigned)t.gpu->shutdown_c;
		return NVML_OK;
	case NVML_SLOWDOWN_C:
	case NVML_GPU_MAX_C:
	case NVML_MEMORY_MAX_C:
		*ret = (unsigned)t.gpu->slowdown_c;
		return NVML_OK;
	default:
		return NVML_NOT_SUPPORTED;
	}
}

NVML(nvmlDeviceGetFanSpeed_v2, nvml_device device, unsigned fan, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (t.gpu->fan_percent < 0 || fan > 0)
		return t.gpu->fan_percent < 0 ? NVML_NOT_SUPPORTED : NVML_INVALID_ARGUMENT;
	*ret = (unsigned)t.gpu->fan_percent;
	return NVML_OK;
}

NVML(nvmlDeviceGetTargetFanSpeed, nvml_device device, unsigned fan, unsigned *ret)
{
	return nvmlDeviceGetFanSpeed_v2(device, fan, ret);
}

NVML(nvmlDeviceGetMinMaxFanSpeed, nvml_device device, unsigned *least, unsigned *most)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !least || !most)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (t.gpu->fan_percent < 0)
		return NVML_NOT_SUPPORTED;
	*least = 30;
	*most = 100;
	return NVML_OK;
}

NVML(nvmlDeviceGetPcieThroughput, nvml_device device, unsigned counter, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret || counter > 1)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = counter == 0 ? t.gpu->pcie_tx_kbps : t.gpu->pcie_rx_kbps;
	return NVML_OK;
}

static uint64_t now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

NVML(nvmlDeviceGetViolationStatus, nvml_device device, unsigned policy, struct nvml_violation *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)policy;
	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_violation){.reference_us = now_us()};
	return NVML_OK;
}

/* One sample: the value of this moment. */
NVML(nvmlDeviceGetSamples, nvml_device device, unsigned kind, uint64_t since_us, unsigned *type,
     unsigned *count, struct nvml_sample *samples)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);
	uint32_t values[7];
	unsigned room;

	(void)since_us;
	if (r != NVML_OK || !type || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	values[0] = t.gpu->power_mw;
	values[1] = t.gpu->utilization_gpu;
	values[2] = t.gpu->utilization_memory;
	values[3] = t.gpu->utilization_encoder;
	values[4] = t.gpu->utilization_decoder;
	values[5] = t.gpu->clock_sm_mhz;
	values[6] = t.gpu->clock_memory_mhz;
	if (kind >= COUNT_OF(values))
		return NVML_NOT_SUPPORTED;
	room = *count;
	*type = NVML_VALUE_U32;
	*count = 1;
	if (!samples)
		return NVML_OK; /* only asked how much room is needed */
	if (room < 1)
		return NVML_INSUFFICIENT_SIZE;
	samples[0] = (struct nvml_sample){.timestamp_us = now_us(), .value.u32 = values[kind]};
	return NVML_OK;
}
