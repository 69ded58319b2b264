/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-system: initialisation, versions, and the ways to a GPU's handle. */

#include <strings.h>

#include "nvml-core.h"

NVML(nvmlInit_v2, void)
{
	return sim_start(__func__);
}

NVML(nvmlInit, void)
{
	return sim_start(__func__);
}

NVML(nvmlInitWithFlags, unsigned flags)
{
	(void)flags;
	return sim_start(__func__);
}

NVML(nvmlShutdown, void)
{
	return sim_stop(__func__);
}

__attribute__((visibility("default"))) const char *nvmlErrorString(nvml_return code);

const char *nvmlErrorString(nvml_return code)
{
	static const char words[][44] = {
		"Success",
		"Uninitialized",
		"Invalid Argument",
		"Not Supported",
		"Insufficient Permissions",
		"Already Initialized",
		"Not Found",
		"Insufficient Size",
		"Insufficient External Power",
		"Driver Not Loaded",
		"Timeout",
		"Interrupt Request Issue",
		"NVML Shared Library Not Found",
		"Function Not Found",
		"Corrupted infoROM",
		"GPU is lost",
		"GPU requires restart",
		"GPU access blocked by the operating system",
		"Driver/library version mismatch",
		"In use by another client",
		"Insufficient Memory",
		"No data",
		"vGPU ECC not supported",
		"Insufficient resources",
		"Frequency not supported",
		"Argument version mismatch",
		"Deprecated",
		"System is not ready",
	};

	if (code >= 0 && (size_t)code < COUNT_OF(words))
		return words[code];
	return "Unknown Error";
}

NVML(nvmlSystemGetDriverVersion, char *to, unsigned size)
{
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);

	return r != NVML_OK ? r : sim_text(to, size, t.machine->driver.version);
}

/* "580.159.04" belongs to CUDA "13.0": NVML calls itself 13.580.159.04. */
NVML(nvmlSystemGetNVMLVersion, char *to, unsigned size)
{
	AUTO(arena_done) struct arena a = {0};
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);
	struct str rest, major;

	if (r != NVML_OK)
		return r;
	rest = str_of(t.machine->driver.cuda);
	(void)str_split(&rest, '.', &major);
	return sim_text(to, size,
			arena_printf(&a, "%.*s.%s", STR_ARG(major), t.machine->driver.version));
}

static nvml_return cuda_version(const char *call, int *ret)
{
	uint32_t major = 0, minor = 0;
	struct sim_target t;
	nvml_return r = sim_system(call, &t);
	struct str rest, part;

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	rest = str_of(t.machine->driver.cuda);
	if (!str_split(&rest, '.', &part) || str_to_u32(part, &major) < 0 ||
	    (rest.p && str_to_u32(rest, &minor) < 0))
		return NVML_UNKNOWN_ERROR;
	*ret = (int)(major * 1000 + minor * 10);
	return NVML_OK;
}

NVML(nvmlSystemGetCudaDriverVersion, int *ret)
{
	return cuda_version(__func__, ret);
}

NVML(nvmlSystemGetCudaDriverVersion_v2, int *ret)
{
	return cuda_version(__func__, ret);
}

struct driver_branch {
	uint32_t version;
	char branch[80];
};

NVML(nvmlSystemGetDriverBranch, struct driver_branch *ret, unsigned size)
{
	AUTO(arena_done) struct arena a = {0};
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);
	struct str version;

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct driver_branch, 1))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	version = str_of(t.machine->driver.version);
	version = str_sub(version, 0, str_find(version, '.'));
	return sim_text(ret->branch, size < sizeof(ret->branch) ? size : sizeof(ret->branch),
			arena_printf(&a, "r%.*s_00", STR_ARG(version)));
}

NVML(nvmlSystemGetProcessName, unsigned pid, char *to, unsigned size)
{
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);

	if (r != NVML_OK)
		return r;
	for (size_t i = 0; i < t.machine->gpus.n; i++) {
		const struct machine_gpu *g = &t.machine->gpus.v[i];

		for (size_t k = 0; k < g->processes.n; k++)
			if (g->processes.v[k].pid == pid)
				return sim_text(to, size, g->processes.v[k].name);
	}
	return NVML_NOT_FOUND;
}

/* No S-class units and no host interface cards: what every machine of this century says. */
NVML(nvmlUnitGetCount, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = 0;
	return NVML_OK;
}

