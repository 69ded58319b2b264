/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define MAX_SINKS 4

struct sink {
	int fd;
	enum log_format format;
};

enum log_level log_threshold = LOG_INFO;

static const char *program = "nvidia-container";
static struct sink sinks[MAX_SINKS] = {{STDERR_FILENO, LOG_PLAIN}};
static size_t sink_count = 1;

static const char level_names[][8] = {"error", "warning", "info", "debug"};

void log_set_program(const char *name)
{
	program = name;
}

int log_level_parse(const char *text, enum log_level *ret)
{
	static const struct {
		char name[8];
		enum log_level level;
	} names[] = {{"panic", LOG_ERROR}, {"fatal", LOG_ERROR},  {"error", LOG_ERROR},
		     {"warn", LOG_WARN},   {"warning", LOG_WARN}, {"info", LOG_INFO},
		     {"debug", LOG_DEBUG}, {"trace", LOG_DEBUG}};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (str_is_nocase(str_of(text), names[i].name)) {
			*ret = names[i].level;
			return 0;
		}
	}
	return -EINVAL;
}

void log_clear(void)
{
	for (size_t i = 0; i < sink_count; i++)
		if (sinks[i].fd > STDERR_FILENO)
			(void)close(sinks[i].fd);
	sink_count = 0;
}

static void add_sink(int fd, enum log_format format)
{
	if (sink_count < MAX_SINKS)
		sinks[sink_count++] = (struct sink){fd, format};
}

void log_add_stderr(enum log_format format)
{
	add_sink(STDERR_FILENO, format);
}

/* A link is followed when nobody but root and ourselves could have made it. */
static int open_log(const char *path, struct err *e)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
	auto_free char *target = NULL;
	int fd = open(path, flags | O_NOFOLLOW, 0644), r;

	if (fd < 0 && errno == ELOOP) {
		r = fs_follow(path, &target, e);
		if (r < 0)
			return err_in(e, r, "log file %s", path);
		/* By its own name: what /dev/stderr leads to has none. */
		fd = open(path, flags, 0644);
	}
	return fd < 0 ? err_sys(e, "open log file %s", path) : fd;
}

int log_add_file(const char *path, enum log_format format, struct err *e)
{
	auto_free char *dir = path_dir(path);
	auto_close int fd = -1;
	struct stat st;

	if (fs_mkdir_p(dir, 0755, NULL) < 0)
		log_debug("create directory %s: failed", dir);
	fd = open_log(path, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || S_ISBLK(st.st_mode))
		return err_set(e, EINVAL, "log file %s is a disk", path);
	add_sink(steal_fd(&fd), format);
	return 0;
}

/* Text between double quotes that no reader can mistake: \" \\ and \n, other control characters as
 * \u00XX. */
static void add_quoted(struct strbuf *b, struct str text)
{
	strbuf_addc(b, '"');
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (str_is_c1(str_sub(text, i, text.n)))
			strbuf_printf(b, "\\u%04x", (unsigned char)text.p[++i]);
		else if (c == '"' || c == '\\')
			strbuf_printf(b, "\\%c", c);
		else if (c == '\n')
			strbuf_adds(b, "\\n");
		else if (c < 0x20 || c == 0x7f)
			strbuf_printf(b, "\\u%04x", c);
		else
			strbuf_addc(b, (char)c);
	}
	strbuf_addc(b, '"');
}

static void format_line(struct strbuf *b, enum log_format format, enum log_level level,
			struct str text)
{
	char when[32];
	time_t now = time(NULL);
	struct tm tm;

	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	switch (format) {
	case LOG_TEXT:
		strbuf_printf(b, "time=\"%s\" level=%s msg=", when, level_names[level]);
		add_quoted(b, text);
		break;
	case LOG_JSON:
		strbuf_printf(b, "{\"level\":\"%s\",\"msg\":", level_names[level]);
		add_quoted(b, text);
		strbuf_printf(b, ",\"time\":\"%s\"}", when);
		break;
	case LOG_PLAIN:
		strbuf_printf(b, "%s: %s", program, level == LOG_WARN ? "warning: " : "");
		strbuf_escape(b, text);
		break;
	}
	strbuf_addc(b, '\n');
}

void log_line(enum log_level level, const char *fmt, ...)
{
	AUTO(strbuf_done) struct strbuf line = {0};
	auto_free char *text = NULL;
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < sink_count; i++) {
		strbuf_reset(&line);
		format_line(&line, sinks[i].format, level, str_of(text));
		(void)!write(sinks[i].fd, line.p, line.n);
	}
	errno = saved;
}
