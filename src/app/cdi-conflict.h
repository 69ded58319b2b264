/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cdi-conflict: devices that two CDI files of one directory define.
 *
 * Engines then find neither, and say only "unresolvable CDI devices": so the
 * tools say it before.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/vec.h"

struct cdi_definition {
	const char *kind, *name, *path;
	uint32_t line;	 /* 0: not known */
	size_t priority; /* of its directory */
};
struct cdi_definitions VEC(struct cdi_definition);

/*
 * One line per pair of files, which names the first device that they share and
 * how many more there are. Sorts the definitions.
 */
void cdi_conflicts(struct arena *a, struct cdi_definitions *all, struct strv *ret);
