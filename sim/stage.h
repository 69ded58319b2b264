/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * stage: turns a private mount namespace into the simulated machine.
 *
 * Called in a process that has a mount namespace and a PID namespace of its
 * own and nothing else running in them. Everything is mounted privately and
 * goes away with the last process of the namespace; the host's files, nodes and
 * mounts are never written to.
 */

#include "base/err.h"
#include "content.h"

/* Makes propagation private and, unless root is NULL, enters the tree at root. */
int stage_enter(const char *root, struct err *e) MUST_USE;

/* Everything else. program is an open descriptor of the simulator's own file. */
int stage_build(struct arena *a, const struct content *content, const struct machine *m,
		int program, struct err *e) MUST_USE;

/* The steps of stage_build(), each in a file of its own. */
int stage_run(struct arena *a, struct err *e) MUST_USE;
int stage_dev(struct err *e) MUST_USE;
int stage_overlays(struct arena *a, const struct content *content, const char *driver_root,
		   struct strv *ret_roots, struct err *e) MUST_USE;

/* Low-level runtimes on $PATH and in the usual places, found before /run is replaced. */
struct stage_runtime {
	const char *path; /* links resolved */
	int fd;		  /* a clone of the real program's mount */
};
struct stage_runtimes VEC(struct stage_runtime);
int stage_runtimes_find(struct arena *a, struct stage_runtimes *ret, struct err *e) MUST_USE;
int stage_runtimes_cover(const struct stage_runtimes *list, int program, struct err *e) MUST_USE;

/* Mount points at or below dir, "dir" itself excluded, in the order of mounting. */
int stage_mounts_below(struct arena *a, const char *dir, struct strv *ret, struct err *e) MUST_USE;

/* mount(2) with an error that says what was mounted where. */
int stage_mount(const char *type, const char *target, unsigned long flags, const char *data,
		struct err *e) MUST_USE;
int stage_bind(const char *source, const char *target, unsigned long flags, struct err *e) MUST_USE;

/* An empty file or directory to bind something over. */
int stage_touch(const char *path, struct err *e) MUST_USE;
