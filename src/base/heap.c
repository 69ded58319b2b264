/* SPDX-License-Identifier: Apache-2.0 */

/*
 * heap: malloc for the static programs of the container-start path.
 *
 * These run for milliseconds, allocate paths and documents, and end. musl's
 * malloc gives a lone small block a mapping of its own and takes it away again at
 * free(): half of all system calls of a container start, and page faults with
 * them. Here blocks are cut off a region one after the other; the last one can
 * grow, shrink and be given back, others stay until the process ends. Large
 * blocks are mappings, which free() returns.
 *
 * No threads, no daemons: only programs that link the start libraries get it.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ALIGNMENT   16u
#define REGION_SIZE ((size_t)256 << 10)
#define LARGE_SIZE  ((size_t)128 << 10)

/* Before each block. */
struct header {
	size_t size;
	size_t large; /* a mapping of its own */
};

_Static_assert(sizeof(struct header) % ALIGNMENT == 0, "blocks must stay aligned");

/* Enough for a container without GPUs. */
static _Alignas(ALIGNMENT) char first[64 << 10];
static char *next = first, *end = first + sizeof(first);

/* Behind it nothing was handed out yet, so all is zero: not touched, a page costs nothing. */
static char *used = first;

static struct header *header_of(void *p)
{
	return (struct header *)p - 1;
}

static bool is_last(const struct header *h, const void *p)
{
	return !h->large && (const char *)p + h->size == next;
}

static void *map(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void *take_large(size_t size)
{
	struct header *h = map(sizeof(*h) + size);

	if (!h)
		return NULL;
	*h = (struct header){size, 1};
	return h + 1;
}

/* *stale: how many bytes at the beginning of the block may not be zero. */
static void *take(size_t n, size_t *stale)
{
	size_t size = (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	struct header *h;

	if (n > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	*stale = 0;
	if (size >= LARGE_SIZE)
		return take_large(size);
	if ((size_t)(end - next) < sizeof(*h) + size) {
		char *region = map(REGION_SIZE);

		if (!region)
			return NULL;
		next = used = region;
		end = region + REGION_SIZE;
	}
	h = (struct header *)(void *)next;
	*h = (struct header){size, 0};
	next += sizeof(*h) + size;
	if ((char *)(h + 1) < used)
		*stale = (size_t)((used < next ? used : next) - (char *)(h + 1));
	if (used < next)
		used = next;
	return h + 1;
}

void *malloc(size_t n)
{
	size_t stale;

	return take(n, &stale);
}

void free(void *p)
{
	int saved = errno;
	struct header *h;

	if (!p)
		return;
	h = header_of(p);
	if (h->large)
		(void)munmap(h, sizeof(*h) + h->size);
	else if (is_last(h, p))
		next = (char *)h;
	errno = saved;
}

void *calloc(size_t count, size_t size)
{
	size_t n, stale;
	void *p;

	if (__builtin_mul_overflow(count, size, &n)) {
		errno = ENOMEM;
		return NULL;
	}
	p = take(n, &stale);
	if (p)
		memset(p, 0, stale);
	return p;
}

void *realloc(void *p, size_t n)
{
	size_t size = (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1), stale;
	struct header *h;
	void *grown;

	if (!p)
		return take(n, &stale);
	h = header_of(p);
	if (n <= h->size)
		return p;
	if (is_last(h, p) && n < LARGE_SIZE && size <= (size_t)(end - (char *)p)) {
		h->size = size;
		next = (char *)p + size;
		if (used < next)
			used = next;
		return p;
	}
	grown = take(n, &stale);
	if (!grown)
		return NULL;
	memcpy(grown, p, h->size);
	free(p);
	return grown;
}

/* Nothing of ours asks for more than any type needs. */
void *aligned_alloc(size_t alignment, size_t n)
{
	if (alignment <= ALIGNMENT)
		return malloc(n);
	errno = EINVAL;
	return NULL;
}
