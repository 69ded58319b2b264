/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * content: what a simulated machine consists of, as data.
 *
 * content_make() turns a description into the list of every directory, file,
 * link, device node and socket that the machine has more than its host, by
 * absolute path, parents before children. Nothing here touches the system:
 * place.h makes it real, and the difference of two trees is what a change to a
 * running machine has to do.
 */

#include <sys/types.h>

#include "machine.h"

enum content_kind { CONTENT_DIR, CONTENT_FILE, CONTENT_LINK, CONTENT_NODE, CONTENT_SOCKET };

struct content_item {
	enum content_kind kind;
	const char *path;
	mode_t mode;	       /* permission bits */
	struct str data;       /* CONTENT_FILE: content; CONTENT_LINK: target */
	uint64_t size;	       /* CONTENT_FILE: when larger than the content, a hole fills it up */
	uint32_t major, minor; /* CONTENT_NODE */
};

struct content VEC(struct content_item);

/* Programs that the simulator brings instead of making them; empty: a made one stands in. */
struct content_payload {
	struct str nvml;       /* libnvidia-ml.so.1 */
	struct str nvidia_smi; /* nvidia-smi */
};

/* What lies below /proc/driver and the two files that are bound over /proc. */
#define CONTENT_DEVICES MACHINE_DIR "/devices" /* for /proc/devices */
#define CONTENT_MODULES MACHINE_DIR "/modules" /* for /proc/modules */

/*
 * The whole tree; strings live in the arena. real_devices and real_modules are
 * the host's /proc/devices and /proc/modules. Paths in m->missing are left out.
 */
void content_make(struct arena *a, const struct machine *m, const struct content_payload *payload,
		  struct str real_devices, struct str real_modules, struct content *ret);

/*
 * Replaces majors of m that the host uses for something else by free ones, and
 * so makes sure that no simulated node opens a real device.
 */
void content_choose_majors(struct machine *m, struct str real_devices);

/* For the files that make up the tree: adding items. */
void content_dir(struct arena *a, struct content *t, const char *path);
void content_text(struct arena *a, struct content *t, const char *path, mode_t mode,
		  const char *text);
void content_link(struct arena *a, struct content *t, const char *path, const char *target);
void content_node(struct arena *a, struct content *t, const char *path, mode_t mode, uint32_t major,
		  uint32_t minor);

void content_add_proc(struct arena *a, const struct machine *m, struct str real_devices,
		      struct str real_modules, struct content *t);
void content_add_sys(struct arena *a, const struct machine *m, struct content *t);
void content_add_dev(struct arena *a, const struct machine *m, struct content *t);
void content_add_driver(struct arena *a, const struct machine *m,
			const struct content_payload *payload, struct content *t);
