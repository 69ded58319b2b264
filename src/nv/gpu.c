/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "nv/diagnose.h"
#include "nv/files.h"
#include "nv/mig.h"
#include "nv/pci.h"
#include "os/devnode.h"

#define MAX_GPUS	1024
#define MAX_INFORMATION 65536
#define MAX_NODES	256
#define MAX_MINOR	((1u << 20) - 1)

/* A GPU with its place on the bus, for sorting. */
struct found {
	struct nv_pci at;
	struct nv_gpu gpu;
};
struct founds VEC(struct found);

/* "GPU-" and hexadecimal digits in groups. The driver masks it by question marks until the
 * device was opened once. */
static bool is_uuid(struct str s)
{
	static const char allowed[] = "0123456789abcdefABCDEF-";

	if (!str_has_prefix(s, "GPU-") || s.n < 5 || s.n > 64)
		return false;
	for (size_t i = 4; i < s.n; i++)
		if (!memchr(allowed, s.p[i], sizeof(allowed) - 1))
			return false;
	return true;
}

/* Printable text of bounded length, for people. */
static const char *clean_text(struct arena *a, struct str s)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	strbuf_escape(&b, str_sub(s, 0, 128));
	return arena_str(a, strbuf_str(&b));
}

int nv_gpu_parse(struct arena *a, struct str information, struct nv_gpu *ret, struct err *e)
{
	struct nv_gpu g = {.minor = UINT32_MAX};
	struct str line;

	while (str_split(&information, '\n', &line)) {
		size_t colon = str_find(line, ':');
		struct str key = str_sub(line, 0, colon);
		struct str value = str_trim(str_sub(line, colon + 1, line.n));

		if (str_is(key, "Model"))
			g.name = clean_text(a, value);
		else if (str_is(key, "GPU UUID") && is_uuid(value))
			g.uuid = arena_str(a, value);
		else if (str_is(key, "Device Minor") &&
			 (str_to_u32(value, &g.minor) < 0 || g.minor > MAX_MINOR))
			g.minor = UINT32_MAX;
		else if (str_is(key, "GPU Excluded") && str_is(value, "Yes"))
			g.excluded = true;
	}
	if (g.minor == UINT32_MAX)
		return err_set(e, EBADMSG, "no valid line \"Device Minor\"");
	g.node = arena_printf(a, "/dev/nvidia%u", g.minor);
	*ret = g;
	return 0;
}

/* Whether the device has left the bus: then every read of its configuration space gives ones. */
static bool is_lost(struct arena *a, const struct nv_host *host, const char *pci)
{
	const char *path = arena_printf(a, "%s/bus/pci/devices/%s/config", nv_host_sys(host), pci);
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char vendor[2];

	return fd >= 0 && pread(fd, vendor, sizeof(vendor), 0) == sizeof(vendor) &&
	       vendor[0] == 0xff && vendor[1] == 0xff;
}

static bool is_drm_name(struct str name)
{
	static const char prefixes[][9] = {"card", "renderD", "controlD"};
	uint32_t n;

	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (str_has_prefix(name, prefixes[i]) &&
		    str_to_u32(str_sub(name, strlen(prefixes[i]), name.n), &n) == 0)
			return true;
	return false;
}

static bool leads_to_node(const struct nv_gpu *g, const char *target)
{
	for (size_t i = 0; i < g->drm.n; i++)
		if (strcmp(path_base(g->drm.v[i]), path_base(target)) == 0)
			return true;
	return false;
}

static void find_drm_link(struct arena *a, const struct nv_host *host, struct nv_gpu *g,
			  const char *kind)
{
	const char *path = arena_printf(a, "/dev/dri/by-path/pci-%s-%s", g->pci, kind);
	char target[PATH_MAX];
	ssize_t n = readlink(arena_printf(a, "%s%s", nv_host_dev(host), path), target,
			     sizeof(target) - 1);

	if (n <= 0)
		return;
	target[n] = '\0';
	if (!leads_to_node(g, target))
		return;
	arena_push(a, &g->drm_links, arena_strdup(a, target));
	arena_push(a, &g->drm_links, path);
}

