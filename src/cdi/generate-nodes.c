/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generator.h"

#include <errno.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "nv/files.h"
#include "os/devnode.h"

#define MAX_NODES 65536
#define CAPS	  "/dev/nvidia-caps"
/* Mode of the access files of MIG devices (DeviceFileMode in procfs). */
#define CAP_MODE 0444

static const char *host_path(struct generator *g, const char *path)
{
	return arena_printf(g->a, "%s%s", nv_host_dev(&g->o->host), path);
}

/* Programs of the container run as a user who has the group only if the container gets it. */
static void add_gid(struct generator *g, struct cdi_edits *to, const struct devnode *node)
{
	bool world = (node->mode & 06) == 06;

	if (node->gid == 0 || world || (g->o->features & CDI_FEATURE_NO_GIDS))
		return;
	for (size_t i = 0; i < to->gids.n; i++)
		if (to->gids.v[i] == node->gid)
			return;
	arena_push(g->a, &to->gids, (uint32_t)node->gid);
}

static void add_found(struct generator *g, struct cdi_edits *to, const char *path,
		      const struct devnode *found)
{
	const char *host = host_path(g, path);
	struct cdi_node n = {
		.path = path,
		.host_path = strcmp(host, path) != 0 ? host : NULL,
		.permissions = "rwm",
		.file_mode = found->mode,
		.has_file_mode = found->mode != 0,
		.gid = found->gid,
		.has_gid = found->gid != 0,
	};

	/* Majors of uvm and caps change when the modules are loaded again: the reader takes
	 * today's, unless numbers are asked for. */
	if (g->o->node_numbers) {
		n.major = found->major;
		n.minor = found->minor;
	}
	add_gid(g, to, found);
	arena_push(g->a, &to->nodes, n);
}

void generator_add_node(struct generator *g, struct cdi_edits *to, const char *path)
{
	const char *host = host_path(g, path);
	struct cdi_node n = {.path = path, .host_path = strcmp(host, path) != 0 ? host : NULL};
	struct devnode found;

	if (devnode_stat(host, &found, NULL) == 0)
		add_found(g, to, path, &found);
	else
		arena_push(g->a, &to->nodes, n);
}

void generator_list_nodes(struct generator *g, const char *dir, const char *prefix,
			  struct strv *ret)
{
	struct strv names;

	if (fs_list(g->a, host_path(g, dir), MAX_NODES, &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(g->a, "%s/%s", dir, names.v[i]);

		if (str_has_prefix(str_of(names.v[i]), prefix) &&
		    devnode_is_char(host_path(g, path)))
			arena_push(g->a, ret, path);
	}
}

int generator_add_cap(struct generator *g, struct cdi_edits *to, uint32_t minor, mode_t mode,
		      struct err *e)
{
	const char *path = arena_printf(g->a, CAPS "/nvidia-cap%u", minor);
	const char *devices = arena_printf(g->a, "%s/devices", nv_host_proc(&g->o->host));
	struct cdi_node n = {.path = path,
			     .type = "c",
			     .permissions = "rwm",
			     .minor = minor,
			     .file_mode = mode,
			     .has_file_mode = true};
	struct devnode found;
	uint32_t major;
	struct str text;

	if (devnode_stat(host_path(g, path), &found, NULL) == 0 && found.type == 'c') {
		add_found(g, to, path, &found);
		return 0;
	}
	if (fs_read(g->a, devices, 1u << 20, &text, NULL) < 0 ||
	    devnode_major(text, "nvidia-caps", &major) != 1)
		return err_set(e, ENOENT,
			       "%s is not there, and %s does not name nvidia-caps: create the node "
			       "with nvidia-modprobe",
			       host_path(g, path), devices);
	n.major = major;
	arena_push(g->a, &to->nodes, n);
	return 0;
}

static bool has_path(const struct strv *paths, const char *path)
{
	for (size_t i = 0; i < paths->n; i++)
		if (strcmp(paths->v[i], path) == 0)
			return true;
	return false;
}

/* A driver without displays has no nvidia-modeset, and tools are for profilers; without the others
 * CUDA or everything fails in the container, and says little. */
static void warn_of_missing(struct generator *g, const struct nv_known_node *node)
{
	const char *host = host_path(g, node->path);

	if (node->classes == NV_CLASS_ALL)
		log_warn("%s is missing, without which no GPU can be used: create it with "
			 "nvidia-modprobe -c 0",
			 host);
	else if (strcmp(node->path, "/dev/nvidia-uvm") == 0)
		log_warn("%s is missing, without which CUDA does not work: create it with "
			 "nvidia-modprobe -u -c 0",
			 host);
}

void generator_add_control_nodes(struct generator *g, struct cdi_edits *to)
{
	for (size_t i = 0; i < nv_control_node_count; i++) {
		const struct nv_known_node *node = &nv_control_nodes[i];

		if (node->classes != NV_CLASS_ALL && !(node->classes & g->classes))
			continue;
		if (has_path(&g->s->control_nodes, node->path))
			generator_add_node(g, to, node->path);
		else
			warn_of_missing(g, node);
	}
}

/* Display nodes, and where each job has its hook, the links of /dev/dri/by-path. */
static void add_drm(struct generator *g, struct cdi_edits *to, const struct nv_gpu *gpu)
{
	struct strv args = {0};

	if (!(g->classes & NV_CLASS_DRM))
		return;
	for (size_t i = 0; i < gpu->drm.n; i++)
		generator_add_node(g, to, gpu->drm.v[i]);
	if (!(g->o->features & CDI_FEATURE_SEPARATE_HOOKS) || !(g->o->jobs & CDI_JOB_SYMLINKS))
		return;
	for (size_t i = 0; i + 1 < gpu->drm_links.n; i += 2) {
		arena_push(g->a, &args, "--link");
		arena_push(
			g->a, &args,
			arena_printf(g->a, "%s::%s", gpu->drm_links.v[i], gpu->drm_links.v[i + 1]));
	}
	if (args.n > 0)
		generator_add_hook(g, to, "create-symlinks", &args);
}

int generator_add_device(struct generator *g, struct cdi_edits *to, const struct nv_device *d,
			 struct err *e)
{
	int r = 0;

	/* Neighbours on one GPU share its node. */
	if (g->parent != d->gpu) {
		g->parent = d->gpu;
		g->parent_edits = (struct cdi_edits){0};
		generator_add_node(g, &g->parent_edits, d->gpu->node);
	}
	cdi_edits_add(g->a, to, &g->parent_edits);
	if (!d->mig || d->mig->graphics)
		add_drm(g, to, d->gpu);
	if (d->mig)
		r = generator_add_cap(g, to, d->mig->gi_cap, CAP_MODE, e);
	if (d->mig && r == 0)
		r = generator_add_cap(g, to, d->mig->ci_cap, CAP_MODE, e);
	if (!d->mig)
		generator_add_chmod(g, to, &to->nodes);
	return r;
}
