/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* generating: a machine with H200 GPUs and what cdi/generate makes of it, for its tests. */

#include "base/log.h"
#include "base/path.h"
#include "cdi/generate.h"
#include "h200.h"

#define HOOK "/usr/bin/nvidia-cdi-hook"

static struct arena arena;
static struct err err;
static const char *top;
static struct nv_snapshot snapshot;
static struct cdi_generate_options options;

static inline const char *under(const char *path)
{
	return arena_printf(&arena, "%s/%s", top, path);
}

/* One H200 as seen in the field, all of it below a driver root. */
static inline void machine(void)
{
	top = tree_enter();
	h200_driver(&arena);
	tree_node("root/dev/nvidiactl", 195, 255, 0666);
	tree_node("root/dev/nvidia-uvm", 238, 0, 0666);
	tree_node("root/dev/nvidia-uvm-tools", 238, 1, 0666);
	tree_node("root/dev/nvidia-modeset", 195, 254, 0666);
	tree_file("proc/devices",
		  "Character devices:\n195 nvidia\n241 nvidia-caps\n\nBlock devices:\n");
	tree_file("proc/driver/nvidia-caps/mig-minors",
		  "config 1\nmonitor 2\ngpu1/gi2/access 156\ngpu1/gi2/ci0/access 157\n");
	options = (struct cdi_generate_options){
		.vendor = "nvidia.com",
		.class = "gpu",
		.naming = CDI_NAME_INDEX | CDI_NAME_UUID,
		.jobs = CDI_JOB_ALL & ~(unsigned)CDI_JOB_CHMOD,
		.classes = NV_CLASS_ALL,
		.hook_path = HOOK,
		.driver_root = under("root"),
		.host = {under("proc"), under("sys"), under("root")},
	};
}

static inline void gpu(unsigned minor, const char *pci)
{
	tree_file(under(arena_printf(&arena, "proc/driver/nvidia/gpus/%s/information", pci)),
		  arena_printf(&arena,
			       "Model: \t\t NVIDIA H200\nGPU UUID: \t "
			       "GPU-feed000%u-5eed-4c0d-9a11-c0ffee000000\nDevice Minor: \t %u\n",
			       minor, minor));
	tree_node(under(arena_printf(&arena, "root/dev/nvidia%u", minor)), 195, minor, 0666);
}

static inline void look(void)
{
	struct nv_driver_query q = {.driver_root = options.driver_root, .host = options.host};

	CHECK_OK(nv_driver_find(&arena, &q, &snapshot.driver, &err), &err);
	CHECK_OK(nv_gpu_find(&arena, &options.host, &snapshot.gpus, &err), &err);
	nv_gpu_control_nodes(&arena, &options.host, &snapshot.control_nodes);
	snapshot.fingerprint = "0123abcd";
}

static inline void one_gpu(void)
{
	machine();
	gpu(0, "0000:00:06.0");
	look();
}

static inline const char *joined(const struct strv *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->n; i++)
		text = arena_printf(&arena, "%s%s%s", text, i > 0 ? " " : "", list->v[i]);
	return text;
}

static inline const char *nodes_of(const struct cdi_edits *e)
{
	struct strv list = {0};

	for (size_t i = 0; i < e->nodes.n; i++)
		arena_push(&arena, &list, path_base(e->nodes.v[i].path));
	return joined(&list);
}

static inline const struct cdi_mount *mount_at(const struct cdi_edits *e, const char *path)
{
	for (size_t i = 0; i < e->mounts.n; i++)
		if (strcmp(e->mounts.v[i].container_path, path) == 0)
			return &e->mounts.v[i];
	return NULL;
}

static inline void two_gpus_one_divided(void)
{
	machine();
	gpu(0, "0000:00:06.0");
	gpu(1, "0000:00:07.0");
	tree_file("proc/driver/nvidia/capabilities/gpu1/mig/gi2/ci0/access", "");
	tree_node("root/dev/nvidia-caps/nvidia-cap156", 241, 156, 0444);
}
