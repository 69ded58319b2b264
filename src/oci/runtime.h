/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * runtime: the command line of a low-level runtime (runc, crun), finding it and becoming it.
 *
 * Global options and the sub-command are told apart as runc does: an unknown
 * global option's next argument is its value unless it is a known sub-command
 * (design.md 4.1).
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct oci_command {
	const char *name;    /* "create", "run", "state", …; NULL when there is none */
	const char *bundle;  /* --bundle / -b of create and run; NULL: the working directory */
	bool bundle_missing; /* the option stands last, without a value */
	const char *log;     /* global --log, NULL without */
	const char *log_format;
	bool debug;
	bool version; /* a global --version or -v */
};

/* Borrows from argv. */
void oci_command_parse(int argc, char *const *argv, struct oci_command *ret);

/*
 * The first of the candidates that can be executed: a name with a slash is
 * used as it is, another is looked up in $PATH (relative, empty and
 * world-writable elements skipped) and the standard directories. -ENOENT with
 * a text that lists the candidates.
 */
int oci_runtime_find(struct arena *a, const struct strv *candidates, const char **ret,
		     struct err *e) MUST_USE;

/* The same search for one program, for helper paths of config.toml. */
int oci_program_find(struct arena *a, const char *name, const char **ret, struct err *e) MUST_USE;

/* Becomes the runtime: execve(path, [path, argv[1..]], environ). Returns only on failure. */
int oci_runtime_exec(const char *path, char *const *argv, struct err *e) MUST_USE;
