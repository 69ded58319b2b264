/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generator.h"

#include <errno.h>

#include "base/log.h"

/* Jobs of the hooks that all devices share; chmod belongs to single ones. */
#define JOBS (CDI_JOB_ALL & ~(unsigned)CDI_JOB_CHMOD)

bool generator_has_id(const struct strv *ids, const char *id)
{
	for (size_t i = 0; i < ids->n; i++)
		if (strcmp(ids->v[i], id) == 0)
			return true;
	return false;
}

int generator_no_gpu(struct generator *g, struct err *e)
{
	const struct nv_gpus *gpus = &g->s->gpus;
	size_t sick = 0;

	for (size_t i = 0; i < gpus->n; i++)
		sick += gpus->v[i].sick != NULL;
	if (gpus->n == 0)
		return err_set(e, ENODEV,
			       "no GPU was found: the driver is loaded, but it drives none");
	if (sick > 0)
		return err_set(e, ENODEV,
			       "no GPU was found that can be used: %zu of %zu are sick, GPU %u: %s",
			       sick, gpus->n, gpus->v[0].index,
			       gpus->v[0].sick ? gpus->v[0].sick : "in MIG mode without instances");
	return err_set(e, ENODEV,
		       "no GPU was found that can be used: every one is in MIG mode, and there are "
		       "no MIG devices: create them with nvidia-smi mig -cgi");
}

int generator_select(struct generator *g, const struct strv *ids, struct nv_devices *ret,
		     struct err *e)
{
	int r = nv_select(g->a, &g->s->gpus, ids, g->o->select, ret, e);

	if (r < 0)
		return r;
	if (ret->n > 0)
		return 0;
	return generator_has_id(ids, "all") && !generator_has_id(ids, "none")
		       ? generator_no_gpu(g, e)
		       : 1;
}

int generator_device(struct generator *g, const struct nv_device *d, bool all,
		     struct cdi_edits *ret, struct err *e)
{
	struct cdi_edits edits = {0};
	struct err why;
	int r = generator_add_device(g, &edits, d, &why);

	if (r < 0 && all) {
		log_warn("GPU %u (%s) is left out: %s", d->gpu->index, d->gpu->pci, why.text);
		return 1;
	}
	if (r < 0)
		return err_set(e, -r, "GPU %u (%s): %s", d->gpu->index, d->gpu->pci, why.text);
	*ret = edits;
	return 0;
}

void generator_add_common(struct generator *g, struct cdi_edits *to)
{
	generator_add_control_nodes(g, to);
	generator_add_driver(g, to);
	generator_add_void(g, to);
	generator_add_hooks(g, to, JOBS);
}
