/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/mig.h"

#include <errno.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"

#define MAX_INSTANCES 256

struct numbers VEC(uint32_t);

static int compare(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

/* Numbers of the entries "<prefix><number>" in a directory, ascending; -ENOENT without one. */
static int list_numbers(struct arena *a, const char *dir, const char *prefix, struct numbers *ret)
{
	struct numbers found = {0};
	struct strv names;
	int r = fs_list(a, dir, MAX_INSTANCES, &names, NULL);

	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		struct str name = str_of(names.v[i]);
		uint32_t n;

		if (str_has_prefix(name, prefix) &&
		    str_to_u32(str_sub(name, strlen(prefix), name.n), &n) == 0)
			arena_push(a, &found, n);
	}
	if (found.n > 1)
		qsort(found.v, found.n, sizeof(*found.v), compare);
	*ret = found;
	return 0;
}

/* "DeviceFileMinor: N" of the access file itself, for drivers without a table of minors. */
static int minor_in_file(struct arena *a, const char *file, uint32_t *ret)
{
	static const char key[] = "DeviceFileMinor:";
	struct str text, line;

	if (fs_read(a, file, 4096, &text, NULL) < 0)
		return 0;
	while (str_split(&text, '\n', &line))
		if (str_has_prefix(line, key) &&
		    str_to_u32(str_trim(str_sub(line, sizeof(key) - 1, line.n)), ret) == 0)
			return 1;
	return 0;
}

/* The minor of "gpu0/gi1/ci0/access"; 1 if known. */
static int find_minor(struct arena *a, struct nvcaps *caps, const char *name, const char *file,
		      uint32_t *ret)
{
	if (nvcaps_find(caps, name, ret) == 1)
		return 1;
	return minor_in_file(a, file, ret);
}

static void add_instance(struct arena *a, const char *dir, struct nvcaps *caps, struct nv_gpu *g,
			 struct nv_mig mig)
{
	const char *gi = arena_printf(a, "gpu%u/gi%u", g->minor, mig.gi);
	const char *gi_file = arena_printf(a, "%s/gi%u/access", dir, mig.gi);
	const char *ci_file = arena_printf(a, "%s/gi%u/ci%u/access", dir, mig.gi, mig.ci);

	if (find_minor(a, caps, arena_printf(a, "%s/access", gi), gi_file, &mig.gi_cap) == 0 ||
	    find_minor(a, caps, arena_printf(a, "%s/ci%u/access", gi, mig.ci), ci_file,
		       &mig.ci_cap) == 0) {
		log_warn("MIG device %s/ci%u is left out: the driver names no device node for it",
			 gi, mig.ci);
		return;
	}
	mig.index = (uint32_t)g->migs.n;
	arena_push(a, &g->migs, mig);
}

int nv_mig_find(struct arena *a, const struct nv_host *host, struct nvcaps *caps, struct nv_gpu *g,
		struct err *e)
{
	const char *dir = arena_printf(a, "%s/driver/nvidia/capabilities/gpu%u/mig",
				       nv_host_proc(host), g->minor);
	struct numbers gis, cis;

	if (list_numbers(a, dir, "gi", &gis) < 0) {
		g->mig_enabled = NV_NO;
		return 0;
	}
	if (gis.n > 0 && caps->n == 0) {
		int r = nvcaps_load(a, host, caps, e);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < gis.n; i++) {
		if (list_numbers(a, arena_printf(a, "%s/gi%u", dir, gis.v[i]), "ci", &cis) < 0)
			continue;
		for (size_t k = 0; k < cis.n; k++)
			add_instance(a, dir, caps, g,
				     (struct nv_mig){.gi = gis.v[i], .ci = cis.v[k]});
	}
	/* The directory is there on every GPU that could be divided: empty, it says nothing. */
	g->mig_enabled = gis.n > 0 ? NV_YES : NV_UNKNOWN;
	return 0;
}
