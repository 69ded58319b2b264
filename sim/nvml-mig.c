/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-mig: MIG devices and the instances they are made of. */

#include <stdio.h>

#include "nvml-core.h"
#include "nvml-mig-types.h"

#define MAX_MIG_DEVICES 7u

/*
 * GPU instance profiles by NVML's enumeration, with the ids that drivers give
 * them. SMs are eighths of a Hopper (132) and sevenths of an Ampere (98) GPU.
 */
static const struct profile {
	unsigned kind, id;
	unsigned slices, memory_eighths, instances;
	bool media, graphics;
	char suffix[8];
} profiles[] = {
	{0, 19, 1, 1, 7, false, false, ""},	{1, 14, 2, 2, 3, false, false, ""},
	{2, 9, 3, 4, 2, false, false, ""},	{3, 5, 4, 4, 1, false, false, ""},
	{4, 0, 7, 8, 1, false, false, ""},	{7, 20, 1, 1, 1, true, false, "+me"},
	{9, 15, 1, 2, 4, false, false, ""},	{10, 47, 1, 1, 4, false, true, "+gfx"},
	{11, 35, 2, 2, 2, false, true, "+gfx"}, {12, 32, 4, 8, 1, false, true, "+gfx"},
};

static const struct profile *profile_by_kind(unsigned kind)
{
	for (size_t i = 0; i < COUNT_OF(profiles); i++)
		if (profiles[i].kind == kind)
			return &profiles[i];
	return NULL;
}

/* The memory in a profile's name: its share of the GPU's, rounded to GB. */
static unsigned memory_gb(const struct machine_gpu *gpu, const struct profile *p)
{
	unsigned total = (gpu->memory_mib + 1023) / 1024;

	return (total * p->memory_eighths + 4) / 8;
}

static uint64_t memory_mib(const struct machine_gpu *gpu, const struct profile *p)
{
	return (uint64_t)gpu->memory_mib * p->memory_eighths / 8;
}

static unsigned multiprocessors(const struct machine_gpu *gpu, const struct profile *p)
{
	return p->slices == 7
		       ? gpu->multiprocessors
		       : gpu->multiprocessors *
				 (p->slices == 1 && p->memory_eighths == 2 ? 2 : p->slices) / 8;
}

/* The profile of an instance that exists: as many slices, the same engines, the nearest memory. */
static const struct profile *profile_of(const struct machine_gpu *gpu,
					const struct machine_mig *mig)
{
	const struct profile *best = NULL;
	uint64_t best_distance = UINT64_MAX;

	for (size_t i = 0; i < COUNT_OF(profiles); i++) {
		const struct profile *p = &profiles[i];
		uint64_t want = memory_mib(gpu, p), distance;

		if (p->slices != mig->gi_slices || p->graphics != mig->graphics ||
		    p->media != mig->media)
			continue;
		distance = want > mig->memory_mib ? want - mig->memory_mib : mig->memory_mib - want;
		if (distance < best_distance) {
			best = p;
			best_distance = distance;
		}
	}
	return best;
}

static unsigned memory_slices(const struct machine_gpu *gpu, const struct machine_mig *mig)
{
	const struct profile *p = profile_of(gpu, mig);

	return p ? p->memory_eighths : mig->gi_slices;
}

/* Hopper has a decoder for each slice; Ampere five for seven. */
static unsigned decoders(const struct machine_gpu *gpu, unsigned slices)
{
	static const unsigned ampere[] = {0, 0, 1, 2, 2, 3, 4, 5, 5};

	if (gpu->compute_major == 8 && slices < COUNT_OF(ampere))
		return ampere[slices];
	return slices;
}

NVML(nvmlDeviceGetMigMode, nvml_device device, unsigned *now, unsigned *later)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !now || !later)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (t.mig)
		return NVML_INVALID_ARGUMENT;
	if (!t.gpu->mig_capable)
		return NVML_NOT_SUPPORTED;
	*now = *later = t.gpu->mig_enabled;
	return NVML_OK;
}

