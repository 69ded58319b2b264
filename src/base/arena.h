/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * arena: memory that is released as a whole.
 *
 * For trees: a parsed document, a discovery result, a plan. What is allocated
 * in an arena is never freed by itself; pointers into it stay valid until
 * arena_done(). A zeroed struct is an empty arena:
 *
 *	AUTO(arena_done) struct arena a = {0};
 *
 * Like mem, an arena does not fail: sizes that come from input are checked
 * before they get here.
 */

#include <stdarg.h>

#include "base/macro.h"
#include "base/str.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunk; /* the newest; it knows the one before */
	size_t left;		   /* bytes left in it */
	char *next;
};

/* Releases everything; the arena is empty and usable again. */
void arena_done(struct arena *a);

/* n zeroed bytes, aligned for any type. */
void *arena_alloc(struct arena *a, size_t n) MUST_USE;

/* A zeroed object or array of a type. */
#define arena_new(a, type)	((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), mem_array_size((n), sizeof(type))))

/* n * size, ending the process when that overflows. */
size_t mem_array_size(size_t n, size_t size);

/* NUL-terminated copies. */
char *arena_strdup(struct arena *a, const char *s) MUST_USE;
char *arena_str(struct arena *a, struct str s) MUST_USE;
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3) MUST_USE;
