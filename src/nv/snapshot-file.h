/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * snapshot-file: the kept form of a snapshot.
 *
 * A sequence of NUL-terminated fields behind a line that names version and
 * size. Reading makes no copies: strings point into the bytes that were read.
 * Bytes that are not what the writer makes are -EBADMSG, and the snapshot is
 * then made anew.
 */

#include "nv/fingerprint.h"
#include "nv/snapshot.h"

enum nv_kept_state {
	NV_KEPT_UNASKED,
	NV_KEPT_ANSWER,	 /* facts */
	NV_KEPT_FAILURE, /* failure and failure_code */
};

struct nv_kept {
	const char *boot_id;	  /* for files that a reboot leaves: counters of time begin again */
	const char *query_digest; /* of the question that the files answer */
	const char *files_digest; /* of the driver's files; "" is never valid */
	struct strv watched;
	struct nv_driver driver;

	const char *gpus_digest; /* of GPUs and nodes, and of what NVML was asked about */
	struct strv instances;	 /* as nv_fingerprint_list() gives them */
	struct nv_gpus gpus;
	struct strv control_nodes;

	const char *fingerprint; /* of the whole, for specs: valid while both digests are */

	enum nv_kept_state state;
	uint64_t asked_ns, until_ns; /* CLOCK_BOOTTIME; until 0: as long as gpus_digest holds */
	struct nv_facts facts;
	int failure_code; /* a positive errno */
	const char *failure;
};

void nv_kept_write(const struct nv_kept *k, struct strbuf *out);

/* bytes must live as long as what is read, and be followed by a NUL. */
int nv_kept_read(struct arena *a, struct str bytes, struct nv_kept *ret) MUST_USE;
