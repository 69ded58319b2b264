/* SPDX-License-Identifier: Apache-2.0 */

/* nvml-topology: how GPUs are connected: PCIe, NVLink, fabric. */

#include <stdio.h>

#include "nvml-core.h"

struct nvml_fabric_info {
	uint8_t cluster[16];
	nvml_return status;
	uint32_t clique;
	uint8_t state;
};

struct nvml_fabric_info_v2 {
	uint32_t version;
	uint8_t cluster[16];
	nvml_return status;
	uint32_t clique;
	uint8_t state;
	uint32_t health;
};

enum { NVML_FABRIC_NOT_SUPPORTED = 0, NVML_FABRIC_COMPLETED = 3 };

enum { INTERNAL = 0, SINGLE_SWITCH = 10, NUMA_NODE = 40, WHOLE_SYSTEM = 50 };

static unsigned distance(const struct machine_gpu *x, const struct machine_gpu *y)
{
	if (x == y)
		return INTERNAL;
	if (x->pcie_switch == y->pcie_switch && x->numa_node == y->numa_node)
		return SINGLE_SWITCH;
	return x->numa_node == y->numa_node ? NUMA_NODE : WHOLE_SYSTEM;
}

static nvml_return two(const char *call, nvml_device first, nvml_device second,
		       struct sim_target *x, struct sim_target *y)
{
	nvml_return r = sim_gpu(call, first, x);

	return r != NVML_OK ? r : sim_gpu(call, second, y);
}

NVML(nvmlDeviceGetTopologyCommonAncestor, nvml_device first, nvml_device second, unsigned *ret)
{
	struct sim_target x, y;
	nvml_return r = two(__func__, first, second, &x, &y);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = distance(x.gpu, y.gpu);
	return NVML_OK;
}

NVML(nvmlDeviceOnSameBoard, nvml_device first, nvml_device second, int *ret)
{
	struct sim_target x, y;
	nvml_return r = two(__func__, first, second, &x, &y);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = x.gpu == y.gpu;
	return NVML_OK;
}

NVML(nvmlDeviceGetP2PStatus, nvml_device first, nvml_device second, unsigned capability,
     unsigned *ret)
{
	struct sim_target x, y;
	nvml_return r = two(__func__, first, second, &x, &y);
	bool linked;

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	linked = x.gpu->nvlinks > 0 && y.gpu->nvlinks > 0;
	*ret = x.gpu->mig_enabled || y.gpu->mig_enabled || (capability == 2 && !linked) ? 5 : 0;
	return NVML_OK;
}

NVML(nvmlDeviceGetTopologyNearestGpus, nvml_device device, unsigned level, unsigned *count,
     nvml_device *to)
{
	unsigned room, n = 0;
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !count)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	room = *count;
	for (size_t i = 0; i < t.machine->gpus.n; i++) {
		const struct machine_gpu *g = &t.machine->gpus.v[i];

		if (g == t.gpu || g->excluded || distance(t.gpu, g) != level || !sim_may_use(g))
			continue;
		if (to && n < room)
			to[n] = sim_handle(g, NULL);
		n++;
	}
	*count = n;
	return NVML_OK;
}

/* The GPU at the other end of a link without a switch: links are dealt out in turn. */
static const struct machine_gpu *peer_of(const struct sim_target *t, unsigned link)
{
	unsigned peers = 0, at = 0;

	for (size_t i = 0; i < t->machine->gpus.n; i++)
		peers += &t->machine->gpus.v[i] != t->gpu && t->machine->gpus.v[i].nvlinks > 0;
	for (size_t i = 0; peers > 0 && i < t->machine->gpus.n; i++) {
		const struct machine_gpu *g = &t->machine->gpus.v[i];

		if (g != t->gpu && g->nvlinks > 0 && at++ == link % peers)
			return g;
	}
	return NULL;
}

static nvml_return begin_link(const char *call, nvml_device device, unsigned link, const void *ret,
			      struct sim_target *t)
{
	nvml_return r = sim_gpu(call, device, t);

	if (r != NVML_OK)
		return r;
	if (!ret || link >= NVML_MAX_LINKS)
		return NVML_INVALID_ARGUMENT;
	return t->gpu->nvlinks > 0 ? NVML_OK : NVML_NOT_SUPPORTED;
}

NVML(nvmlDeviceGetNvLinkState, nvml_device device, unsigned link, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = begin_link(__func__, device, link, ret, &t);

	if (r == NVML_OK)
		*ret = link < t.gpu->nvlinks;
	return r;
}

