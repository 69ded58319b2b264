/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * sandbox: reading what strangers wrote, in a child that can do nothing else.
 *
 * The child sees the container's root as its own (chroot), has no capability,
 * no_new_privs, small limits, namespaces of its own and a system call filter
 * that lets it open and read files and little more: it cannot write to any
 * descriptor, connect, signal, fork or execute. What it finds out goes into
 * memory shared with the parent, which takes it when the child is gone. The
 * parent keeps the clock (security.md 1.5 I6, I7; 2.5 P5; 3.5 S1).
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "os/rootfs.h"

struct sandbox {
	const struct rootfs *root;
	const char *purpose; /* for messages: "read the image's loader configuration" */
	size_t max_output;
	uint64_t deadline_ns; /* from now */

	/*
	 * Runs in the child and adds its answer to out. Paths it uses are those of root. What it
	 * returns is what sandbox_run() returns, with its text.
	 */
	int (*work)(const struct rootfs *root, const void *request, struct strbuf *out,
		    struct err *e);
	const void *request;
};

/*
 * The result of work() and in *ret what it added, copied and of at most
 * max_output bytes, but not to be trusted. -ETIMEDOUT at the deadline, -EFBIG
 * for a larger answer, -EPERM when the child tried what it may not or
 * could not be confined: then nothing was read at all.
 */
int sandbox_run(struct arena *a, const struct sandbox *s, struct str *ret, struct err *e) MUST_USE;
