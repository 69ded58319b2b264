/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * name: how a running simulation is found from outside.
 *
 * A name is a socket in the abstract namespace, so nothing in the file system
 * can be left behind: it is there exactly as long as the simulation.
 */

#include <sys/types.h>

#include "base/err.h"

/* A listening descriptor; -EADDRINUSE when a simulation of that name runs. */
int name_listen(const char *name, struct err *e) MUST_USE;

/* Tells one caller the machine's first process. */
void name_answer(int listener, pid_t pid);

/* Asks for it; -ECONNREFUSED when no simulation of that name runs. */
int name_ask(const char *name, pid_t *ret, struct err *e) MUST_USE;
