/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/nvcaps.h"

#include <errno.h>

#include "base/fs.h"

/* Current drivers write 80 KiB: 135 lines for each of 32 GPUs. */
#define MAX_FILE  (1u << 20)
#define MAX_NAME  128
#define MAX_MINOR ((1u << 20) - 1)

void nvcaps_parse(struct arena *a, struct str text, struct nvcaps *ret)
{
	struct str line;

	while (str_split(&text, '\n', &line)) {
		size_t blank = str_find(line, ' ');
		struct nvcap cap = {str_sub(line, 0, blank), 0};

		if (cap.name.n == 0 || cap.name.n > MAX_NAME ||
		    str_to_u32(str_sub(line, blank + 1, line.n), &cap.minor) < 0 ||
		    cap.minor > MAX_MINOR)
			continue;
		arena_push(a, ret, cap);
	}
}

int nvcaps_load(struct arena *a, const struct nv_host *host, struct nvcaps *ret, struct err *e)
{
	static const char files[][12] = {"mig-minors", "sys-minors"};
	struct nvcaps caps = {0};

	for (size_t i = 0; i < COUNT_OF(files); i++) {
		const char *path =
			arena_printf(a, "%s/driver/nvidia-caps/%s", nv_host_proc(host), files[i]);
		struct str text;
		int r = fs_read(a, path, MAX_FILE, &text, e);

		if (r < 0 && r != -ENOENT)
			return r;
		if (r == 0)
			nvcaps_parse(a, text, &caps);
	}
	*ret = caps;
	return 0;
}

int nvcaps_find(struct nvcaps *caps, const char *name, uint32_t *ret)
{
	for (size_t i = 0; i < caps->n; i++) {
		size_t at = (caps->last + i) % caps->n;

		if (!str_is(caps->v[at].name, name))
			continue;
		caps->last = at;
		*ret = caps->v[at].minor;
		return 1;
	}
	return 0;
}
