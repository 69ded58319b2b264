/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * nvcaps: minors of capability devices, from /proc/driver/nvidia-caps/mig-minors
 * and sys-minors ("gpu0/gi0/ci0/access 4").
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"
#include "nv/host.h"

struct nvcap {
	struct str name;
	uint32_t minor;
};
struct nvcaps {
	struct nvcap *v;
	size_t n, size;
	size_t last; /* where the last search ended: names are asked for in the file's order */
};

/* Bad lines are skipped. Absent files give an empty table. */
int nvcaps_load(struct arena *a, const struct nv_host *host, struct nvcaps *ret,
		struct err *e) MUST_USE;

/* Adds the lines of text, which the table borrows. */
void nvcaps_parse(struct arena *a, struct str text, struct nvcaps *ret);

/* 1 and the minor, or 0 when there is no such capability. */
int nvcaps_find(struct nvcaps *caps, const char *name, uint32_t *ret);
