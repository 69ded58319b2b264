/* SPDX-License-Identifier: Apache-2.0 */

/*
 * runtime-jit: mode jit-cdi. The edits are generated from the machine as it is at this moment;
 * no CDI file is read or written.
 */

#include <errno.h>

#include "app/runtime-internal.h"
#include "app/self.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cdi/generate.h"
#include "nv/platform.h"
#include "nv/select.h"
#include "oci/list.h"

static const char own_prefix[] = RUNTIME_VENDOR "/" RUNTIME_CLASS "=";

/* Ids without our own vendor and class; those of others need a registry, which is mode cdi's. */
static int strip_names(struct runtime *rt, const struct strv *names, struct strv *ret,
		       struct err *e)
{
	struct strv ids = {0};

	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->v[i];

		if (str_has_prefix(str_of(name), own_prefix))
			name += strlen(own_prefix);
		else if (cdi_name_is_qualified(str_of(name)))
			return err_set(
				e, EINVAL,
				"requesting a CDI device with vendor '" RUNTIME_VENDOR
				"' is not supported when requesting other CDI devices: %s stands "
				"beside devices without vendor and class; name all of them in full",
				oci_list_quote(rt->arena, str_of(name)));
		arena_push(rt->arena, &ids, name);
	}
	oci_list_words(&ids);
	*ret = ids;
	return 0;
}

static unsigned wanted_features(const struct runtime *rt)
{
	const struct strv *names = &rt->config.runtime.jit_feature_flags;
	unsigned features = 0;

	for (size_t i = 0; i < names->n; i++)
		features |= cdi_feature_of(str_of(names->v[i]));
	if (rt->config.features.no_additional_gids_for_device_nodes)
		features |= CDI_FEATURE_NO_GIDS;
	return features;
}

static unsigned wanted_jobs(const struct runtime *rt)
{
	const struct strv *names = &rt->config.runtime.jit_disable_hooks;
	unsigned jobs = CDI_JOB_ALL & ~(unsigned)CDI_JOB_CHMOD;

	for (size_t i = 0; i < names->n; i++)
		jobs &= ~cdi_job_of(str_of(names->v[i]));
	if (rt->config.features.disable_cuda_compat_lib_hook)
		jobs &= ~(unsigned)CDI_JOB_CUDA_COMPAT;
	return jobs;
}

static void warn_of_unknown_names(struct runtime *rt, const char *key, const struct strv *names,
				  unsigned (*of)(struct str name))
{
	for (size_t i = 0; i < names->n; i++)
		if (of(str_of(names->v[i])) == 0)
			log_warn("%s: %s: unknown name %s, ignored",
				 config_place(rt->arena, &rt->config, key), key,
				 oci_list_quote(rt->arena, str_of(names->v[i])));
}

void runtime_snapshot_query(struct runtime *rt, struct nv_snapshot_query *ret)
{
	const char *program = NULL;
	struct err bad;

	if (self_program(rt->arena, "nvml-facts", &program, &bad) < 0)
		log_debug("%s", bad.text);
	*ret = (struct nv_snapshot_query){
		.driver = {.driver_root = rt->config.cli.root,
			   .path = getenv("PATH"),
			   .data_dirs = getenv("XDG_DATA_DIRS"),
			   .explicit_libraries =
				   wanted_features(rt) & CDI_FEATURE_EXPLICIT_LIBRARIES,
			   .no_ipc = wanted_features(rt) & CDI_FEATURE_NO_IPC,
			   .host = {.dev_root = rt->config.cli.root}},
		.nvml_program = program,
	};
}

/*
 * runc waits for a hook that reads its standard input for milliseconds, so the hook is told where
 * the container's root is. crun does not; there the hook reads, as it does when engines inject.
 */
