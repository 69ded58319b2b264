/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define ALIGN	   16u
#define CHUNK_SIZE (32u * 1024)

struct arena_chunk {
	struct arena_chunk *before;
	_Alignas(ALIGN) char bytes[];
};

void arena_done(struct arena *a)
{
	for (struct arena_chunk *c = a->chunk, *before; c; c = before) {
		before = c->before;
		free(c);
	}
	*a = (struct arena){0};
}

size_t mem_array_size(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		mem_exhausted();
	return total;
}

/* A large request gets a chunk of its own behind the current one, so that the rest of that is not
 * lost. */
static void *alloc_large(struct arena *a, size_t n)
{
	struct arena_chunk *c = mem_alloc(mem_array_size(1, sizeof(*c) + n));

	if (a->chunk) {
		c->before = a->chunk->before;
		a->chunk->before = c;
	} else {
		a->chunk = c;
	}
	return c->bytes;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	if (n > SIZE_MAX / 2)
		mem_exhausted();
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (n > CHUNK_SIZE / 4)
		return alloc_large(a, n);
	if (n > a->left) {
		struct arena_chunk *c = mem_alloc(sizeof(*c) + CHUNK_SIZE);

		c->before = a->chunk;
		a->chunk = c;
		a->next = c->bytes;
		a->left = CHUNK_SIZE;
	}
	p = a->next;
	a->next += n;
	a->left -= n;
	return p;
}

char *arena_str(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_str(a, str_of(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		mem_exhausted();
	p = arena_alloc(a, (size_t)n + 1);
	(void)vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
