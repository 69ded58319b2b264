/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * proc: running another program and not waiting for it for ever.
 *
 * The child gets exactly the environment and the descriptors named here,
 * default signal actions, / as its directory and no core dumps. It leads a
 * process group of its own; it dies with us, and at its deadline with
 * everything in that group. What it leaves running in the group when it ends is
 * killed too. What it writes is read up to a limit.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

struct proc_options {
	const char *path;	 /* absolute */
	const char *const *argv; /* NULL-terminated */
	const char *const *envp; /* NULL-terminated; NULL is an empty environment */
	struct str input;	 /* its standard input; /dev/null when empty */
	uint64_t deadline_ns;	 /* from now; 0 is none */
	size_t max_output;	 /* of stdout and of stderr each */
	uid_t uid;		 /* with drop_privileges */
	gid_t gid;
	bool drop_privileges; /* proc_drop_privileges() before the exec */
};

struct proc_result {
	int status;	     /* exit status, or 128 + signal */
	struct str out, err; /* in the arena, NUL-terminated behind */
};

/*
 * 0 when the child ran to its end, whatever its status. -ETIMEDOUT at the
 * deadline, -EFBIG when it wrote too much (it is killed in both cases), or the
 * error of starting it. A child that sits in the kernel and cannot be killed is
 * left behind rather than waited for.
 */
int proc_run(struct arena *a, const struct proc_options *o, struct proc_result *ret,
	     struct err *e) MUST_USE;

/*
 * Gives up rights for good: no supplementary groups, these ids, no capability,
 * no_new_privs. With our own ids (an unprivileged caller, or a user namespace
 * in which no others are mapped) groups and ids stay and the rest is done. May be called
 * between fork and exec. Returns 0, or -errno with the name of what failed.
 */
int proc_drop_privileges(uid_t uid, gid_t gid, const char **ret_step) MUST_USE;

/*
 * Dies with `parent`, which is getppid() as read before anything could happen to
 * it. To be called again after a change of ids, which makes the kernel forget it.
 */
int proc_die_with_parent(pid_t parent) MUST_USE;
