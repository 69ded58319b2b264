/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "ctr/job.h"

enum { MAX_LINKS = 4096, MAX_GPUS = 1024, MAX_NODES = 64 };

/* "target::path": exactly two parts, neither of them empty. */
static int split_link(const char *link, struct str *target, const char **path, struct err *e)
{
	const char *colons = strstr(link, "::");

	if (!colons || strstr(colons + 2, "::"))
		return err_set(e, EINVAL, "link \"%.300s\" is not of the form TARGET::PATH", link);
	*target = (struct str){link, (size_t)(colons - link)};
	*path = colons + 2;
	if (target->n == 0)
		return err_set(e, EINVAL, "link \"%.300s\" has no target before the \"::\"", link);
	if ((*path)[0] == '\0')
		return err_set(e, EINVAL, "link \"%.300s\" has no path behind the \"::\"", link);
	return 0;
}

static int make_link(const struct container *c, const char *link, struct err *e)
{
	auto_free char *target = NULL, *rooted = NULL, *clean = NULL;
	const char *path = NULL;
	struct str text = {0};
	int r = split_link(link, &text, &path, e);

	if (r < 0)
		return r;
	target = mem_dup(text.p, text.n);
	/* As text, as the reference does: ".." does not follow the image's links, or leave the
	 * root. */
	rooted = mem_printf("/%s", path);
	clean = path_clean(rooted);
	r = rootfs_symlink(&c->root, target, clean, e);
	if (r < 0)
		return err_in(e, r, "link \"%.300s\"", link);
	log_debug("%s %s -> %s", r == 0 ? "made link" : "found link", clean, target);
	return 0;
}

int job_symlinks(const struct container *c, const struct strv *links, struct err *e)
{
	if (links->n > MAX_LINKS)
		return err_set(e, E2BIG, "%zu links asked for, more than %d", links->n, MAX_LINKS);
	for (size_t i = 0; i < links->n; i++) {
		int r = make_link(c, links->v[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Whether the container has that character device. */
static bool has_device(const struct container *c, const char *path)
{
	auto_close int fd = rootfs_resolve_nofollow(&c->root, path, NULL);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISCHR(st.st_mode);
}

/* One node of the host ("card1", "renderD128"), if the container was given it. */
static int link_node(const struct container *c, const char *pci, const char *node, struct err *e)
{
	bool card = str_has_prefix(str_of(node), "card");
	auto_free char *device = mem_printf("/dev/dri/%s", node);
	auto_free char *target = mem_printf("../%s", node);
	auto_free char *path =
		mem_printf("/dev/dri/by-path/pci-%s-%s", pci, card ? "card" : "render");
	int r;

	/* Connectors ("card1-DP-1") stand beside the nodes. */
	if (strchr(node, '-') || !(card || str_has_prefix(str_of(node), "renderD")) ||
	    !has_device(c, device))
		return 0;
	r = rootfs_symlink(&c->root, target, path, e);
	return r < 0 ? r : 0;
}

int job_drm_links(const struct container *c, const struct nv_host *host, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	auto_close int dri = rootfs_resolve(&c->root, "/dev/dri", NULL);
	struct strv gpus, nodes;

	/* Most containers: no graphics asked for. */
	if (dri < 0 || fs_list(&a, arena_printf(&a, "%s/driver/nvidia/gpus", nv_host_proc(host)),
			       MAX_GPUS, &gpus, NULL) < 0)
		return 0;
	for (size_t i = 0; i < gpus.n; i++) {
		const char *drm =
			arena_printf(&a, "%s/bus/pci/devices/%s/drm", nv_host_sys(host), gpus.v[i]);

		if (fs_list(&a, drm, MAX_NODES, &nodes, NULL) < 0)
			continue;
		for (size_t k = 0; k < nodes.n; k++) {
			int r = link_node(c, gpus.v[i], nodes.v[k], e);

			if (r < 0)
				return r;
		}
	}
	return 0;
}
