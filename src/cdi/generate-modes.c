/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generator.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/path.h"
#include "nv/root.h"

/* What a mode's devices are, for nodes "<dir>/<prefix>*". */
static const struct {
	enum cdi_mode mode;
	char what[24];
	struct {
		char dir[16], prefix[20];
	} nodes[2];
} gated[] = {
	{CDI_MODE_GDS, "GDS devices were", {{"/dev", "nvidia-fs"}}},
	{CDI_MODE_MOFED,
	 "MOFED devices were",
	 {{"/dev/infiniband", "uverbs"}, {"/dev/infiniband", "rdma_cm"}}},
	{CDI_MODE_GDRCOPY, "GDRCopy device was", {{"/dev", "gdrdrv"}}},
	/* The control node begins with it too. */
	{CDI_MODE_NVSWITCH, "NVSwitch devices were", {{"/dev", "nvidia-nvswitch"}}},
};

static void add_mount(struct generator *g, struct cdi_edits *to, const struct nv_root *root,
		      const char *path)
{
	static const char *const options[] = {"ro", "nosuid", "nodev", "rbind", "rprivate"};
	struct cdi_mount m = {.container_path = path};
	const char *real;
	struct stat st;

	if (nv_root_stat(g->a, root, path, &real, &st) < 0)
		return;
	m.host_path = nv_root_host(g->a, root, real);
	for (size_t i = 0; i < COUNT_OF(options); i++)
		arena_push(g->a, &m.options, options[i]);
	arena_push(g->a, &to->mounts, m);
}

/* GPUDirect Storage looks for disks and its configuration. */
static int add_gds_files(struct generator *g, struct cdi_edits *to, struct err *e)
{
	struct nv_root root;
	int r = nv_root_open(g->a, g->o->driver_root ? g->o->driver_root : "", &root, e);

	if (r < 0)
		return r;
	add_mount(g, to, &root, "/run/udev");
	add_mount(g, to, &root, "/etc/cufile.json");
	return 0;
}

/* "/dev/infiniband/uverbs*, /dev/infiniband/rdma_cm*" */
static const char *searched(struct generator *g, size_t row)
{
	const char *dev = nv_host_dev(&g->o->host), *text = "";

	for (size_t i = 0; i < COUNT_OF(gated[row].nodes) && gated[row].nodes[i].dir[0]; i++)
		text = arena_printf(g->a, "%s%s%s%s/%s*", text, i > 0 ? " and " : "", dev,
				    gated[row].nodes[i].dir, gated[row].nodes[i].prefix);
	return text;
}

int generator_add_gated(struct generator *g, struct cdi_edits *to, enum cdi_mode mode,
			struct err *e)
{
	struct strv nodes = {0};
	size_t row = 0;

	while (row + 1 < COUNT_OF(gated) && gated[row].mode != mode)
		row++;
	for (size_t i = 0; i < COUNT_OF(gated[row].nodes) && gated[row].nodes[i].dir[0]; i++)
		generator_list_nodes(g, gated[row].nodes[i].dir, gated[row].nodes[i].prefix,
				     &nodes);
	if (nodes.n == 0)
		return err_set(e, ENODEV, "no %s found: there is no %s", gated[row].what,
			       searched(g, row));
	for (size_t i = 0; i < nodes.n; i++)
		generator_add_node(g, to, nodes.v[i]);
	return mode == CDI_MODE_GDS ? add_gds_files(g, to, e) : 0;
}

/* Devices of other programs that have containers of their own. */
static bool is_managed_elsewhere(const char *path)
{
	static const char prefixes[][16] = {"nvidia-fs", "nvidia-nvswitch", "nvidia-nvlink"};
	struct str name = str_of(path_base(path));

	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (str_has_prefix(name, prefixes[i]))
			return true;
	return false;
}

int generator_add_management(struct generator *g, struct cdi_edits *to, struct err *e)
{
	struct strv nodes = {0};

	generator_list_nodes(g, "/dev", "nvidia", &nodes);
	generator_list_nodes(g, "/dev/nvidia-caps", "nvidia-cap", &nodes);
	generator_list_nodes(g, "/dev/nvidia-caps-imex-channels", "channel", &nodes);
	for (size_t i = 0; i < nodes.n; i++)
		if (!is_managed_elsewhere(nodes.v[i]))
			generator_add_node(g, to, nodes.v[i]);
	if (to->nodes.n == 0)
		return err_set(
			e, ENODEV,
			"no NVIDIA device nodes were found: there is no %s/dev/nvidia*; create "
			"them with nvidia-modprobe -c 0 -u",
			nv_host_dev(&g->o->host));
	generator_add_chmod(g, to, &to->nodes);
	return 0;
}

void generator_add_imex(struct generator *g, struct cdi_edits *to, uint32_t channel)
{
	const char *path = arena_printf(g->a, "/dev/nvidia-caps-imex-channels/channel%u", channel);
	const char *dev = nv_host_dev(&g->o->host);
	struct cdi_node n = {.path = path};

	if (dev[0] != '\0')
		n.host_path = arena_printf(g->a, "%s%s", dev, path);
	arena_push(g->a, &to->nodes, n);
}
