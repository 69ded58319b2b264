/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * mem: allocation that does not fail.
 *
 * For requests of the size of a path or a message. When even that cannot be
 * had, one line goes to stderr and the process ends with status 1: a program
 * that runs per container has nothing better to do. A size that comes from a
 * file or the network is checked against a limit first and then requested with
 * mem_try(), whose NULL is -ENOMEM.
 */

#include <stdarg.h>

#include "base/macro.h"

/* n zeroed bytes, never NULL; n may be 0. The caller frees them. */
void *mem_alloc(size_t n) MUST_USE;

/* n zeroed bytes, or NULL. */
void *mem_try(size_t n) MUST_USE;

/* p grown or shrunk to n bytes, never NULL; bytes beyond the old size are undefined. */
void *mem_realloc(void *p, size_t n) MUST_USE;

/* A copy of n bytes followed by a NUL, never NULL. */
char *mem_dup(const void *p, size_t n) MUST_USE;

/* A copy of s, never NULL. */
char *mem_strdup(const char *s) MUST_USE;

/* A new string, never NULL. */
char *mem_printf(const char *fmt, ...) PRINTF(1, 2) MUST_USE;
char *mem_vprintf(const char *fmt, va_list ap)
	__attribute__((__format__(__printf__, 1, 0))) MUST_USE;

/* Ends the process with status 1 after one line on stderr. */
void mem_exhausted(void) __attribute__((__noreturn__, __cold__));
