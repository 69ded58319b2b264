/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * class: the driver capability classes, as NVIDIA_DRIVER_CAPABILITIES names them.
 *
 * A set is an unsigned of these bits. A driver file belongs to one or more
 * classes (nv/files.c is the one table); files that every container needs
 * carry NV_CLASS_ALL.
 */

#include "base/str.h"

enum nv_class {
	NV_CLASS_COMPAT32 = 1 << 0,
	NV_CLASS_COMPUTE = 1 << 1,
	NV_CLASS_DISPLAY = 1 << 2,
	NV_CLASS_GRAPHICS = 1 << 3,
	NV_CLASS_NGX = 1 << 4,
	NV_CLASS_UTILITY = 1 << 5,
	NV_CLASS_VIDEO = 1 << 6,
	NV_CLASS_ALL = (1 << 7) - 1,
};

/* The bit of one name, or 0 when it is none ("all" is not a class). */
unsigned nv_class_of(struct str name);

/* "compute,utility": the names of a set, in alphabetical order. */
void nv_class_names(unsigned classes, struct strbuf *out);
