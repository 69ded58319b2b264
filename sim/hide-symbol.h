/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * hide-symbol: makes a shared object lack one of its functions.
 *
 * For faults of the kind "symbol missing": the simulator changes the name in
 * the copy of libnvidia-ml.so.1 that it installs, so that callers meet exactly what an older
 * library would be.
 */

#include <stddef.h>

#include "base/err.h"

/*
 * Changes the dynamic symbol's name in the file's bytes. 1 when it is hidden, 0
 * when there is no such symbol, -EBADMSG when this is no 64-bit shared object.
 */
int sim_hide_symbol(char *image, size_t size, const char *name, struct err *e) MUST_USE;
