/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * place: makes content real in this mount namespace.
 *
 * Everything is written through the machine's own mounts; a path that lies on
 * none of them is refused, so that nothing ever reaches the host.
 */

#include "base/err.h"
#include "content.h"

/* What the simulator keeps inside the machine: below its private /run. */
#define PLACE_DIR     "/run/nvidia-gpu-sim"
#define PLACE_DRIVER  PLACE_DIR "/driver" /* /proc/driver, writable */
#define PLACE_OVERLAY PLACE_DIR "/overlay"
#define PLACE_ROOTS   PLACE_DIR "/roots" /* directories on private mounts, one per line */
#define PLACE_REAL    PLACE_DIR "/real"	 /* the runtimes that are covered */
#define PLACE_PROGRAM PLACE_DIR "/nvidia-gpu-sim"

/*
 * Turns old into wanted: removes what is no longer there, writes what is new or
 * differs, and leaves the rest alone, inodes and times included. roots are the
 * directories that may be written to. driver_root: where libraries were changed
 * is said in *ret_libraries.
 */
int place_content(const struct content *old, const struct content *wanted, const struct strv *roots,
		  bool *ret_libraries, struct err *e) MUST_USE;

/*
 * Makes <driver_root>/etc/ld.so.cache anew: the entries of files that are still
 * there, and the libraries in content.
 */
int place_loader_cache(struct arena *a, const struct content *content, const char *driver_root,
		       struct err *e) MUST_USE;
