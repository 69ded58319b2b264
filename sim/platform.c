/* SPDX-License-Identifier: Apache-2.0 */
#include "platform.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"
#include "embed.h"
#include "hide-symbol.h"
#include "place.h"

#define PREFIX "platform/"

enum { MAX_PROC_FILE = 4 << 20 };

void platform_names(struct arena *a, struct strv *ret)
{
	for (const struct embed *file = embed_list; file->name; file++)
		if (strncmp(file->name, PREFIX, strlen(PREFIX)) == 0)
			arena_push(a, ret, file->name + strlen(PREFIX));
}

int platform_load(struct arena *a, const char *name, struct machine *ret, struct err *e)
{
	AUTO(strbuf_done) struct strbuf known = {0};
	struct strv names = {0};
	struct str text;

	if (strchr(name, '/') || str_has_suffix(str_of(name), ".json"))
		return machine_load(a, name, ret, e);
	text = embed_find(arena_printf(a, PREFIX "%s", name));
	if (text.p)
		return machine_parse(a, text, name, ret, e);
	platform_names(a, &names);
	for (size_t i = 0; i < names.n; i++)
		strbuf_printf(&known, "%s%s", i > 0 ? ", " : "", names.v[i]);
	return err_set(e, ENOENT, "no platform \"%s\": there are %s, or give a file", name,
		       known.p ? known.p : "none");
}

/* The host's own file, though a simulation may cover it here. */
static struct str read_clean(struct arena *a, const char *name)
{
	const char *aside = arena_printf(a, PLACE_DIR "/proc/%s", name);
	struct str text = {0};

	if (fs_read(a, aside, MAX_PROC_FILE, &text, NULL) < 0 &&
	    fs_read(a, arena_printf(a, "/proc/%s", name), MAX_PROC_FILE, &text, NULL) < 0)
		text = STR("");
	return text;
}

/* Whether the library has a function of this name: it stands among the names of its symbols. */
static bool has_function(struct arena *a, struct str library, const char *name)
{
	size_t n = strlen(name) + 2;
	char *between = arena_alloc(a, n);

	memcpy(between + 1, name, n - 2);
	return memmem(library.p, library.n, between, n) != NULL;
}

/* The library without the functions whose fault it is to be missing. */
static int lacking(struct arena *a, const struct machine *m, struct str library, struct str *ret,
		   struct err *e)
{
	char *image = arena_str(a, library);

	for (size_t i = 0; i < m->faults.n; i++) {
		const struct machine_fault *f = &m->faults.v[i];
		int r;

		if (library.n > 0 && strcmp(f->call, "*") != 0 &&
		    !has_function(a, library, f->call))
			return err_set(e, ENOENT,
				       "fault of %s: libnvidia-ml.so.1 has no such function",
				       f->call);
		r = f->missing && library.n > 0 ? sim_hide_symbol(image, library.n, f->call, e) : 1;
		if (r < 0)
			return err_in(e, r, "libnvidia-ml.so.1");
		if (r == 0)
			return err_set(e, ENOENT, "fault of %s: name the function that is missing",
				       f->call);
	}
	*ret = (struct str){image, library.n};
	return 0;
}

int platform_content(struct arena *a, const struct machine *m, struct content *ret, struct err *e)
{
	struct content_payload payload = {.nvidia_smi = embed_find("nvidia-smi")};
	struct str devices = read_clean(a, "devices");
	struct machine machine = *m;
	int r = lacking(a, m, embed_find("libnvidia-ml.so.1"), &payload.nvml, e);

	if (r < 0)
		return r;

	if (devices.n == 0)
		return err_set(e, ENOENT, "cannot read /proc/devices: is /proc mounted?");
	content_choose_majors(&machine, devices);
	content_make(a, &machine, &payload, devices, read_clean(a, "modules"), ret);
	return 0;
}

bool platform_is_inside(void)
{
	return access(MACHINE_PATH, F_OK) == 0 && access(PLACE_ROOTS, F_OK) == 0;
}
