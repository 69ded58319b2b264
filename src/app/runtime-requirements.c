/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-requirements: NVIDIA_REQUIRE_* against the machine (design.md 4.8).
 *
 * A requirement holds for every GPU of the container. One that is evaluated and false
 * fails; one that cannot be evaluated, because NVML does not answer or the name is of
 * another time, warns: the image may know more than we do.
 */

#include <errno.h>
#include <stdio.h>

#include "app/runtime-internal.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/semver.h"
#include "oci/list.h"

struct check {
	struct runtime *rt;
	const struct nv_snapshot *snapshot;
	const struct nv_devices *devices;
};

static struct requirement_facts facts_of(const struct nv_snapshot *s, const struct nv_gpu *gpu)
{
	return (struct requirement_facts){
		.cuda = str_of(s->has_facts ? s->facts.cuda_version : NULL),
		.driver = str_of(s->driver.version),
		.arch = str_of(gpu ? gpu->arch : NULL),
		.brand = str_of(gpu ? gpu->brand : NULL),
	};
}

static const char *or_unknown(struct str s)
{
	return s.n > 0 ? s.p : "unknown";
}

static int not_met(const char *name, const char *expression, const struct requirement_facts *f,
		   const struct nv_gpu *gpu, struct err *e)
{
	char of_gpu[160] = "";

	if (gpu)
		(void)snprintf(of_gpu, sizeof(of_gpu), ", and GPU %u has arch %s, brand %s",
			       gpu->index, or_unknown(f->arch), or_unknown(f->brand));
	return err_set(
		e, EINVAL,
		"requirements not met: %s=%s, but this machine has cuda %s, driver %s%s; use an "
		"image for this driver or update the driver (NVIDIA_DISABLE_REQUIRE=true in the "
		"container's environment skips the check)",
		name, expression, or_unknown(f->cuda), or_unknown(f->driver), of_gpu);
}

static int check_one(const struct check *c, size_t i, const struct nv_gpu *gpu, struct err *e)
{
	const struct nv_request *request = &c->rt->request;
	const char *name = request->requirement_names.v[i];
	struct str expression = str_of(request->requirements.v[i]);
	struct requirement_facts facts = facts_of(c->snapshot, gpu);
	const char *shown = oci_list_quote(c->rt->arena, expression);
	int r = requirement_check(expression, &facts, e);

	if (r < 0)
		return err_in(e, r, "%s", name);
	if (r == REQUIREMENT_NOT_MET)
		return not_met(name, shown, &facts, gpu, e);
	if (r == REQUIREMENT_UNKNOWN)
		log_warn("%s=%s cannot be evaluated on this machine, ignored", name, shown);
	return 0;
}

static int check_all(const struct check *c, struct err *e)
{
	for (size_t i = 0; i < c->rt->request.requirements.n; i++) {
		size_t k = 0;

		do {
			const struct nv_gpu *gpu = c->devices->n > 0 ? c->devices->v[k].gpu : NULL;
			int r = check_one(c, i, gpu, e);

			if (r < 0)
				return r;
		} while (++k < c->devices->n);
	}
	return 0;
}

/* Whether the version of the driver's files is not enough to answer. */
static bool needs_nvml(const struct nv_request *request)
{
	static const char *const names[] = {"cuda", "arch", "brand"};

	for (size_t i = 0; i < request->requirements.n; i++) {
		struct str text = str_of(request->requirements.v[i]);

		for (size_t k = 0; k < COUNT_OF(names); k++)
			for (size_t at = 0; at + strlen(names[k]) <= text.n; at++)
				if (str_is_nocase(str_sub(text, at, at + strlen(names[k])),
						  names[k]))
					return true;
	}
	return false;
}

int runtime_check_requirements(struct runtime *rt, const struct nv_snapshot_query *q,
			       struct nv_snapshot *s, const struct nv_devices *devices,
			       struct err *e)
{
	struct check c = {.rt = rt, .snapshot = s, .devices = devices};
	struct err bad;

	if (rt->request.requirements.n == 0)
		return 0;
	if (!s->has_facts && needs_nvml(&rt->request) &&
	    nv_snapshot_need_nvml(rt->arena, q, s, &bad) < 0)
		log_warn("NVIDIA_REQUIRE_* is not checked in full: %s", bad.text);
	return check_all(&c, e);
}
