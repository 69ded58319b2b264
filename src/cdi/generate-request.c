/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generate.h"

#include <errno.h>

#include "base/log.h"
#include "cdi/generator.h"
#include "cdi/normalise.h"
#include "nv/imex.h"
#include "nv/nvcaps.h"

/* Adds a part in the order that it has for itself. */
static void add_part(struct generator *g, struct cdi_edits *to, struct cdi_edits *part)
{
	cdi_edits_normalise(g->a, part);
	cdi_edits_add(g->a, to, part);
}

/* Ids as nv/select knows them: without the kind that stands for the machine's own GPUs. */
static struct strv plain_ids(struct generator *g, const struct strv *devices)
{
	static const char own[] = "runtime.nvidia.com/gpu=";
	struct strv ids = {0};

	for (size_t i = 0; i < devices->n; i++) {
		const char *id = devices->v[i];

		arena_push(g->a, &ids, str_has_prefix(str_of(id), own) ? id + sizeof(own) - 1 : id);
	}
	return ids;
}

static int add_gpus(struct generator *g, struct cdi_edits *to, const struct strv *ids,
		    struct err *e)
{
	struct cdi_edits part = {0};
	struct nv_devices devices;
	int r = generator_select(g, ids, &devices, e);

	for (size_t i = 0; r >= 0 && i < devices.n; i++) {
		struct cdi_edits edits;

		r = generator_device(g, &devices.v[i], generator_has_id(ids, "all"), &edits, e);
		if (r == 0)
			cdi_edits_add(g->a, &part, &edits);
	}
	if (r >= 0)
		add_part(g, to, &part);
	return r < 0 ? r : 0;
}

/* A feature that the machine does not have is no reason not to start (runtime.md 1.12). */
static void add_gated(struct generator *g, struct cdi_edits *to, unsigned gated)
{
	static const struct {
		enum nv_gated gate;
		enum cdi_mode mode;
	} modes[] = {{NV_GDS, CDI_MODE_GDS},
		     {NV_MOFED, CDI_MODE_MOFED},
		     {NV_GDRCOPY, CDI_MODE_GDRCOPY},
		     {NV_NVSWITCH, CDI_MODE_NVSWITCH}};

	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		struct cdi_edits part = {0};
		struct err e;

		if (!(gated & modes[i].gate))
			continue;
		if (generator_add_gated(g, &part, modes[i].mode, &e) < 0)
			log_warn("%s", e.text);
		else
			add_part(g, to, &part);
	}
}

static int add_imex(struct generator *g, struct cdi_edits *to, const struct strv *ids,
		    struct err *e)
{
	struct cdi_edits part = {0};
	struct imex_channels channels;
	int r = imex_select(g->a, &g->o->host, ids, &channels, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < channels.n; i++)
		generator_add_imex(g, &part, channels.v[i]);
	add_part(g, to, &part);
	return 0;
}

/* The right to configure or to watch MIG is the node of one capability for all GPUs. */
static int add_mig_right(struct generator *g, struct cdi_edits *to, const char *name,
			 const struct strv *ids, struct err *e)
{
	mode_t mode = strcmp(name, "config") == 0 ? 0400 : 0444;
	struct nvcaps caps;
	uint32_t minor;
	int r;

	if (ids->n == 0)
		return 0;
	if (ids->n > 1 || strcmp(ids->v[0], "all") != 0)
		return err_set(
			e, EINVAL,
			"MIG %s devices: only \"all\" can be asked for: the right is for every "
			"GPU",
			name);
	r = nvcaps_load(g->a, &g->o->host, &caps, e);
	if (r < 0)
		return r;
	if (nvcaps_find(&caps, name, &minor) == 0)
		return err_set(
			e, ENOENT,
			"MIG %s devices: %s/driver/nvidia-caps/mig-minors does not name \"%s\": "
			"the driver of this machine knows no MIG",
			name, nv_host_proc(&g->o->host), name);
	return generator_add_cap(g, to, minor, mode, e);
}

/* Who configures MIG needs the GPU that has no MIG device yet. */
static void add_whole_gpus(struct generator *g, struct cdi_edits *to)
{
	for (size_t i = 0; i < g->s->gpus.n; i++)
		if (!g->s->gpus.v[i].sick)
			generator_add_node(g, to, g->s->gpus.v[i].node);
}

static int add_mig_rights(struct generator *g, struct cdi_edits *to,
			  const struct nv_request *request, struct err *e)
{
	struct cdi_edits part = {0};
	int r = add_mig_right(g, &part, "config", &request->mig_config, e);

	if (r == 0)
		r = add_mig_right(g, &part, "monitor", &request->mig_monitor, e);
	if (r == 0 && part.nodes.n > 0 && generator_has_id(&request->devices, "all"))
		add_whole_gpus(g, &part);
	if (r == 0)
		add_part(g, to, &part);
	return r;
}

/* What a request asks for beside GPUs. */
static int add_extras(struct generator *g, struct cdi_edits *to, const struct nv_request *request,
		      struct err *e)
{
	int r;

	add_gated(g, to, request->gated);
	r = add_imex(g, to, &request->imex_channels, e);
	return r < 0 ? r : add_mig_rights(g, to, request, e);
}

int cdi_generate_extras(struct arena *a, const struct cdi_generate_options *o,
			const struct nv_snapshot *s, const struct nv_request *request,
			struct cdi_edits *ret, struct err *e)
{
	struct generator g = {.a = a, .o = o, .s = s, .classes = NV_CLASS_ALL};
	struct cdi_edits edits = {0};
	int r = add_extras(&g, &edits, request, e);

	if (r < 0)
		return r;
	if (!cdi_edits_empty(&edits))
		generator_add_void(&g, &edits);
	*ret = edits;
	return 0;
}

int cdi_generate_edits(struct arena *a, const struct cdi_generate_options *o,
		       const struct nv_snapshot *s, const struct nv_request *request,
		       struct cdi_edits *ret, struct err *e)
{
	struct generator g = {
		.a = a,
		.o = o,
		.s = s,
		/* Libraries for 32-bit programs are for who asks for them (users.md P17). */
		.classes = request->capabilities_set ? request->capabilities
						     : o->classes & ~(unsigned)NV_CLASS_COMPAT32,
	};
	struct strv ids = plain_ids(&g, &request->devices);
	struct cdi_edits edits = {0}, common = {0};
	int r = generator_check_driver(&g, e);

	if (r == 0)
		r = add_gpus(&g, &edits, &ids, e);
	if (r < 0)
		return r;
	r = add_extras(&g, &edits, request, e);
	if (r < 0)
		return r;
	generator_add_common(&g, &common);
	add_part(&g, &edits, &common);
	*ret = edits;
	return 0;
}
