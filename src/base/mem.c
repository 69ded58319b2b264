/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

void mem_exhausted(void)
{
	static const char text[] = "out of memory\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

void *mem_try(size_t n)
{
	return calloc(1, n > 0 ? n : 1);
}

void *mem_alloc(size_t n)
{
	void *p = mem_try(n);

	if (!p)
		mem_exhausted();
	return p;
}

void *mem_realloc(void *p, size_t n)
{
	void *q = realloc(p, n > 0 ? n : 1);

	if (!q)
		mem_exhausted();
	return q;
}

char *mem_dup(const void *p, size_t n)
{
	char *copy = mem_alloc(n + 1);

	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_dup(s, strlen(s));
}

char *mem_vprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		mem_exhausted();
	return s;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = mem_vprintf(fmt, ap);
	va_end(ap);
	return s;
}
