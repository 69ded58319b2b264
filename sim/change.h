/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * change: edits of a description in the words of `nvidia-gpu-sim set`.
 *
 *	driver=590.10                 upgrade: other version, CUDA version derived from it
 *	gpu.1.lost=true               any key of a GPU, by index
 *	majors.nvidia-uvm=510         any key of the description, by its path
 *	mig.0=3g.20gb,1g.5gb          MIG devices; on and off switch the mode
 *	remove=/dev/nvidia1           takes a node or file away; restore= gives it back
 *	fault=nvmlInit_v2:return=18   adds a fault; gpu=N, delay_ms=N, hang, crash, missing
 *	fault=none                    removes all of them
 */

#include "machine.h"

/* Applies the changes to description, the text of a complete one; -EINVAL for one that is none. */
int change_apply(struct arena *a, struct str description, const struct strv *changes,
		 struct machine *ret, struct err *e) MUST_USE;
