/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* base/heap.c is linked into this program: what is called here is ours. */

static bool is_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

TEST(cleared_memory_is_zero_wherever_it_was_before)
{
	for (size_t n = 1; n < 300000; n = n * 3 + 1) {
		char *p = malloc(n), *q;

		CHECK(p);
		memset(p, 0xff, n);
		free(p);
		q = calloc(n + 40, 1);
		CHECK(q && is_zero(q, n + 40));
		memset(q, 0xff, n + 40);
		free(q);
	}
}

TEST(a_block_that_grew_leaves_nothing_behind_for_the_next)
{
	char *p = malloc(16), *q;

	CHECK(p);
	p = realloc(p, 5000);
	CHECK(p);
	memset(p, 0xff, 5000);
	free(p);
	q = calloc(1, 6000);
	CHECK(q && is_zero(q, 6000));
	free(q);
}

TEST(a_block_that_is_not_the_last_keeps_its_content_when_it_grows)
{
	char *p = malloc(100), *behind = malloc(100);

	CHECK(p && behind);
	memset(p, 'p', 100);
	memset(behind, 'b', 100);
	p = realloc(p, 200000);
	CHECK(p && p[0] == 'p' && p[99] == 'p');
	CHECK(behind[0] == 'b' && behind[99] == 'b');
	free(p);
	free(behind);
}

TEST(what_cannot_be_had_is_refused)
{
	CHECK(!calloc(SIZE_MAX / 2, 4));
	CHECK(!malloc(SIZE_MAX - 8));
	CHECK(!realloc(NULL, SIZE_MAX - 8));
}