const char *runtime_container_root(struct runtime *rt)
{
	struct str root = oci_spec_root_path(&rt->spec);
	auto_free char *path = NULL;

	if (!str_has_prefix(str_of(path_base(rt->low_level)), "runc") || root.n == 0)
		return NULL;
	if (root.p[0] == '/')
		path = path_clean(arena_str(rt->arena, root));
	else
		path = path_join(rt->bundle, arena_str(rt->arena, root));
	return arena_strdup(rt->arena, path);
}

static bool is_tegra_gpu(const char *name)
{
	return name && (strstr(name, "(nvgpu)") || strstr(name, "NVIDIA Thor"));
}

static int check_machine(const struct nv_snapshot *s, struct err *e)
{
	struct err mismatch;

	for (size_t i = 0; i < s->gpus.n; i++)
		if (is_tegra_gpu(s->gpus.v[i].name))
			return err_set(
				e, EOPNOTSUPP,
				"%s is an integrated GPU: mode csv, which serves it, comes with a "
				"later release",
				s->gpus.v[i].name);
	if (nv_driver_mismatch(&s->driver, &mismatch) == 1)
		log_warn("%s", mismatch.text);
	return 0;
}

static int get_facts(struct runtime *rt, const struct strv *ids, unsigned flags,
		     struct nv_snapshot *s, struct err *e)
{
	struct nv_devices devices = {0};
	struct nv_snapshot_query q;
	int r;

	if (nv_platform_find(rt->config.cli.root) == NV_PLATFORM_WSL)
		return err_set(e, EOPNOTSUPP, "GPUs of WSL come with a later release");
	runtime_snapshot_query(rt, &q);
	r = nv_snapshot_get(rt->arena, &q, s, e);
	if (r == 0)
		r = check_machine(s, e);
	if (r == 0 && !s->has_facts && nv_select_needs_nvml(&s->gpus, ids))
		r = nv_snapshot_need_nvml(rt->arena, &q, s, e);
	if (r == 0)
		/* What is left out of "all" is said when the edits are generated. */
		r = nv_select(rt->arena, &s->gpus, ids, flags | NV_SELECT_QUIET, &devices, e);
	if (r == 0)
		r = runtime_check_requirements(rt, &q, s, &devices, e);
	return r;
}

void runtime_generate_options(struct runtime *rt, struct cdi_generate_options *ret)
{
	*ret = (struct cdi_generate_options){
		.mode = CDI_MODE_NVML,
		.vendor = RUNTIME_VENDOR,
		.class = RUNTIME_CLASS,
		.naming = CDI_NAME_INDEX,
		.features = wanted_features(rt),
		.jobs = wanted_jobs(rt),
		/* Unset means everything here, as far as the site supports it (design.md 4.8). */
		.classes = rt->reference ? NV_CLASS_ALL : rt->request.capabilities,
		.select = rt->reference ? NV_SELECT_NO_PREFIX | NV_SELECT_NO_PCI : 0,
		.hook_path = self_hook_program(rt->arena, rt->config.ctk_path),
		.driver_root = rt->config.cli.root,
		.host = {.dev_root = rt->config.cli.root},
		.container_root = runtime_container_root(rt),
	};
}

int runtime_jit_edits(struct runtime *rt, const struct strv *names, struct cdi_edits *ret,
		      struct err *e)
{
	struct nv_request request = rt->request;
	struct cdi_generate_options o;
	struct nv_snapshot s = {0};
	int r = strip_names(rt, names, &request.devices, e);

	if (r < 0)
		return r;
	warn_of_unknown_names(rt, "nvidia-container-runtime.modes.jit-cdi.nvcdi-feature-flags",
			      &rt->config.runtime.jit_feature_flags, cdi_feature_of);
	warn_of_unknown_names(rt, "nvidia-container-runtime.modes.jit-cdi.nvcdi-disable-hooks",
			      &rt->config.runtime.jit_disable_hooks, cdi_job_of);
	runtime_generate_options(rt, &o);
	r = get_facts(rt, &request.devices, o.select, &s, e);
	return r < 0 ? r : cdi_generate_edits(rt->arena, &o, &s, &request, ret, e);
}
