/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * snapshot-store: where snapshots lie, who may have written them, and who makes
 * them when many want to.
 */

#include "nv/snapshot-file.h"

struct nv_store {
	struct strv files; /* candidates, best first; none: nothing is kept */
};

/* The places for a query: the machine's own, and that of a rootless caller. */
void nv_store_open(struct arena *a, const struct nv_snapshot_query *q, struct nv_store *ret);

/*
 * Reads the first candidate that root or we have written. -ENOENT when there is
 * none, -EBADMSG when it is damaged, -EPERM when others could have written it,
 * -ESTALE when it is of another boot: all mean the same, to make it anew.
 */
int nv_store_read(struct arena *a, const struct nv_store *s, struct nv_kept *ret) MUST_USE;

/* Replaces the snapshot in the first place that lets us. Not being able to is no error. */
void nv_store_write(const struct nv_store *s, const struct nv_kept *k);

/*
 * Waits at most that long for a lock beside the snapshot; which is "make" or
 * "nvml". Returns a descriptor to be closed, or -1: without a lock the work is
 * done as well, only perhaps twice.
 */
int nv_store_lock(const struct nv_store *s, const char *which, uint64_t patience_ns);

/* What names this run of the kernel; "" when it cannot be read. */
const char *nv_store_boot_id(struct arena *a);

/* CLOCK_BOOTTIME. */
uint64_t nv_store_now_ns(void);
