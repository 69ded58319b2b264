/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * vec: growable arrays of any type.
 *
 *	struct gpus VEC(struct gpu);          a named type: { v, n, size }
 *	arena_push(a, &list, item);           grows inside an arena, nothing to free
 *	vec_push(&list, item); vec_done(&list);   grows on the heap
 *
 * One list is grown by one of the two only. v is NULL while n is 0. Pointers to
 * elements do not survive a push.
 */

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

#define VEC(type)                                                                                  \
	{                                                                                          \
		type *v;                                                                           \
		size_t n, size;                                                                    \
	}

#define vec_push(vec, item)                                                                        \
	do {                                                                                       \
		if ((vec)->n == (vec)->size) {                                                     \
			(vec)->size = (vec)->size > 0 ? (vec)->size * 2 : 8;                       \
			(vec)->v = mem_realloc((vec)->v,                                           \
					       mem_array_size((vec)->size, sizeof(*(vec)->v)));    \
		}                                                                                  \
		(vec)->v[(vec)->n++] = (item);                                                     \
	} while (0)

#define vec_done(vec)                                                                              \
	do {                                                                                       \
		free((vec)->v);                                                                    \
		memset((vec), 0, sizeof(*(vec)));                                                  \
	} while (0)

#define arena_push(a, vec, item)                                                                   \
	do {                                                                                       \
		if ((vec)->n == (vec)->size) {                                                     \
			size_t size_ = (vec)->size > 0 ? (vec)->size * 2 : 8;                      \
			void *grown_ = arena_alloc((a), mem_array_size(size_, sizeof(*(vec)->v))); \
			if ((vec)->n > 0)                                                          \
				memcpy(grown_, (vec)->v, (vec)->n * sizeof(*(vec)->v));            \
			(vec)->v = grown_;                                                         \
			(vec)->size = size_;                                                       \
		}                                                                                  \
		(vec)->v[(vec)->n++] = (item);                                                     \
	} while (0)

/* A list of NUL-terminated strings, the commonest one. */
struct strv VEC(const char *);