/* 0 while MIG is off, as callers expect who ask every GPU. */
NVML_GPU_NUMBER(nvmlDeviceGetMaxMigDeviceCount, unsigned, true,
		t.gpu->mig_enabled ? MAX_MIG_DEVICES : 0)

NVML(nvmlDeviceGetMigDeviceHandleByIndex, nvml_device device, unsigned index, nvml_device *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (!t.gpu->mig_capable)
		return NVML_NOT_SUPPORTED;
	if (!t.gpu->mig_enabled)
		return NVML_NOT_FOUND;
	for (size_t i = 0; i < t.gpu->migs.n; i++) {
		const struct machine_mig *m = &t.gpu->migs.v[i];

		if (sim_may_use_mig(t.gpu, m) && index-- == 0) {
			*ret = sim_handle(t.gpu, m);
			return NVML_OK;
		}
	}
	return NVML_NOT_FOUND;
}

NVML(nvmlDeviceGetDeviceHandleFromMigDeviceHandle, nvml_device device, nvml_device *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret || !t.mig)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = sim_handle(t.gpu, NULL);
	return NVML_OK;
}

NVML(nvmlDeviceIsMigDeviceHandle, nvml_device device, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = t.mig != NULL;
	return NVML_OK;
}

static nvml_return mig_number(const char *call, nvml_device device, size_t member, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(call, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (!t.mig)
		return NVML_INVALID_ARGUMENT;
	memcpy(ret, (const char *)t.mig + member, sizeof(*ret));
	return NVML_OK;
}

NVML(nvmlDeviceGetGpuInstanceId, nvml_device device, unsigned *ret)
{
	return mig_number(__func__, device, offsetof(struct machine_mig, gi), ret);
}

NVML(nvmlDeviceGetComputeInstanceId, nvml_device device, unsigned *ret)
{
	return mig_number(__func__, device, offsetof(struct machine_mig, ci), ret);
}

static nvml_return attributes(const char *call, nvml_device device, struct nvml_attributes *ret)
{
	struct sim_target t;
	nvml_return r = sim_device(call, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (!t.mig)
		return NVML_NOT_SUPPORTED;
	*ret = (struct nvml_attributes){
		.multiprocessors = t.mig->multiprocessors,
		.copy_engines = t.mig->gi_slices,
		.decoders = decoders(t.gpu, t.mig->gi_slices),
		.jpegs = t.mig->media ? 1 : 0,
		.ofas = t.mig->media ? 1 : 0,
		.gpu_slices = t.mig->gi_slices,
		.compute_slices = t.mig->ci_slices,
		.memory_mib = t.mig->memory_mib,
	};
	return NVML_OK;
}

NVML(nvmlDeviceGetAttributes, nvml_device device, struct nvml_attributes *ret)
{
	return attributes(__func__, device, ret);
}

NVML(nvmlDeviceGetAttributes_v2, nvml_device device, struct nvml_attributes *ret)
{
	return attributes(__func__, device, ret);
}

static nvml_return begin_profile(const char *call, nvml_device device, unsigned kind,
				 struct sim_target *t, const struct profile **ret)
{
	nvml_return r = sim_gpu(call, device, t);

	if (r != NVML_OK)
		return r;
	*ret = profile_by_kind(kind);
	return t->gpu->mig_capable && *ret ? NVML_OK : NVML_NOT_SUPPORTED;
}

static struct nvml_gi_profile describe(const struct machine_gpu *gpu, const struct profile *p)
{
	return (struct nvml_gi_profile){
		.id = p->id,
		.slices = p->slices,
		.instances = p->instances,
		.multiprocessors = multiprocessors(gpu, p),
		.copy_engines = p->slices == 7 ? 8 : p->slices,
		.decoders = decoders(gpu, p->slices),
		.jpegs = p->slices,
		.ofas = p->slices == 7 || p->media ? 1 : 0,
		.memory_mib = memory_mib(gpu, p),
	};
}

NVML(nvmlDeviceGetGpuInstanceProfileInfo, nvml_device device, unsigned kind,
     struct nvml_gi_profile *ret)
{
	const struct profile *p;
	struct sim_target t;
	nvml_return r = begin_profile(__func__, device, kind, &t, &p);

	if (r == NVML_OK && !ret)
		r = NVML_INVALID_ARGUMENT;
	if (r == NVML_OK)
		*ret = describe(t.gpu, p);
	return r;
}

static void name_profile(const struct machine_gpu *gpu, const struct profile *p, char *to)
{
	(void)snprintf(to, NVML_NAME_SIZE, "MIG %ug.%ugb%s", p->slices, memory_gb(gpu, p),
		       p->suffix);
}

NVML(nvmlDeviceGetGpuInstanceProfileInfoV, nvml_device device, unsigned kind, void *info)
{
	const struct profile *p;
	struct nvml_gi_profile d;
	uint32_t version = 0;
	struct sim_target t;
	nvml_return r = begin_profile(__func__, device, kind, &t, &p);

	if (r != NVML_OK || !info)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	d = describe(t.gpu, p);
	memcpy(&version, info, sizeof(version));
	if (version == NVML_STRUCT_VERSION(struct nvml_gi_profile_v2, 2)) {
		struct nvml_gi_profile_v2 *v = info;

		*v = (struct nvml_gi_profile_v2){version,
						 d.id,
						 d.p2p,
						 d.slices,
						 d.instances,
						 d.multiprocessors,
						 d.copy_engines,
						 d.decoders,
						 d.encoders,
						 d.jpegs,
						 d.ofas,
						 d.memory_mib,
						 ""};
		name_profile(t.gpu, p, v->name);
		return NVML_OK;
	}
	if (version == NVML_STRUCT_VERSION(struct nvml_gi_profile_v3, 3)) {
		struct nvml_gi_profile_v3 *v = info;

		*v = (struct nvml_gi_profile_v3){version,
						 d.id,
						 d.slices,
						 d.instances,
						 d.multiprocessors,
						 d.copy_engines,
						 d.decoders,
						 d.encoders,
						 d.jpegs,
						 d.ofas,
						 d.memory_mib,
						 "",
						 p->graphics ? 2 : 0};
		name_profile(t.gpu, p, v->name);
		return NVML_OK;
	}
	return NVML_ARGUMENT_VERSION_MISMATCH;
}

/* Whether the MIG device is the first of its GPU instance, so that each instance counts once. */
static bool is_first(const struct machine_gpu *gpu, const struct machine_mig *mig)
{
	for (const struct machine_mig *m = gpu->migs.v; m < mig; m++)
		if (m->gi == mig->gi)
			return false;
	return true;
}

NVML(nvmlDeviceGetGpuInstances, nvml_device device, unsigned profile_id, nvml_gpu_instance *to,
     unsigned *count)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !to || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (!t.gpu->mig_enabled)
		return NVML_NOT_SUPPORTED;
	*count = 0;
	for (size_t i = 0; i < t.gpu->migs.n; i++) {
		const struct machine_mig *m = &t.gpu->migs.v[i];
		const struct profile *p = profile_of(t.gpu, m);

		if (p && p->id == profile_id && is_first(t.gpu, m))
			to[(*count)++] = sim_gi_handle(t.gpu, m->gi);
	}
	return NVML_OK;
}

NVML(nvmlDeviceGetGpuInstanceById, nvml_device device, unsigned id, nvml_gpu_instance *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (!t.gpu->mig_enabled)
		return NVML_NOT_SUPPORTED;
	for (size_t i = 0; i < t.gpu->migs.n; i++) {
		if (t.gpu->migs.v[i].gi == id) {
			*ret = sim_gi_handle(t.gpu, id);
			return NVML_OK;
		}
	}
	return NVML_NOT_FOUND;
}

NVML(nvmlDeviceGetGpuInstanceRemainingCapacity, nvml_device device, unsigned profile_id,
     unsigned *ret)
{
	unsigned used = 0;
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	for (size_t i = 0; t.gpu->mig_enabled && i < t.gpu->migs.n; i++)
		if (is_first(t.gpu, &t.gpu->migs.v[i]))
			used += memory_slices(t.gpu, &t.gpu->migs.v[i]);
	for (size_t i = 0; i < COUNT_OF(profiles); i++) {
		if (profiles[i].id != profile_id)
			continue;
		*ret = used >= 8 ? 0 : (8 - used) / profiles[i].memory_eighths;
		if (*ret > profiles[i].instances)
			*ret = profiles[i].instances;
		return NVML_OK;
	}
	return NVML_NOT_SUPPORTED;
}

static nvml_return placements(const char *call, nvml_device device, unsigned profile_id,
			      struct nvml_placement *to, unsigned *count)
{
	struct sim_target t;
	nvml_return r = sim_gpu(call, device, &t);

	if (r != NVML_OK || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	for (size_t i = 0; i < COUNT_OF(profiles); i++) {
		const struct profile *p = &profiles[i];

		if (p->id != profile_id)
			continue;
		for (unsigned k = 0; to && k < p->instances; k++)
			to[k] = (struct nvml_placement){k * p->memory_eighths, p->memory_eighths};
		*count = p->instances;
		return NVML_OK;
	}
	return NVML_NOT_SUPPORTED;
}

NVML(nvmlDeviceGetGpuInstancePossiblePlacements, nvml_device device, unsigned profile_id,
     struct nvml_placement *to, unsigned *count)
{
	return placements(__func__, device, profile_id, to, count);
}

NVML(nvmlDeviceGetGpuInstancePossiblePlacements_v2, nvml_device device, unsigned profile_id,
     struct nvml_placement *to, unsigned *count)
{
	return placements(__func__, device, profile_id, to, count);
}

NVML(nvmlGpuInstanceGetInfo, nvml_gpu_instance gi, struct nvml_gi_info *ret)
{
	const struct profile *p;
	struct sim_target t;
	nvml_return r = sim_gi(__func__, gi, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	p = profile_of(t.gpu, t.mig);
	*ret = (struct nvml_gi_info){.device = sim_handle(t.gpu, NULL),
				     .id = t.mig->gi,
				     .profile = p ? p->id : NVML_ABSENT_ID,
				     .placement = {t.mig->start, memory_slices(t.gpu, t.mig)}};
	return NVML_OK;
}

/* Compute instance profiles: NVML's enumeration and its ids agree, but for 7 slices. */
static const unsigned ci_slices[] = {1, 2, 3, 4, 7, 8, 6, 1};

static unsigned ci_profile(unsigned slices)
{
	for (unsigned i = 0; i < COUNT_OF(ci_slices); i++)
		if (ci_slices[i] == slices)
			return i;
	return NVML_ABSENT_ID;
}

NVML(nvmlGpuInstanceGetComputeInstanceById, nvml_gpu_instance gi, unsigned id,
     nvml_compute_instance *ret)
{
	struct sim_target t;
	nvml_return r = sim_gi(__func__, gi, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	for (size_t i = 0; i < t.gpu->migs.n; i++) {
		if (t.gpu->migs.v[i].gi == t.mig->gi && t.gpu->migs.v[i].ci == id) {
			*ret = sim_ci_handle(t.gpu, t.mig->gi, id);
			return NVML_OK;
		}
	}
	return NVML_NOT_FOUND;
}

NVML(nvmlGpuInstanceGetComputeInstances, nvml_gpu_instance gi, unsigned profile_id,
     nvml_compute_instance *to, unsigned *count)
{
	struct sim_target t;
	nvml_return r = sim_gi(__func__, gi, &t);

	if (r != NVML_OK || !to || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*count = 0;
	for (size_t i = 0; i < t.gpu->migs.n; i++) {
		const struct machine_mig *m = &t.gpu->migs.v[i];

		if (m->gi == t.mig->gi && ci_profile(m->ci_slices) == profile_id)
			to[(*count)++] = sim_ci_handle(t.gpu, m->gi, m->ci);
	}
	return NVML_OK;
}

static nvml_return begin_ci_profile(const char *call, nvml_gpu_instance gi, unsigned kind,
				    struct sim_target *t)
{
	nvml_return r = sim_gi(call, gi, t);

	if (r != NVML_OK)
		return r;
	return kind < COUNT_OF(ci_slices) && ci_slices[kind] <= t->mig->gi_slices
		       ? NVML_OK
		       : NVML_NOT_SUPPORTED;
}

static struct nvml_ci_profile describe_ci(const struct machine_mig *mig, unsigned kind)
{
	return (struct nvml_ci_profile){
		.id = kind,
		.slices = ci_slices[kind],
		.instances = mig->gi_slices / ci_slices[kind],
		.multiprocessors = mig->multiprocessors * ci_slices[kind] /
				   (mig->ci_slices > 0 ? mig->ci_slices : 1),
		.copy_engines = mig->gi_slices,
		.decoders = mig->gi_slices,
	};
}

NVML(nvmlGpuInstanceGetComputeInstanceProfileInfo, nvml_gpu_instance gi, unsigned kind,
     unsigned engine, struct nvml_ci_profile *ret)
{
	struct sim_target t;
	nvml_return r = begin_ci_profile(__func__, gi, kind, &t);

	(void)engine;
	if (r == NVML_OK && !ret)
		r = NVML_INVALID_ARGUMENT;
	if (r == NVML_OK)
		*ret = describe_ci(t.mig, kind);
	return r;
}

NVML(nvmlGpuInstanceGetComputeInstanceProfileInfoV, nvml_gpu_instance gi, unsigned kind,
     unsigned engine, struct nvml_ci_profile_v2 *ret)
{
	struct sim_target t;
	struct nvml_ci_profile d;
	nvml_return r = begin_ci_profile(__func__, gi, kind, &t);

	(void)engine;
	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_ci_profile_v2, 2))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	d = describe_ci(t.mig, kind);
	*ret = (struct nvml_ci_profile_v2){
		ret->version,	   d.id,	   d.slices,   d.instances,
		d.multiprocessors, d.copy_engines, d.decoders, d.encoders,
		d.jpegs,	   d.ofas,	   ""};
	(void)snprintf(ret->name, sizeof(ret->name), "MIG %uc.%s", d.slices, t.mig->profile);
	return NVML_OK;
}

NVML(nvmlComputeInstanceGetInfo_v2, nvml_compute_instance ci, struct nvml_ci_info_v2 *ret)
{
	struct sim_target t;
	nvml_return r = sim_ci(__func__, ci, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_ci_info_v2){.device = sim_handle(t.gpu, NULL),
					.gpu_instance = sim_gi_handle(t.gpu, t.mig->gi),
					.id = t.mig->ci,
					.profile = ci_profile(t.mig->ci_slices),
					.placement = {t.mig->ci, t.mig->ci_slices}};
	return NVML_OK;
}

NVML(nvmlComputeInstanceGetInfo, nvml_compute_instance ci, struct nvml_ci_info_v1 *ret)
{
	struct sim_target t;
	nvml_return r = sim_ci(__func__, ci, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_ci_info_v1){.device = sim_handle(t.gpu, NULL),
					.gpu_instance = sim_gi_handle(t.gpu, t.mig->gi),
					.id = t.mig->ci,
					.profile = ci_profile(t.mig->ci_slices)};
	return NVML_OK;
}