/* Display nodes; without any of them a GPU computes as well. */
static void find_drm(struct arena *a, const struct nv_host *host, struct nv_gpu *g)
{
	const char *dir = arena_printf(a, "%s/bus/pci/devices/%s/drm", nv_host_sys(host), g->pci);
	struct strv names;

	if (fs_list(a, dir, MAX_NODES, &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		const char *node = arena_printf(a, "/dev/dri/%s", names.v[i]);

		if (!is_drm_name(str_of(names.v[i])))
			continue;
		if (devnode_is_char(arena_printf(a, "%s%s", nv_host_dev(host), node)))
			arena_push(a, &g->drm, node);
		else
			log_debug("%s of GPU %s is not there: left out", node, g->pci);
	}
	find_drm_link(a, host, g, "card");
	find_drm_link(a, host, g, "render");
}

/* Why the GPU cannot be used, or NULL. */
static const char *find_sickness(struct arena *a, const struct nv_host *host,
				 const struct nv_gpu *g)
{
	const char *node = arena_printf(a, "%s%s", nv_host_dev(host), g->node);

	if (is_lost(a, host, g->pci))
		return "it is lost, it does not answer on the PCI bus: reset it or reboot";
	if (!devnode_is_char(node))
		return arena_printf(a, "%s is missing: create it with nvidia-modprobe -c %u", node,
				    g->minor);
	return NULL;
}

/* One GPU by its directory in procfs; one that cannot be read is there, but sick. */
static void examine(struct arena *a, const struct nv_host *host, const char *dir,
		    struct nvcaps *caps, struct found *f)
{
	const char *pci = nv_pci_text(a, &f->at);
	struct str text;
	struct err e;
	int r = fs_read(a, arena_printf(a, "%s/information", dir), MAX_INFORMATION, &text, &e);

	if (r == 0)
		r = nv_gpu_parse(a, text, &f->gpu, &e);
	f->gpu.pci = pci;
	if (r < 0) {
		f->gpu.sick = arena_printf(a, "%s: %s", dir, e.text);
		return;
	}
	f->gpu.sick = find_sickness(a, host, &f->gpu);
	find_drm(a, host, &f->gpu);
	if (nv_mig_find(a, host, caps, &f->gpu, &e) < 0)
		f->gpu.sick = arena_strdup(a, e.text);
}

static int on_bus(const void *x, const void *y)
{
	const struct found *a = x, *b = y;

	return nv_pci_compare(&a->at, &b->at);
}

static void number(struct arena *a, struct founds *founds, struct nv_gpus *ret)
{
	struct nv_gpus gpus = {0};

	if (founds->n > 1)
		qsort(founds->v, founds->n, sizeof(*founds->v), on_bus);
	for (size_t i = 0; i < founds->n; i++) {
		founds->v[i].gpu.index = (uint32_t)i;
		arena_push(a, &gpus, founds->v[i].gpu);
	}
	*ret = gpus;
}

int nv_gpu_find(struct arena *a, const struct nv_host *host, struct nv_gpus *ret, struct err *e)
{
	const char *driver = arena_printf(a, "%s/driver/nvidia", nv_host_proc(host));
	const char *dir = arena_printf(a, "%s/gpus", driver);
	struct founds founds = {0};
	struct nvcaps caps = {0};
	struct strv names = {0};
	int r = fs_list(a, dir, MAX_GPUS, &names, e);

	if (r == -ENOENT && access(arena_printf(a, "%s/version", driver), F_OK) < 0)
		return nv_diagnose_module(a, host, e);
	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		struct found f = {0};

		if (nv_pci_parse(str_of(names.v[i]), &f.at) < 0) {
			log_debug("%s/%s is not a PCI address: ignored", dir, names.v[i]);
			continue;
		}
		examine(a, host, arena_printf(a, "%s/%s", dir, names.v[i]), &caps, &f);
		/* NVML does not count what the administrator excluded. */
		if (!f.gpu.excluded)
			arena_push(a, &founds, f);
	}
	number(a, &founds, ret);
	return 0;
}

void nv_gpu_control_nodes(struct arena *a, const struct nv_host *host, struct strv *ret)
{
	struct strv paths = {0};

	for (size_t i = 0; i < nv_control_node_count; i++) {
		const char *path = nv_control_nodes[i].path;

		if (devnode_is_char(arena_printf(a, "%s%s", nv_host_dev(host), path)))
			arena_push(a, &paths, path);
		else
			log_debug("%s%s is not there: left out", nv_host_dev(host), path);
	}
	*ret = paths;
}
