/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fingerprint: digests of what facts were made from, cheap to take again.
 *
 * Taken before the facts are gathered, a digest that is the same later says
 * that they still hold. A directory of procfs does not change its times when
 * something below it does, so every MIG instance is looked at: inode number,
 * number of links, times (an inode of procfs gets its times when it is first
 * looked at; that makes a digest change too often, never too seldom).
 */

#include <stdint.h>
#include <time.h>

#include "base/arena.h"
#include "base/vec.h"
#include "nv/driver.h"
#include "nv/gpu.h"

/* 128 bits of FNV-1a: against accidents, not against attackers, who cannot write what it covers. */
struct nv_digest {
	uint64_t high, low;
};

#define NV_DIGEST_SIZE 33 /* of its text, with the NUL */

void nv_digest_init(struct nv_digest *d);
void nv_digest_add(struct nv_digest *d, const void *p, size_t n);
void nv_digest_text(struct nv_digest *d, const char *s); /* NULL differs from "" */
void nv_digest_number(struct nv_digest *d, uint64_t n);
void nv_digest_print(const struct nv_digest *d, char to[NV_DIGEST_SIZE]);

/* /proc/driver/nvidia/version as it is, or NULL when no module is loaded. */
const char *nv_fingerprint_module(struct arena *a, const struct nv_host *host);

/* What a query asks for: other options, other files. */
void nv_fingerprint_query(const struct nv_driver_query *q, struct nv_digest *d);

/*
 * Addresses and minors of the GPUs in the order of nv_gpu_find(), nothing else,
 * and the directories of their MIG instances ("/proc/…/gpu0/mig", "gi1", "gi1/ci0",
 * …: those without a slash in front lie below the last one with it). Made
 * before the GPUs are looked at closely, for nv_fingerprint_gpus() then and later.
 */
struct nv_fingerprint_list {
	struct nv_gpus gpus;
	struct strv instances;
};
void nv_fingerprint_list(struct arena *a, const struct nv_host *host,
			 struct nv_fingerprint_list *ret);

/*
 * The state of those GPUs: number of GPUs, whether each answers on the bus, its
 * node, its MIG layout; the nodes that serve all, with their majors.
 */
void nv_fingerprint_gpus(struct arena *a, const struct nv_host *host, const struct nv_gpus *gpus,
			 const struct strv *instances, struct nv_digest *d);

/*
 * Paths whose state decides whether what nv_driver_find() found still holds.
 * The first character says what counts: '=' identity and times, '~' kind and
 * owner (what lies in a socket's directory changes all the time).
 */
void nv_fingerprint_watch(struct arena *a, const struct nv_driver_query *q,
			  const struct nv_driver *driver, struct strv *ret);

/* Their state now; the newest change among them, for the caller to see whether it came too late. */
void nv_fingerprint_files(const struct strv *watched, struct nv_digest *d,
			  struct timespec *ret_newest);

/*
 * What a spec carries (nv/snapshot.h): module version, GPUs, MIG layout by
 * names, size and time of a library (NULL: none). The same after a reboot.
 */
void nv_fingerprint_spec(struct arena *a, const struct nv_host *host, const char *library,
			 struct nv_digest *d);