/* Volta 2, Ampere 3, Hopper 4, Blackwell 5. */
NVML(nvmlDeviceGetNvLinkVersion, nvml_device device, unsigned link, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = begin_link(__func__, device, link, ret, &t);
	uint32_t major;

	if (r != NVML_OK)
		return r;
	major = t.gpu->compute_major;
	*ret = major >= 10 ? 5 : major == 9 ? 4 : major == 8 ? 3 : 2;
	return NVML_OK;
}

NVML(nvmlDeviceGetNvLinkCapability, nvml_device device, unsigned link, unsigned capability,
     unsigned *ret)
{
	struct sim_target t;
	nvml_return r = begin_link(__func__, device, link, ret, &t);

	if (r != NVML_OK || capability > 5)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = link < t.gpu->nvlinks && capability != 4; /* everything but an SLI bridge */
	return NVML_OK;
}

NVML(nvmlDeviceGetNvLinkRemoteDeviceType, nvml_device device, unsigned link, unsigned *ret)
{
	struct sim_target t;
	nvml_return r = begin_link(__func__, device, link, ret, &t);

	if (r == NVML_OK)
		*ret = t.machine->switches.n > 0 ? 2 : peer_of(&t, link) ? 0 : 0xff;
	return r;
}

static nvml_return remote(const char *call, nvml_device device, unsigned link,
			  struct nvml_pci_v3 *ret)
{
	uint32_t domain, bus, slot;
	const struct machine_gpu *peer;
	struct sim_target t;
	nvml_return r = begin_link(call, device, link, ret, &t);

	if (r != NVML_OK)
		return r;
	if (link >= t.gpu->nvlinks)
		return NVML_NOT_SUPPORTED;
	peer = t.machine->switches.n > 0 ? NULL : peer_of(&t, link);
	if (peer) {
		domain = peer->domain;
		bus = peer->bus;
		slot = peer->device;
	} else if (t.machine->switches.n > 0) {
		const struct machine_switch *s =
			&t.machine->switches.v[link % t.machine->switches.n];

		domain = s->domain;
		bus = s->bus;
		slot = s->device;
	} else {
		return NVML_NOT_FOUND;
	}
	*ret = (struct nvml_pci_v3){.domain = domain, .bus = bus, .device = slot};
	(void)snprintf(ret->bus_id_legacy, sizeof(ret->bus_id_legacy), "%04X:%02X:%02X.0",
		       domain & 0xffff, bus & 0xff, slot & 0xff);
	(void)snprintf(ret->bus_id, sizeof(ret->bus_id), "%08X:%02X:%02X.0", domain, bus, slot);
	return NVML_OK;
}

NVML(nvmlDeviceGetNvLinkRemotePciInfo_v2, nvml_device device, unsigned link,
     struct nvml_pci_v3 *ret)
{
	return remote(__func__, device, link, ret);
}

NVML(nvmlDeviceGetNvLinkRemotePciInfo, nvml_device device, unsigned link, struct nvml_pci_v2 *ret)
{
	struct nvml_pci_v3 info;
	nvml_return r = remote(__func__, device, link, ret ? &info : NULL);

	if (r != NVML_OK)
		return r;
	*ret = (struct nvml_pci_v2){.domain = info.domain, .bus = info.bus, .device = info.device};
	memcpy(ret->bus_id, info.bus_id_legacy, sizeof(ret->bus_id));
	return NVML_OK;
}

NVML(nvmlDeviceGetNvLinkErrorCounter, nvml_device device, unsigned link, unsigned counter,
     uint64_t *ret)
{
	struct sim_target t;
	nvml_return r = begin_link(__func__, device, link, ret, &t);

	if (r != NVML_OK || counter > 4)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = 0;
	return NVML_OK;
}

static bool has_fabric(const struct sim_target *t)
{
	return t->machine->switches.n > 0 && t->gpu->nvlinks > 0;
}

NVML(nvmlDeviceGetGpuFabricInfo, nvml_device device, struct nvml_fabric_info *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	*ret = (struct nvml_fabric_info){.state = has_fabric(&t) ? NVML_FABRIC_COMPLETED
								 : NVML_FABRIC_NOT_SUPPORTED};
	return NVML_OK;
}

NVML(nvmlDeviceGetGpuFabricInfoV, nvml_device device, struct nvml_fabric_info_v2 *ret)
{
	struct sim_target t;
	nvml_return r = sim_gpu(__func__, device, &t);

	if (r != NVML_OK || !ret)
		return r != NVML_OK ? r : NVML_INVALID_ARGUMENT;
	if (ret->version != NVML_STRUCT_VERSION(struct nvml_fabric_info_v2, 2))
		return NVML_ARGUMENT_VERSION_MISMATCH;
	*ret = (struct nvml_fabric_info_v2){.version = ret->version,
					    .state = has_fabric(&t) ? NVML_FABRIC_COMPLETED
								    : NVML_FABRIC_NOT_SUPPORTED};
	return NVML_OK;
}
