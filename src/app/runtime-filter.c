/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-filter: driver capabilities on edits that come from CDI files (design.md 4.8).
 *
 * A file that nvidia-ctk made holds everything that the driver has. What a
 * container did not ask for is taken out again, by the same tables as
 * everywhere. Files of others are applied as they are.
 */

#include "app/runtime-internal.h"
#include "base/path.h"
#include "base/str.h"
#include "nv/files.h"

/* Only specs of ours carry the digest of what they were made from. */
static bool is_ours(const struct cdi_edits *edits)
{
	for (size_t i = 0; i < edits->hooks.n; i++) {
		const struct cdi_hook *hook = &edits->hooks.v[i];

		for (size_t k = 0; k < hook->args.n; k++)
			if (str_has_prefix(str_of(hook->args.v[k]), "--fingerprint"))
				return true;
	}
	return false;
}

static bool mount_is_wanted(const struct nv_driver *driver, const struct cdi_mount *mount,
			    unsigned classes)
{
	for (size_t i = 0; i < driver->files.n; i++)
		if (strcmp(driver->files.v[i].path, mount->container_path) == 0)
			return nv_file_wanted(&driver->files.v[i], classes);
	return true;
}

static bool node_is_wanted(const struct cdi_node *node, unsigned classes)
{
	for (size_t i = 0; i < nv_control_node_count; i++)
		if (strcmp(node->path, nv_control_nodes[i].path) == 0)
			return nv_control_nodes[i].classes & classes;
	return !path_is_below(node->path, "/dev/dri") || (NV_CLASS_DRM & classes);
}

void runtime_filter_edits(const struct nv_driver *driver, unsigned classes, struct cdi_edits *edits)
{
	size_t mounts = 0, nodes = 0;

	if (!is_ours(edits))
		return;
	for (size_t i = 0; i < edits->mounts.n; i++)
		if (mount_is_wanted(driver, &edits->mounts.v[i], classes))
			edits->mounts.v[mounts++] = edits->mounts.v[i];
	for (size_t i = 0; i < edits->nodes.n; i++)
		if (node_is_wanted(&edits->nodes.v[i], classes))
			edits->nodes.v[nodes++] = edits->nodes.v[i];
	edits->mounts.n = mounts;
	edits->nodes.n = nodes;
}
