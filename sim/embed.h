/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * embed: files that are part of the program: the platforms, the simulated
 * libnvidia-ml and nvidia-smi. So the simulator is one file and never looks for
 * its parts (embed.py makes the list).
 */

#include "base/str.h"

struct embed {
	const char *name; /* "platform/h200-x1", "libnvidia-ml.so.1", "nvidia-smi" */
	const char *start, *end;
};

/* Up to one whose name is NULL. */
extern const struct embed embed_list[];

/* The bytes of one, empty (p == NULL) when there is none of that name. */
struct str embed_find(const char *name);
