/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* platform: finding a description by name or file, and the machine that runs around us. */

#include "content.h"

/* A shipped platform's name, or a path (with a slash or ending in .json). -ENOENT lists the names.
 */
int platform_load(struct arena *a, const char *name, struct machine *ret, struct err *e) MUST_USE;

/* Names of the shipped platforms, sorted. */
void platform_names(struct arena *a, struct strv *ret);

/* The content of m on this host: its /proc/devices and modules, our programs. */
int platform_content(struct arena *a, const struct machine *m, struct content *ret,
		     struct err *e) MUST_USE;

/* Whether this process is inside a simulated machine. */
bool platform_is_inside(void);
