/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#undef err_set
#undef err_sys
#undef err_in

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
	}
	return -code;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int code = errno;
	va_list ap;
	size_t n;

	if (e) {
		va_start(ap, fmt);
		(void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
		n = strlen(e->text);
		(void)snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(code));
	}
	return -code;
}

int err_in(struct err *e, int r, const char *fmt, ...)
{
	char below[sizeof(e->text)];
	va_list ap;
	size_t n;

	if (e) {
		memcpy(below, e->text, sizeof(below));
		va_start(ap, fmt);
		(void)vsnprintf(e->text, sizeof(e->text) / 2, fmt, ap);
		va_end(ap);
		n = strlen(e->text);
		(void)snprintf(e->text + n, sizeof(e->text) - n, ": %.*s", (int)sizeof(below) - 1,
			       below);
	}
	return r;
}
