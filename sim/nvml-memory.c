/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-memory: memory, its errors, and the processes that use it. */

#include "nvml-core.h"

#define MIB (1024ull * 1024)

/* A MIG device has its own memory, used by its own processes. */
static uint64_t used_mib(const struct sim_target *t)
{
	uint64_t sum = 0;

	if (!t->mig)
		return t->gpu->memory_used_mib;
	for (size_t i = 0; i < t->gpu->processes.n; i++) {
		const struct machine_process *p = &t->gpu->processes.v[i];

		if (p->gi == (int32_t)t->mig->gi)
			sum += p->memory_mib;
	}
	return sum;
}

static uint64_t total_mib(const struct sim_target *t)
{
	return t->mig ? t->mig->memory_mib : t->gpu->memory_mib;
}

static uint64_t reserved_mib(const struct sim_target *t)
{
	return t->mig ? 0 : t->gpu->memory_reserved_mib;
}

/* The first form counts what the driver keeps for itself as used. */
NVML(nvmlDeviceGetMemoryInfo, nvml_device device, struct nvml_memory *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	ret->total = total_mib(&t) * MIB;
	ret->used = (used_mib(&t) + reserved_mib(&t)) * MIB;
	ret->free = ret->total > ret->used ? ret->total - ret->used : 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetMemoryInfo_v2, nvml_device device, struct nvml_memory_v2 *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);
	uint64_t taken;

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_memory_v2, 2))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	ret->total = total_mib(&t) * MIB;
	ret->used = used_mib(&t) * MIB;
	ret->reserved = reserved_mib(&t) * MIB;
	taken = ret->used + ret->reserved;
	ret->free = ret->total > taken ? ret->total - taken : 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetBAR1MemoryInfo, nvml_device device, struct nvml_memory *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	/* Same order as of nvmlMemory_t: total, free, used. */
	ret->total = t.gpu->bar1_mib * MIB;
	ret->used = t.gpu->bar1_used_mib * MIB;
	if (t.mig) {
		ret->total = ret->total * t.mig->gi_slices / 8;
		ret->used = 0;
	}
	ret->free = ret->total - ret->used;
	return NVML_OK;
}

static uint64_t errors(const struct machine_gpu *gpu, unsigned type, unsigned counter)
{
	if (counter == NVML_VOLATILE)
		return type == NVML_CORRECTED ? gpu->ecc_corrected : gpu->ecc_uncorrected;
	return type == NVML_CORRECTED ? gpu->ecc_corrected_total : gpu->ecc_uncorrected_total;
}

static nvml_return begin_errors(const char *call, nvml_device device, unsigned type,
				unsigned counter, struct sim_target *t)
{
	nvml_return r = sim_device(call, device, t);

	if (r != NVML_OK)
		return r;
	if (type > NVML_UNCORRECTED || counter > NVML_AGGREGATE)
		return NVML_INVALID_ARGUMENT;
	return t->gpu->ecc ? NVML_OK : NVML_NOT_SUPPORTED;
}

NVML(nvmlDeviceGetTotalEccErrors, nvml_device device, unsigned type, unsigned counter,
     uint64_t *ret)
{
	struct sim_target t;
	nvml_return r = begin_errors(__func__, device, type, counter, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = errors(t.gpu, type, counter);
	return NVML_OK;
}

/* All errors that are simulated lie in the memory itself. */
NVML(nvmlDeviceGetMemoryErrorCounter, nvml_device device, unsigned type, unsigned counter,
     unsigned location, uint64_t *ret)
{
	struct sim_target t;
	nvml_return r = begin_errors(__func__, device, type, counter, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (location != NVML_AT_DRAM && location != NVML_AT_SRAM && location > NVML_AT_REGISTERS)
		return NVML_NOT_SUPPORTED;
	*ret = location == NVML_AT_DRAM ? errors(t.gpu, type, counter) : 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetDetailedEccErrors, nvml_device device, unsigned type, unsigned counter,
     struct nvml_ecc_counts *ret)
{
	struct sim_target t;
	nvml_return r = begin_errors(__func__, device, type, counter, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_ecc_counts){.device = errors(t.gpu, type, counter)};
	return NVML_OK;
}

/* Since Ampere rows are remapped and no pages retired. */
static bool retires_pages(const struct machine_gpu *gpu)
{
	return gpu->compute_major < 8;
}

static nvml_return retired(const char *call, nvml_device device, unsigned *count)
{
	struct sim_target t;
	nvml_return r = sim_gpu(call, device, &t);

	if (r != NVML_OK || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (!retires_pages(t.gpu))
		return NVML_NOT_SUPPORTED;
	*count = 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetRetiredPages, nvml_device device, unsigned cause, unsigned *count,
     uint64_t *addresses)
{
	(void)cause;
	(void)addresses;
	return retired(__func__, device, count);
}

NVML(nvmlDeviceGetRetiredPages_v2, nvml_device device, unsigned cause, unsigned *count,
     uint64_t *addresses, uint64_t *timestamps)
{
	(void)cause;
	(void)addresses;
	(void)timestamps;
	return retired(__func__, device, count);
}

NVML(nvmlDeviceGetRetiredPagesPendingStatus, nvml_device device, unsigned *pending)
{
	return retired(__func__, device, pending);
}

NVML(nvmlDeviceGetRemappedRows, nvml_device device, unsigned *corrected, unsigned *uncorrected,
     unsigned *pending, unsigned *failed)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !corrected || !uncorrected || !pending || !failed)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (retires_pages(t.gpu))
		return NVML_NOT_SUPPORTED;
	*corrected = *uncorrected = *pending = *failed = 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetRowRemapperHistogram, nvml_device device, struct nvml_row_histogram *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (retires_pages(t.gpu))
		return NVML_NOT_SUPPORTED;
	*ret = (struct nvml_row_histogram){.max = t.gpu->memory_bus_bits / 2};
	return NVML_OK;
}
