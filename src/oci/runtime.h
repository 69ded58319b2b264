/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * runtime: the command line of a low-level runtime (runc, crun), finding it and becoming it.
 *
 * Global options and the sub-command are told apart as runc does: an unknown
 * global option's next argument is its value unless it is a known sub-command
 * (design.md 4.1). What follows a sub-command other than create and run is
 * never looked at.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct oci_command {
	const char *name;    /* "create", "run", "state", …; NULL when there is none */
	const char *bundle;  /* --bundle / -b of create and run; NULL: the working directory */
	bool bundle_missing; /* the option stands last, without a value */
	const char *config;  /* crun's --config / -f of create and run: the spec's path */
	const char *log;     /* global --log, NULL without */
	const char *log_format;
	bool debug;
	bool version; /* a global --version, -v or -V */
};

/* Borrows from argv. */
void oci_command_parse(int argc, char *const *argv, struct oci_command *ret);

/* Whether the command makes a container, so that its spec is edited. */
bool oci_command_creates(const struct oci_command *c);

/*
 * The first of the candidates that can be executed: a name with a slash is
 * used as it is, another is looked up in $PATH (relative, empty and
 * world-writable elements skipped) and the standard directories. The running
 * program itself is passed over, whatever name it has there. -ENOENT with a
 * text that lists the candidates.
 */
int oci_runtime_find(struct arena *a, const struct strv *candidates, const char **ret,
		     struct err *e) MUST_USE;

/* The same search for one program, for helper paths of config.toml. */
int oci_program_find(struct arena *a, const char *name, const char **ret, struct err *e) MUST_USE;

/* Becomes the runtime: execve(path, [path, argv[1..]], environ). Returns only on failure. */
int oci_runtime_exec(const char *path, char *const *argv, struct err *e) MUST_USE;
