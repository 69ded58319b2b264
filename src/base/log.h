/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * log: lines for people who look after machines.
 *
 * One log per process, set up by the program; until then warnings and errors
 * go to stderr as plain text. A line goes to every sink. The level is tested
 * before arguments are evaluated, so a line that is off costs a comparison.
 *
 * Formats, as container engines expect them (spec: runtime.md 1.3):
 *   LOG_TEXT  time="2026-01-02T03:04:05Z" level=info msg="..."
 *   LOG_JSON  {"level":"info","msg":"...","time":"..."}
 *   LOG_PLAIN program: ...    (stderr of commands)
 * Bytes that could break a line are escaped in all three.
 */

#include "base/err.h"
#include "base/macro.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };
enum log_format { LOG_PLAIN, LOG_TEXT, LOG_JSON };

extern enum log_level log_threshold;

/* The name before plain lines; borrowed for the life of the process. */
void log_set_program(const char *name);

/* panic, fatal, error, warn, warning, info, debug, trace in any case; -EINVAL otherwise. */
int log_level_parse(const char *text, enum log_level *ret) MUST_USE;

/* Removes every sink: nothing is written until one is added. */
void log_clear(void);
void log_add_stderr(enum log_format format);

/* Appends to the file at path (0644), made with its directory (0755) if absent. */
int log_add_file(const char *path, enum log_format format, struct err *e) MUST_USE;

void log_line(enum log_level level, const char *fmt, ...) PRINTF(2, 3);

#define log_at(level, ...)                                                                         \
	do {                                                                                       \
		if ((level) <= log_threshold)                                                      \
			log_line((level), __VA_ARGS__);                                            \
	} while (0)

#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
