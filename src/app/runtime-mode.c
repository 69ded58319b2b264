/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "app/runtime-internal.h"
#include "base/log.h"
#include "base/str.h"
#include "nv/platform.h"
#include "oci/image.h"
#include "oci/list.h"

static const char mode_names[][8] = {
	[RUNTIME_AUTO] = "auto",       [RUNTIME_CDI] = "cdi",	    [RUNTIME_CSV] = "csv",
	[RUNTIME_JIT_CDI] = "jit-cdi", [RUNTIME_LEGACY] = "legacy",
};

static const char *quote(struct runtime *rt, const char *text)
{
	return oci_list_quote(rt->arena, str_of(text));
}

static int read_mode(struct runtime *rt, const char *text, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(mode_names); i++) {
		if (strcmp(text, mode_names[i]) == 0) {
			rt->mode = (enum runtime_mode)i;
			return 0;
		}
	}
	return config_refuse(&rt->config, "nvidia-container-runtime.mode", e,
			     "invalid mode %s: one of auto, cdi, csv, jit-cdi and legacy",
			     quote(rt, text));
}

static int read_supported(struct runtime *rt, struct err *e)
{
	static const char key[] = "supported-driver-capabilities";
	struct str rest = str_of(rt->config.supported_driver_capabilities), name;

	while (rest.n > 0 && str_split(&rest, ',', &name)) {
		unsigned class = nv_class_of(str_trim(name));

		name = str_trim(name);
		if (str_is(name, "all"))
			class = NV_CLASS_ALL;
		if (class == 0 && name.n > 0)
			return config_refuse(
				&rt->config, key, e,
				"%s is no driver capability: all, or some of "
				"compat32, compute, display, graphics, ngx, utility and "
				"video",
				oci_list_quote(rt->arena, name));
		rt->supported |= class;
	}
	return 0;
}

static int read_mounts(struct runtime *rt, struct err *e)
{
	static const char key[] = "nvidia-container-runtime.mounts";
	const char *text = rt->config.runtime.mounts;

	if (strcmp(text, "runtime") == 0)
		return 0;
	if (strcmp(text, "hook") == 0 || strcmp(text, "directory") == 0)
		return config_refuse(&rt->config, key, e,
				     "\"%s\" comes with a later release: set \"runtime\"", text);
	return config_refuse(&rt->config, key, e, "%s is not \"runtime\"", quote(rt, text));
}

int runtime_settings(struct runtime *rt, const char *forced_mode, struct err *e)
{
	const char *level = rt->config.compat_level;
	int r = read_mode(rt, forced_mode ? forced_mode : rt->config.runtime.mode, e);

	rt->reference = strcmp(level, "reference") == 0;
	if (r == 0 && !rt->reference && strcmp(level, "documented") != 0)
		r = config_refuse(&rt->config, "compat-level", e,
				  "%s is neither \"documented\" nor \"reference\"",
				  quote(rt, level));
	if (r == 0)
		r = read_supported(rt, e);
	if (r == 0)
		r = read_mounts(rt, e);
	return r;
}

static int read_request(struct runtime *rt, bool annotations, struct err *e)
{
	const struct config *c = &rt->config;
	struct oci_image_policy policy = {
		.swarm_resource = str_of(c->swarm_resource),
		.accept_environment_when_unprivileged = c->accept_envvar_when_unprivileged,
		.accept_mounts = c->accept_volume_mounts,
		.disable_require = c->disable_require,
		.ignore_imex = c->features.ignore_imex_channel_requests,
		.supported_capabilities = rt->supported,
		.annotation_prefixes = annotations ? &c->runtime.cdi_annotation_prefixes : NULL,
		.reference = rt->reference && rt->mode != RUNTIME_LEGACY,
	};

	return oci_image_request(rt->arena, &rt->spec, &policy, &rt->request, e);
}

/* The first device that is no qualified CDI name, or NULL. */
static const char *first_unqualified(const struct nv_request *request)
{
	for (size_t i = 0; i < request->devices.n; i++)
		if (!cdi_name_is_qualified(str_of(request->devices.v[i])))
			return request->devices.v[i];
	return NULL;
}

/* Without CDI names the machine decides; its driver is looked for where it is used later. */
static enum runtime_mode mode_of_machine(struct runtime *rt)
{
	switch (nv_platform_find(rt->config.cli.root)) {
	case NV_PLATFORM_TEGRA:
		return RUNTIME_CSV;
	case NV_PLATFORM_PCI:
	case NV_PLATFORM_WSL:
		break;
	}
	return RUNTIME_JIT_CDI;
}

static int resolve_auto(struct runtime *rt, struct err *e)
{
	const char *unqualified = first_unqualified(&rt->request);

	if (!unqualified) {
		rt->mode = RUNTIME_CDI;
		return 0;
	}
	/* The original would go on with what the environment asks for, or without any GPU. */
	if (rt->request.source == NV_SOURCE_ANNOTATIONS)
		return err_set(e, EINVAL,
			       "an annotation asks for device %s, which is no CDI name: "
			       "vendor/class=device is",
			       quote(rt, unqualified));
	rt->mode = mode_of_machine(rt);
	return 0;
}

int runtime_request(struct runtime *rt, struct err *e)
{
	bool annotations = rt->mode == RUNTIME_AUTO || rt->mode == RUNTIME_CDI;
	int r = read_request(rt, annotations, e);

	if (r < 0 || rt->request.source == NV_SOURCE_NONE)
		return r;
	if (rt->mode == RUNTIME_AUTO) {
		r = resolve_auto(rt, e);
		if (r == 0)
			log_info("auto-detected mode as '%s'", mode_names[rt->mode]);
	} else {
		log_info("using requested mode '%s'", mode_names[rt->mode]);
	}
	return r;
}
