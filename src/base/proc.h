/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * proc: running another program and not waiting for it for ever.
 *
 * The child gets exactly the environment and the descriptors named here; it
 * dies with us and at its deadline, with everything it started in its process
 * group. What it writes is read up to a limit.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct proc_options {
	const char *path;	 /* absolute */
	const char *const *argv; /* NULL-terminated */
	const char *const *envp; /* NULL-terminated; NULL is an empty environment */
	struct str input;	 /* written to its standard input; /dev/null when empty */
	uint64_t deadline_ns;	 /* from now; 0 is none */
	size_t max_output;	 /* of stdout and of stderr each */
	uid_t uid;		 /* with drop_privileges */
	gid_t gid;
	bool drop_privileges; /* setgroups(0), setresgid, setresuid, no_new_privs before the exec */
};

struct proc_result {
	int status;	     /* exit status, or 128 + signal */
	struct str out, err; /* in the arena */
};

/*
 * 0 when the child ran to its end, whatever its status. -ETIMEDOUT at the
 * deadline, -EFBIG when it wrote too much (it is killed in both cases), or the
 * error of starting it.
 */
int proc_run(struct arena *a, const struct proc_options *o, struct proc_result *ret,
	     struct err *e) MUST_USE;
