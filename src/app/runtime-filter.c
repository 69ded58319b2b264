/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-filter: driver capabilities on edits that come from CDI files (design.md 4.8).
 *
 * A file that nvidia-ctk made holds everything that the driver has. What a
 * container did not ask for is taken out again, by the same tables as
 * everywhere: mounts, nodes, and what the hook is told of files that are left
 * out. Files of others are applied as they are.
 */

#include "app/runtime-internal.h"
#include "base/path.h"
#include "base/str.h"
#include "cdi/generate.h"
#include "nv/files.h"

struct filter {
	struct arena *a;
	const struct nv_driver *driver;
	unsigned classes;
	struct cdi_edits *edits;
};

static bool mount_is_wanted(const struct filter *f, const char *path)
{
	const struct nv_known_library *known;

	for (size_t i = 0; i < f->driver->files.n; i++)
		if (strcmp(f->driver->files.v[i].path, path) == 0)
			return nv_file_wanted(&f->driver->files.v[i], f->classes);
	/* Found when the file was made, with another question than ours. */
	known = nv_known_library_of(str_of(path_base(path)));
	return !known || (known->classes & f->classes);
}

static bool node_is_wanted(const struct filter *f, const char *path)
{
	for (size_t i = 0; i < nv_control_node_count; i++)
		if (strcmp(path, nv_control_nodes[i].path) == 0)
			return nv_control_nodes[i].classes & f->classes;
	return !path_is_below(path, "/dev/dri") || (NV_CLASS_DRM & f->classes);
}

/* "TARGET::PATH" */
static bool link_is_wanted(const struct filter *f, const char *link)
{
	const char *path = strstr(link, "::");

	for (size_t i = 0; path && i < f->driver->links.n; i++)
		if (strcmp(f->driver->links.v[i].path, path + 2) == 0)
			return nv_link_wanted(&f->driver->links.v[i], f->classes);
	return true;
}

/* A directory of which a library is left. */
static bool folder_is_wanted(const struct filter *f, const char *folder)
{
	for (size_t i = 0; i < f->edits->mounts.n; i++) {
		const char *path = f->edits->mounts.v[i].container_path;
		auto_free char *dir = path_dir(path);

		if (strcmp(dir, folder) == 0 && str_has_prefix(str_of(path_base(path)), "lib"))
			return true;
	}
	return false;
}

static bool pair_is_wanted(const struct filter *f, const char *option, const char *value)
{
	if (strcmp(option, "--link") == 0)
		return link_is_wanted(f, value);
	return strcmp(option, "--folder") != 0 || folder_is_wanted(f, value);
}

static struct strv filter_arguments(const struct filter *f, const struct strv *args)
{
	struct strv kept = {0};

	for (size_t i = 0; i < args->n; i++) {
		if (i + 1 < args->n && !pair_is_wanted(f, args->v[i], args->v[i + 1]))
			i++;
		else
			arena_push(f->a, &kept, args->v[i]);
	}
	return kept;
}

void runtime_filter_edits(struct arena *a, const struct nv_driver *driver, unsigned classes,
			  struct cdi_edits *edits)
{
	struct filter f = {a, driver, classes, edits};
	size_t mounts = 0, nodes = 0;

	for (size_t i = 0; i < edits->mounts.n; i++)
		if (mount_is_wanted(&f, edits->mounts.v[i].container_path))
			edits->mounts.v[mounts++] = edits->mounts.v[i];
	for (size_t i = 0; i < edits->nodes.n; i++)
		if (node_is_wanted(&f, edits->nodes.v[i].path))
			edits->nodes.v[nodes++] = edits->nodes.v[i];
	edits->mounts.n = mounts;
	edits->nodes.n = nodes;
	/* Folders are judged by the mounts that are left. */
	for (size_t i = 0; i < edits->hooks.n; i++)
		edits->hooks.v[i].args = filter_arguments(&f, &edits->hooks.v[i].args);
}
