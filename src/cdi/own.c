/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/own.h"

#include "cdi/generate.h"

#define FINGERPRINT "--fingerprint="
#define LIBRARY	    "--driver-library="
#define ROOT	    "--driver-root="
#define SKIP	    "--skip="

/* "nvidia-cdi-hook setup …" or "nvidia-ctk hook setup …", whatever the program's name is. */
static bool is_setup(const struct cdi_hook *hook)
{
	const struct strv *args = &hook->args;
	size_t at = args->n > 2 && strcmp(args->v[1], "hook") == 0 ? 2 : 1;

	return strcmp(hook->name, "createContainer") == 0 && args->n > at &&
	       strcmp(args->v[at], "setup") == 0;
}

static bool is_digest(const char *s)
{
	return strlen(s) == 32 && strspn(s, "0123456789abcdef") == 32;
}

/* What follows the option in one of the arguments, or NULL. */
static const char *value_of(const struct cdi_hook *hook, const char *option)
{
	for (size_t i = 0; i < hook->args.n; i++)
		if (str_has_prefix(str_of(hook->args.v[i]), option))
			return hook->args.v[i] + strlen(option);
	return NULL;
}

static unsigned jobs_of(const struct cdi_hook *hook)
{
	struct str rest = str_of(value_of(hook, SKIP)), name;
	unsigned jobs = CDI_JOB_ALL & ~(unsigned)CDI_JOB_CHMOD;

	while (str_split(&rest, ',', &name))
		jobs &= ~cdi_job_of(name);
	return jobs;
}

/* What is left of the first node's place on the host without its place in the container. */
static const char *dev_root_of(struct arena *a, const struct cdi_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct str host = str_of(nodes->v[i].host_path);

		if (host.p && str_has_suffix(host, nodes->v[i].path))
			return arena_str(a, str_sub(host, 0, host.n - strlen(nodes->v[i].path)));
	}
	return "/";
}

bool cdi_own_find(struct arena *a, const struct cdi_spec *s, struct cdi_own *ret)
{
	const struct cdi_hooks *hooks = &s->edits.hooks;

	for (size_t i = 0; i < hooks->n; i++) {
		const struct cdi_hook *hook = &hooks->v[i];
		const char *digest = value_of(hook, FINGERPRINT), *root = value_of(hook, ROOT);

		if (!is_setup(hook) || !digest || !is_digest(digest))
			continue;
		*ret = (struct cdi_own){
			.hook = i,
			.fingerprint = digest,
			.driver_root = root ? root : "/",
			.dev_root = dev_root_of(a, &s->edits.nodes),
			.library = value_of(hook, LIBRARY),
			.jobs = jobs_of(hook),
		};
		return true;
	}
	return false;
}

bool cdi_own_is_note(struct str argument)
{
	return str_has_prefix(argument, FINGERPRINT) || str_has_prefix(argument, LIBRARY);
}

const char *cdi_own_id(const char *name)
{
	bool typed = str_has_prefix(str_of(name), "gpu") || str_has_prefix(str_of(name), "mig");

	return typed && name[3] >= '0' && name[3] <= '9' ? name + 3 : name;
}
