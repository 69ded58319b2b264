/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * run: a command in a simulated machine, from start to end.
 *
 * Three processes: we wait outside, pass signals on and answer to the
 * simulation's name; the machine's first process lives in its PID and mount
 * namespaces, builds the machine and reaps what is left behind; the command is
 * its child. When any of the three dies, even by SIGKILL, the kernel ends the
 * namespace with everything in it, and nothing remains.
 */

#include "base/err.h"
#include "machine.h"

struct run_options {
	const struct machine *machine;
	const char *root; /* a tree to enter first, or NULL */
	const char *name; /* for `set` and `exec` from outside, or NULL */
	const char *const *argv;
};

/* The command's exit status, or 128 + its signal; negative when it did not start. */
int run_machine(struct arena *a, const struct run_options *o, struct err *e) MUST_USE;

/* The process to enter for a running simulation: by name, or any process of it. */
int run_find(const char *name, uint32_t pid, pid_t *ret, struct err *e) MUST_USE;

/* Enters its mount and PID namespaces, in the same directory where it has one; children are in
 * them. */
int run_enter(pid_t pid, struct err *e) MUST_USE;

/* Starts a command as a child, passes signals on and returns its status. */
int run_child(const char *const *argv, struct err *e) MUST_USE;
