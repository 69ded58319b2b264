/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * generator: the parts of cdi/generate, each for one mechanism. Private to
 * these files.
 */

#include <sys/types.h>

#include "cdi/generate.h"

/* Annotation of a full GPU: "true" or "false". */
#define GENERATOR_COHERENT "gpu.nvidia.com/coherent"

struct generator {
	struct arena *a;
	const struct cdi_generate_options *o;
	const struct nv_snapshot *s; /* NULL in modes that look at nodes alone */
	unsigned classes;
	const struct nv_gpu
		*parent; /* of the last device, and its node: MIG devices come together */
	struct cdi_edits parent_edits;
};

/* generate-nodes.c: device nodes. */

/* A node that the caller knows to exist, with mode and group as they are. */
void generator_add_node(struct generator *g, struct cdi_edits *to, const char *path);

/* Adds the names of the nodes "<dir>/<prefix>*" that are character devices, sorted. */
void generator_list_nodes(struct generator *g, const char *dir, const char *prefix,
			  struct strv *ret);

/* A node of /dev/nvidia-caps by its minor. Where it does not exist yet, the engine makes it from
 * numbers, with this mode. */
int generator_add_cap(struct generator *g, struct cdi_edits *to, uint32_t minor, mode_t mode,
		      struct err *e) MUST_USE;

void generator_add_control_nodes(struct generator *g, struct cdi_edits *to);

/* Nodes, and where hooks are separate the links, of a GPU or MIG device. */
int generator_add_device(struct generator *g, struct cdi_edits *to, const struct nv_device *d,
			 struct err *e) MUST_USE;

/* generate-devices.c: devices for identifiers. */

bool generator_has_id(const struct strv *ids, const char *id);

/* The devices for ids; 1 when they say that there shall be none, -ENODEV when "all" is nothing. */
int generator_select(struct generator *g, const struct strv *ids, struct nv_devices *ret,
		     struct err *e) MUST_USE;

/* Says why "all" is nothing. */
int generator_no_gpu(struct generator *g, struct err *e);

/* The edits of one device. One of "all" that cannot be had is left out with a warning: 1. */
int generator_device(struct generator *g, const struct nv_device *d, bool all,
		     struct cdi_edits *ret, struct err *e) MUST_USE;

/* What every GPU and MIG device shares. */
void generator_add_common(struct generator *g, struct cdi_edits *to);

/* generate-driver.c: files of the driver. */

/* Logs what is odd about the driver: a loaded module of another version, files that it lacks. */
void generator_describe_driver(struct generator *g);

/*
 * -ENOENT without libcuda, when compute is among the classes: what is silently
 * incomplete helps nobody (users.md P14).
 */
int generator_check_driver(struct generator *g, struct err *e) MUST_USE;

/* Whether this spec or container gets the file. */
bool generator_wants(const struct generator *g, const struct nv_file *f);

/* Mounts and the variable that names the directory of libcuda. */
void generator_add_driver(struct generator *g, struct cdi_edits *to);

/* NVIDIA_VISIBLE_DEVICES=void: the legacy hook shall not inject once more. */
void generator_add_void(struct generator *g, struct cdi_edits *to);

/* generate-hooks.c */

/* The hooks that all devices share, for the jobs that are wanted and among `possible`. */
void generator_add_hooks(struct generator *g, struct cdi_edits *to, unsigned possible);

/* One hook that runs `name` with these arguments. */
void generator_add_hook(struct generator *g, struct cdi_edits *to, const char *name,
			const struct strv *args);

/* chmod of the directories of nodes that the container gets, when that job is wanted. */
void generator_add_chmod(struct generator *g, struct cdi_edits *to, const struct cdi_nodes *nodes);

/* generate-modes.c: devices of one kind, gated by a variable of their own. */

int generator_add_gated(struct generator *g, struct cdi_edits *to, enum cdi_mode mode,
			struct err *e) MUST_USE;
int generator_add_management(struct generator *g, struct cdi_edits *to, struct err *e) MUST_USE;
void generator_add_imex(struct generator *g, struct cdi_edits *to, uint32_t channel);
