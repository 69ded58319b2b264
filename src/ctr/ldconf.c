/* SPDX-License-Identifier: Apache-2.0 */
#include "ctr/ldconf.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

#include "base/path.h"

enum {
	MAX_FILES = 256,
	MAX_FILE_SIZE = 1024 * 1024,
	MAX_DEPTH = 8,
	MAX_MATCHES = 4096,
	MAX_DIRS = 4096,
	MAX_NOTES = 32,
};

/* A file whose rest waits while what it includes is read. */
struct frame {
	struct str rest;
	const char *name;
	struct strv includes; /* still to be read before the rest */
	size_t next;
};

struct reader {
	struct arena *a;
	const struct rootfs *root;
	struct ldconf *conf;
	struct frame stack[MAX_DEPTH];
	size_t depth;
	size_t files, matches;
	bool driver_seen;
};

static void note(struct reader *r, const char *text)
{
	for (size_t i = 0; i < r->conf->notes.n; i++)
		if (strcmp(r->conf->notes.v[i], text) == 0)
			return;
	if (r->conf->notes.n < MAX_NOTES)
		arena_push(r->a, &r->conf->notes, text);
}

bool ldconf_is_name(const char *path)
{
	size_t n = strlen(path);

	if (path[0] != '/' || n > LDCONF_MAX_NAME)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)path[i] < 0x20 || strchr("#=:\x7f", path[i]))
			return false;
	return path[n - 1] != ' ';
}

/* Puts a file on the stack; what is read first is what was pushed last. */
static void push_file(struct reader *r, const char *path)
{
	struct frame frame = {.name = path};
	struct err e = {""};
	int k;

	if (r->depth == MAX_DEPTH) {
		note(r, arena_printf(r->a, "%s: includes more than %d deep", path, MAX_DEPTH));
		return;
	}
	if (r->files == MAX_FILES) {
		note(r, arena_printf(r->a, "%s and what follows: more than %d files", path,
				     MAX_FILES));
		r->files++;
	}
	if (r->files > MAX_FILES)
		return;
	r->files++;
	k = rootfs_read(r->a, r->root, path, MAX_FILE_SIZE, &frame.rest, &e);
	if (k < 0) {
		if (k != -ENOENT)
			note(r, arena_strdup(r->a, e.text));
		return;
	}
	r->stack[r->depth++] = frame;
}

static bool is_pattern(const char *text)
{
	return strpbrk(text, "*?[") != NULL;
}

/* Replaces each directory of list by its entries that match one component of a pattern. */
static void expand(struct reader *r, struct strv *list, const char *component)
{
	struct strv matches = {0};

	for (size_t i = 0; i < list->n; i++) {
		struct strv names = {0};

		if (!is_pattern(component)) {
			arena_push(r->a, &matches,
				   arena_printf(r->a, "%s/%s", list->v[i], component));
			continue;
		}
		(void)!rootfs_list(r->a, r->root, list->v[i][0] ? list->v[i] : "/", 65536, &names,
				   NULL);
		for (size_t k = 0; k < names.n && r->matches < MAX_MATCHES; k++) {
			if (fnmatch(component, names.v[k], FNM_PERIOD) != 0)
				continue;
			arena_push(r->a, &matches,
				   arena_printf(r->a, "%s/%s", list->v[i], names.v[k]));
			if (++r->matches == MAX_MATCHES)
				note(r, "includes of more than 4096 files");
		}
	}
	*list = matches;
}

/*
 * What an include names, sorted. LDCONF_DRIVER is listed where it belongs even
 * when it is not there yet.
 */
static void add_includes(struct reader *r, struct frame *frame, struct str pattern)
{
	auto_free char *dir = path_dir(frame->name);
	const char *text = arena_str(r->a, pattern);
	auto_free char *path = text[0] == '/' ? path_clean(text) : path_join(dir, text);
	struct strv list = {0};
	struct str rest = str_of(path + 1), component;
	bool with_driver = fnmatch(path, LDCONF_DRIVER, FNM_PERIOD | FNM_PATHNAME) == 0;

	if (pattern.n > LDCONF_MAX_NAME)
		return;
	arena_push(r->a, &list, "");
	while (str_split(&rest, '/', &component))
		expand(r, &list, arena_str(r->a, component));
	for (size_t i = 0; i < list.n; i++) {
		int order = with_driver ? strcmp(list.v[i], LDCONF_DRIVER) : -1;

		if (order >= 0)
			arena_push(r->a, &frame->includes, LDCONF_DRIVER);
		if (order >= 0)
			with_driver = false;
		if (order != 0)
			arena_push(r->a, &frame->includes, list.v[i]);
	}
	if (with_driver)
		arena_push(r->a, &frame->includes, LDCONF_DRIVER);
}

static void add_dir(struct reader *r, const struct frame *frame, struct str line)
{
	auto_free char *path = NULL;

	/* "/usr/lib=libc5": the kind is no longer a subject. */
	line = str_trim(str_sub(line, 0, str_find(line, '=')));
	path = arena_str(r->a, line)[0] == '/' ? path_clean(arena_str(r->a, line)) : NULL;
	if (!path || !ldconf_is_name(path)) {
		note(r, arena_printf(r->a, "%s: \"%.200s\" is not a directory's absolute path",
				     frame->name, arena_str(r->a, line)));
		return;
	}
	if (r->conf->dirs.n < MAX_DIRS)
		arena_push(r->a, &r->conf->dirs, arena_strdup(r->a, path));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* glibc's rules: comments, "include PATTERN...", "hwcap ..." (obsolete), else one directory. */
static void read_line(struct reader *r, struct frame *frame, struct str line)
{
	struct str word;

	line = str_trim(str_sub(line, 0, str_find(line, '#')));
	if (line.n == 0)
		return;
	if (str_has_prefix(line, "include") && line.n > 7 && is_blank(line.p[7])) {
		line = str_trim(str_sub(line, 7, line.n));
		while (line.n > 0) {
			size_t n = 0;

			while (n < line.n && !is_blank(line.p[n]))
				n++;
			word = str_sub(line, 0, n);
			line = str_trim(str_sub(line, n, line.n));
			add_includes(r, frame, word);
		}
		return;
	}
	if (str_has_prefix(line, "hwcap") && line.n > 5 && is_blank(line.p[5]))
		return;
	/* A NUL would cut what others see of the line. */
	if (!memchr(line.p, '\0', line.n))
		add_dir(r, frame, line);
}

/* One step of the file on top of the stack. */
static void step(struct reader *r)
{
	struct frame *frame = &r->stack[r->depth - 1];
	struct str line;

	if (frame->next < frame->includes.n) {
		const char *path = frame->includes.v[frame->next++];

		if (strcmp(path, LDCONF_DRIVER) != 0) {
			push_file(r, path);
		} else if (!r->driver_seen) {
			r->driver_seen = true;
			r->conf->driver_at = r->conf->dirs.n;
		}
	} else if (frame->rest.n > 0 && str_split(&frame->rest, '\n', &line)) {
		frame->includes.n = frame->next = 0;
		read_line(r, frame, line);
	} else {
		r->depth--;
	}
}

void ldconf_read(struct arena *a, const struct rootfs *root, struct ldconf *ret)
{
	struct reader r = {.a = a, .root = root, .conf = ret};
	int fd;

	*ret = (struct ldconf){0};
	fd = rootfs_resolve_nofollow(root, LDCONF_FILE, NULL);
	ret->exists = fd >= 0;
	closep(&fd);
	push_file(&r, LDCONF_FILE);
	while (r.depth > 0)
		step(&r);
}
