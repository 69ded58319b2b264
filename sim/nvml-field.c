/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-field: values asked for by number, many at a time. */

#include <time.h>

#include "nvml-core.h"

/* Where a field's value comes from. */
static nvml_return value_of(const struct machine_gpu *g, uint32_t id, uint64_t *ret)
{
	const struct {
		uint32_t id;
		bool supported;
		uint64_t value;
	} fields[] = {
		{1, true, g->ecc},
		{2, true, g->ecc},
		{3, g->ecc, g->ecc_corrected},
		{4, g->ecc, g->ecc_uncorrected},
		{5, g->ecc, g->ecc_corrected_total},
		{6, g->ecc, g->ecc_uncorrected_total},
		{82, g->memory_temperature_c > 0, (uint64_t)g->memory_temperature_c},
		{83, true, g->energy_mj},
		{90, g->nvlinks > 0, 26562},
		{91, true, g->nvlinks},
		{94, true, g->pcie_replays},
		{95, true, 0},
		{142, true, 0},
		{143, true, 0},
		{144, true, 0},
		{145, true, 0},
		{185, true, g->power_mw},
		{186, true, g->power_mw},
		{187, true, g->power_min_limit_mw},
		{188, true, g->power_max_limit_mw},
		{189, true, g->power_default_limit_mw},
		{190, true, g->power_limit_mw},
		{191, true, g->energy_mj},
		{192, true, g->power_limit_mw},
	};

	for (size_t i = 0; i < COUNT_OF(fields); i++) {
		if (fields[i].id != id)
			continue;
		*ret = fields[i].value;
		return fields[i].supported ? NVML_OK : NVML_NOT_SUPPORTED;
	}
	return NVML_NOT_SUPPORTED;
}

/* Counters and energy are 64 bits wide, the rest are plain numbers. */
static uint32_t type_of(uint32_t id)
{
	return (id >= 3 && id <= 6) || id == 83 || id == 191 ? NVML_VALUE_U64 : NVML_VALUE_U32;
}

NVML(nvmlDeviceGetFieldValues, nvml_device device, int count, struct nvml_field *fields)
{
	struct timespec now;
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || count < 0 || !fields)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < count; i++) {
		struct nvml_field *f = &fields[i];

		f->value.u64 = 0;
		f->timestamp_us = now.tv_sec * 1000000 + now.tv_nsec / 1000;
		f->latency_us = 0;
		f->type = type_of(f->id);
		f->result = value_of(t.gpu, f->id, &f->value.u64);
	}
	return NVML_OK;
}

NVML(nvmlDeviceClearFieldValues, nvml_device device, int count, struct nvml_field *fields)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	(void)count;
	(void)fields;
	return r != NVML_OK ? r : geteuid() == 0 ? NVML_OK : NVML_NO_PERMISSION;
}