NVML(nvmlSystemGetHicVersion, unsigned *count, void *entries)
{
	struct sim_target t;
	nvml_return r = sim_system(__func__, &t);

	(void)entries;
	if (r != NVML_OK || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*count = 0;
	return NVML_OK;
}

static nvml_return count(const char *call, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_system(call, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = sim_count(t.machine);
	return NVML_OK;
}

NVML(nvmlDeviceGetCount_v2, unsigned *ret)
{
	return count(__func__, ret);
}

NVML(nvmlDeviceGetCount, unsigned *ret)
{
	return count(__func__, ret);
}

/* A real driver gives no handle of a GPU that has fallen off the bus. */
static nvml_return hand_out(const struct machine_gpu *gpu, const struct machine_mig *mig,
			    nvml_device *ret)
{
	if (gpu->lost)
		return NVML_GPU_IS_LOST;
	*ret = sim_handle(gpu, mig);
	return NVML_OK;
}

/* A handle is asked for with something that may name no GPU. */
static nvml_return begin(const char *call, const nvml_device *ret, struct sim_target *t)
{
	nvml_return r = sim_system(call, t);

	return r != NVML_OK ? r : ret ? NVML_OK : NVML_INVALID_ARGUMENT;
}

static nvml_return by_index(const char *call, unsigned index, nvml_device *ret)
{
	const struct machine_gpu *gpu;
	struct sim_target t;
	nvml_return r = begin(call, ret, &t);

	if (r != NVML_OK)
		return r;
	gpu = sim_at(t.machine, index);
	if (!gpu)
		return NVML_INVALID_ARGUMENT;
	r = sim_gpu_fault(call, t.machine, gpu);
	return r != NVML_OK ? r : hand_out(gpu, NULL, ret);
}

NVML(nvmlDeviceGetHandleByIndex_v2, unsigned index, nvml_device *ret)
{
	return by_index(__func__, index, ret);
}

NVML(nvmlDeviceGetHandleByIndex, unsigned index, nvml_device *ret)
{
	return by_index(__func__, index, ret);
}

/* The first GPU or MIG device for which the test holds. */
static nvml_return find(const char *call, const char *text,
			bool (*test)(const struct machine_gpu *gpu, const struct machine_mig *mig,
				     const char *text),
			nvml_device *ret)
{
	struct sim_target t;
	nvml_return r = begin(call, ret, &t);

	if (r != NVML_OK || !text)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	for (size_t i = 0; i < t.machine->gpus.n; i++) {
		const struct machine_gpu *g = &t.machine->gpus.v[i];
		const struct machine_mig *mig = NULL;
		bool hit = test(g, NULL, text);

		for (size_t k = 0; !hit && g->mig_enabled && k < g->migs.n; k++) {
			mig = &g->migs.v[k];
			hit = test(g, mig, text) && sim_may_use_mig(g, mig);
		}
		if (!hit || g->excluded || !sim_may_use(g))
			continue;
		r = sim_gpu_fault(call, t.machine, g);
		return r != NVML_OK ? r : hand_out(g, mig, ret);
	}
	return NVML_NOT_FOUND;
}

static bool has_uuid(const struct machine_gpu *gpu, const struct machine_mig *mig, const char *text)
{
	return strcmp(mig ? mig->uuid : gpu->uuid, text) == 0;
}

static bool has_serial(const struct machine_gpu *gpu, const struct machine_mig *mig,
		       const char *text)
{
	return !mig && gpu->serial && strcmp(gpu->serial, text) == 0;
}

/* "0000:00:06.0", "00000000:00:06.0" and "00:06.0", in any case. */
static bool has_address(const struct machine_gpu *gpu, const struct machine_mig *mig,
			const char *text)
{
	AUTO(arena_done) struct arena a = {0};
	const char *wide;

	if (mig)
		return false;
	wide = arena_printf(&a, "%08x:%02x:%02x.0", gpu->domain, gpu->bus, gpu->device);
	return strcasecmp(text, wide) == 0 ||
	       (gpu->domain <= 0xffff && strcasecmp(text, wide + 4) == 0) ||
	       (gpu->domain == 0 && strcasecmp(text, wide + 9) == 0);
}

NVML(nvmlDeviceGetHandleByUUID, const char *uuid, nvml_device *ret)
{
	return find(__func__, uuid, has_uuid, ret);
}

NVML(nvmlDeviceGetHandleBySerial, const char *serial, nvml_device *ret)
{
	return find(__func__, serial, has_serial, ret);
}

NVML(nvmlDeviceGetHandleByPciBusId_v2, const char *address, nvml_device *ret)
{
	return find(__func__, address, has_address, ret);
}

NVML(nvmlDeviceGetHandleByPciBusId, const char *address, nvml_device *ret)
{
	return find(__func__, address, has_address, ret);
}
