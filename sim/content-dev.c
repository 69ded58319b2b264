/* SPDX-License-Identifier: Apache-2.0 */
/* Device nodes, with the numbers and modes that the driver's udev rules give them. */
#include "content.h"

enum {
	NVIDIACTL = 255,
	NVIDIA_MODESET = 254,
	NVSWITCHCTL = 255,
	UVERBS_FIRST = 192, /* Linux, Documentation/admin-guide/devices.txt */
	MISC = 10,
	RDMA_CM = 258,
};

static void add_drm(struct arena *a, const struct machine *m, const struct machine_gpu *gpu,
		    struct content *t)
{
	if (gpu->drm_card >= 0) {
		content_node(a, t, arena_printf(a, "/dev/dri/card%d", gpu->drm_card), 0660,
			     m->majors.drm, (uint32_t)gpu->drm_card);
		content_link(a, t, arena_printf(a, "/dev/dri/by-path/pci-%s-card", gpu->pci),
			     arena_printf(a, "../card%d", gpu->drm_card));
	}
	if (gpu->drm_render >= 0) {
		content_node(a, t, arena_printf(a, "/dev/dri/renderD%d", gpu->drm_render), 0666,
			     m->majors.drm, (uint32_t)gpu->drm_render);
		content_link(a, t, arena_printf(a, "/dev/dri/by-path/pci-%s-render", gpu->pci),
			     arena_printf(a, "../renderD%d", gpu->drm_render));
	}
}

static void add_cap(struct arena *a, const struct machine *m, uint32_t minor, mode_t mode,
		    struct content *t)
{
	content_node(a, t, arena_printf(a, "/dev/nvidia-caps/nvidia-cap%u", minor), mode,
		     m->majors.caps, minor);
}

static void add_mig(struct arena *a, const struct machine *m, const struct machine_gpu *gpu,
		    struct content *t)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < gpu->migs.n; i++) {
		const struct machine_mig *mig = &gpu->migs.v[i];

		if (!(seen & 1u << mig->gi))
			add_cap(a, m, machine_gi_minor(gpu->minor, mig->gi), 0444, t);
		seen |= 1u << mig->gi;
		add_cap(a, m, machine_ci_minor(gpu->minor, mig->gi, mig->ci), 0444, t);
	}
}

static void add_network(struct arena *a, const struct machine *m, struct content *t)
{
	for (uint32_t i = 0; i < m->uverbs; i++)
		content_node(a, t, arena_printf(a, "/dev/infiniband/uverbs%u", i), 0666,
			     m->majors.uverbs, UVERBS_FIRST + i);
	if (m->rdma_cm)
		content_node(a, t, "/dev/infiniband/rdma_cm", 0666, MISC, RDMA_CM);
	for (uint32_t i = 0; i < m->gds; i++)
		content_node(a, t, arena_printf(a, "/dev/nvidia-fs%u", i), 0666, m->majors.fs, i);
	if (m->gdrcopy)
		content_node(a, t, "/dev/gdrdrv", 0666, m->majors.gdrdrv, 0);
}

static void add_control(struct arena *a, const struct machine *m, struct content *t)
{
	content_node(a, t, "/dev/nvidiactl", 0666, m->majors.nvidia, NVIDIACTL);
	content_node(a, t, "/dev/nvidia-uvm", 0666, m->majors.uvm, 0);
	content_node(a, t, "/dev/nvidia-uvm-tools", 0666, m->majors.uvm, 1);
	if (m->modeset)
		content_node(a, t, "/dev/nvidia-modeset", 0666, m->majors.nvidia, NVIDIA_MODESET);
	add_cap(a, m, 1, 0400, t);
	add_cap(a, m, 2, 0444, t);
	if (m->switches.n > 0) {
		content_node(a, t, "/dev/nvidia-nvswitchctl", 0666, m->majors.nvswitch,
			     NVSWITCHCTL);
		content_node(a, t, "/dev/nvidia-nvlink", 0666, m->majors.nvlink, 0);
	}
	for (size_t i = 0; i < m->switches.n; i++)
		content_node(a, t,
			     arena_printf(a, "/dev/nvidia-nvswitch%u", m->switches.v[i].minor),
			     0666, m->majors.nvswitch, m->switches.v[i].minor);
	for (size_t i = 0; i < m->imex_channels.n; i++)
		content_node(a, t,
			     arena_printf(a, "/dev/nvidia-caps-imex-channels/channel%u",
					  m->imex_channels.v[i]),
			     0666, m->majors.imex, m->imex_channels.v[i]);
}

void content_add_dev(struct arena *a, const struct machine *m, struct content *t)
{
	if (m->loaded)
		add_control(a, m, t);
	for (size_t i = 0; m->loaded && i < m->gpus.n; i++) {
		const struct machine_gpu *gpu = &m->gpus.v[i];

		content_node(a, t, arena_printf(a, "/dev/nvidia%u", gpu->minor), 0666,
			     m->majors.nvidia, gpu->minor);
		add_drm(a, m, gpu, t);
		add_mig(a, m, gpu, t);
	}
	add_network(a, m, t);
}
