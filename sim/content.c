/* SPDX-License-Identifier: Apache-2.0 */
#include "content.h"

#include <stdlib.h>

#include "base/path.h"

static bool has_item(const struct content *t, const char *path)
{
	/* Backwards: what is asked for was mostly added a moment ago. */
	for (size_t i = t->n; i > 0; i--)
		if (strcmp(t->v[i - 1].path, path) == 0)
			return true;
	return false;
}

/* Directories above path that the tree itself makes; the host's own are harmless to name. */
static void add_parents(struct arena *a, struct content *t, const char *path)
{
	auto_free char *dir = path_dir(path);

	if (strcmp(dir, "/") == 0 || has_item(t, dir))
		return;
	add_parents(a, t, dir);
	arena_push(a, t,
		   ((struct content_item){
			   .kind = CONTENT_DIR, .path = arena_strdup(a, dir), .mode = 0755}));
}

static void add(struct arena *a, struct content *t, struct content_item item)
{
	add_parents(a, t, item.path);
	item.path = arena_strdup(a, item.path);
	arena_push(a, t, item);
}

void content_dir(struct arena *a, struct content *t, const char *path)
{
	if (!has_item(t, path))
		add(a, t, (struct content_item){.kind = CONTENT_DIR, .path = path, .mode = 0755});
}

void content_text(struct arena *a, struct content *t, const char *path, mode_t mode,
		  const char *text)
{
	add(a, t,
	    (struct content_item){.kind = CONTENT_FILE,
				  .path = path,
				  .mode = mode,
				  .data = str_of(arena_strdup(a, text))});
}

void content_link(struct arena *a, struct content *t, const char *path, const char *target)
{
	add(a, t,
	    (struct content_item){
		    .kind = CONTENT_LINK, .path = path, .data = str_of(arena_strdup(a, target))});
}

void content_node(struct arena *a, struct content *t, const char *path, mode_t mode, uint32_t major,
		  uint32_t minor)
{
	add(a, t,
	    (struct content_item){.kind = CONTENT_NODE,
				  .path = path,
				  .mode = mode,
				  .major = major,
				  .minor = minor});
}

static bool is_missing(const struct machine *m, const char *path)
{
	for (size_t i = 0; i < m->missing.n; i++)
		if (path_is_below(path, m->missing.v[i]))
			return true;
	return false;
}

void content_make(struct arena *a, const struct machine *m, const struct content_payload *payload,
		  struct str real_devices, struct str real_modules, struct content *ret)
{
	AUTO(strbuf_done) struct strbuf description = {0};
	struct content all = {0};

	*ret = (struct content){0};
	machine_write(m, &description);
	content_text(a, &all, MACHINE_PATH, 0444, description.p);
	content_add_proc(a, m, real_devices, real_modules, &all);
	content_add_sys(a, m, &all);
	content_add_dev(a, m, &all);
	content_add_driver(a, m, payload, &all);
	for (size_t i = 0; i < all.n; i++)
		if (!is_missing(m, all.v[i].path))
			arena_push(a, ret, all.v[i]);
}

/* "195 nvidia" in the character half of /proc/devices. */
static bool is_taken(struct str devices, uint32_t major)
{
	struct str line;

	while (str_split(&devices, '\n', &line)) {
		struct str text = str_trim(line);
		uint32_t number;

		if (str_has_prefix(line, "Block"))
			return false;
		if (str_to_u32(str_sub(text, 0, str_find(text, ' ')), &number) == 0 &&
		    number == major)
			return true;
	}
	return false;
}

static bool is_chosen(uint32_t *const majors[], size_t n, uint32_t major)
{
	for (size_t i = 0; i < n; i++)
		if (*majors[i] == major)
			return true;
	return false;
}

void content_choose_majors(struct machine *m, struct str real_devices)
{
	struct machine_majors *x = &m->majors;
	uint32_t *const majors[] = {&x->nvidia, &x->uvm, &x->nvswitch, &x->nvlink, &x->caps,
				    &x->imex,	&x->fs,	 &x->gdrdrv,   &x->uverbs, &x->drm};

	/* Dynamic majors go down from 254 to 234, then from 511 to 384 (Linux, fs/char_dev.c). */
	for (size_t i = 0; i < COUNT_OF(majors); i++) {
		uint32_t next = *majors[i];

		while (is_taken(real_devices, next) || is_chosen(majors, i, next)) {
			next = next > 234 && next <= 254 ? next - 1 : next == 234 ? 511 : next - 1;
			if (next < 234)
				next = 254;
		}
		*majors[i] = next;
	}
}
