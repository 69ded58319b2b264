/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * self: where the other programs of this installation are.
 *
 * Found beside the running program (/proc/self/exe) first, then in
 * ../libexec/nvidia-container-toolkit of its directory, then in the directories this
 * build was configured for; so an unpacked tree, a build folder and a package
 * all use their own parts.
 */

#include "base/arena.h"
#include "base/err.h"

/* The absolute path of a program of this installation ("nvml-facts"). -ENOENT names the directories
 * looked at. */
int self_program(struct arena *a, const char *name, const char **ret, struct err *e) MUST_USE;

/*
 * The hook program for specs: what nvidia-ctk.path (config) or --nvidia-cdi-hook-path says when it
 * is absolute, else this installation's nvidia-cdi-hook (design.md 4.3), else
 * /usr/bin/nvidia-cdi-hook.
 */
const char *self_hook_program(struct arena *a, const char *configured);
