/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fuzz: what a fuzz target needs.
 *
 * A target defines LLVMFuzzerTestOneInput(), which gives the bytes to a parser
 * and states with FUZZ_CHECK what must be true of every input. -Dfuzz=true
 * makes a libFuzzer program of it; the ordinary suite replays its corpus
 * (tests/fuzz/replay.c).
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FUZZ_CHECK(x)                                                                              \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);              \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

static inline struct str fuzz_input(const uint8_t *data, size_t n)
{
	return (struct str){(const char *)data, n};
}
