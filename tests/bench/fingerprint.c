/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fingerprint: what a container start pays for a snapshot that is valid.
 *
 * Run on a machine with GPUs, or a simulated one. Prints the median of N times
 * nv_snapshot_get(), in microseconds; under strace, one round shows its system calls.
 */

#include <stdio.h>
#include <time.h>

#include "nv/snapshot.h"

static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static double now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	uint32_t rounds = 200;
	double *times;

	if (argc > 2 || (argc == 2 && (str_to_u32(str_of(argv[1]), &rounds) < 0 || rounds == 0)))
		return fputs("usage: bench-fingerprint [ROUNDS]\n", stderr) < 0 ? 1 : 2;
	times = mem_alloc(mem_array_size(rounds, sizeof(*times)));
	/* The first makes the snapshot where there is none. */
	for (uint32_t i = 0; i <= rounds; i++) {
		AUTO(arena_done) struct arena a = {0};
		struct nv_snapshot_query q = {0};
		struct nv_snapshot s;
		double start = now_us();
		struct err e;

		if (nv_snapshot_get(&a, &q, &s, &e) < 0)
			return fprintf(stderr, "bench-fingerprint: %s\n", e.text) < 0 ? 1 : 1;
		if (i > 0)
			times[i - 1] = now_us() - start;
	}
	qsort(times, rounds, sizeof(*times), by_value);
	(void)printf("%.1f\n", times[rounds / 2]);
	free(times);
	return 0;
}
