/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>

#include "base/vec.h"
#include "test.h"

TEST(what_was_allocated_stays_and_is_zeroed_and_aligned)
{
	AUTO(arena_done) struct arena a = {0};
	struct VEC(char *) all = {0};

	for (size_t n = 1; n < 200; n++) {
		char *p = arena_alloc(&a, n * 97);

		CHECK_INT((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n * 97; i++)
			CHECK_INT(p[i], 0);
		memset(p, (int)n, n * 97);
		vec_push(&all, p);
	}
	for (size_t n = 1; n < 200; n++)
		CHECK_INT((unsigned char)all.v[n - 1][n * 97 - 1], (unsigned char)n);
	vec_done(&all);
	CHECK(!all.v && all.n == 0);
}

TEST(lists_grow_in_an_arena)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv list = {0};

	for (int i = 0; i < 100; i++)
		arena_push(&a, &list, arena_printf(&a, "%d", i));
	CHECK_INT(list.n, 100);
	CHECK_STR(list.v[99], "99");
	arena_done(&a);
	CHECK(!a.chunk);
}
