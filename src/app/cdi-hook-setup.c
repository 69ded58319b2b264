/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-hook-commands.h"

#include <errno.h>

#include "ctr/job.h"
#include "nv/snapshot.h"

struct options {
	const char *container_spec, *container_root, *fingerprint, *driver_root, *library;
	struct strv links, folders, skip;
	struct job_compat compat;
};

static const struct cli_option rows[] = {
	{"link", CLI_ITEMS(struct options, links), .value = "TARGET::PATH",
	 .help = "Make PATH in the container a symbolic link of this text; may be repeated"},
	{"folder", CLI_ITEMS(struct options, folders), .value = "DIR",
	 .help = "A directory of the container with libraries of the driver; may be repeated"},
	CDI_HOOK_COMPAT(struct options),
	{"skip", CLI_LIST(struct options, skip), .value = "HOOK",
	 .help = "Leave out what this hook does; may be repeated"},
	{"container-root", CLI_STRING(struct options, container_root), .value = "DIR",
	 .help = "The container's root on the host; the OCI state is then not read"},
	{"fingerprint", CLI_STRING(struct options, fingerprint), .value = "DIGEST",
	 .help = "What the specification was made from; the hook fails when that has changed"},
	{"driver-root", CLI_STRING(struct options, driver_root), .value = "DIR", .otherwise = "/",
	 .help = "Where the driver is installed, for --fingerprint"},
	{"driver-library", CLI_STRING(struct options, library), .value = "FILE",
	 .help = "A library of the driver on the host that --fingerprint covers"},
	CDI_HOOK_CONTAINER_SPEC(struct options),
};

static const struct nv_host host = {0};

static int links(const struct options *o, const struct container *c, struct err *e)
{
	int r = job_symlinks(c, &o->links, e);

	return r < 0 ? r : job_drm_links(c, &host, e);
}

static int compat(const struct options *o, const struct container *c, struct err *e)
{
	if (!o->compat.host_driver_version && !o->compat.host_cuda_version)
		return 0;
	return job_cuda_compat(c, &o->compat, e);
}

static int ldcache(const struct options *o, const struct container *c, struct err *e)
{
	return job_ldcache(c, &o->folders, e);
}

static int device_nodes(const struct options *o, const struct container *c, struct err *e)
{
	(void)o;
	return job_device_nodes(c, &host, e);
}

static int profile(const struct options *o, const struct container *c, struct err *e)
{
	(void)o;
	return job_profile(c, e);
}

/* In this order: the loader's cache has the links and the compatibility directory in it. */
static const struct {
	char hook[40]; /* the hook that does this alone */
	int (*run)(const struct options *o, const struct container *c, struct err *e);
} jobs[] = {
	{"create-symlinks", links},
	{"enable-cuda-compat", compat},
	{"update-ldcache", ldcache},
	{"disable-device-node-modification", device_nodes},
	{"update-application-profile", profile},
};

static bool is_listed(const struct strv *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], name) == 0)
			return true;
	return false;
}

/*
 * An engine that injects a specification by itself knows nothing of the driver
 * it was made for: after an upgrade the container would get files that are
 * gone, or a module's wrong libraries (design.md 4.4).
 */
static int check_current(const struct cli_call *call, const struct options *o, struct err *e)
{
	const char *now;
	int r;

	if (!o->fingerprint)
		return 0;
	r = nv_snapshot_fingerprint(call->arena, o->driver_root ? o->driver_root : "/", o->library,
				    &now, e);
	if (r < 0 || strcmp(o->fingerprint, now) == 0)
		return r;
	return err_set(
		e, ESTALE,
		"the CDI specification was made for another driver or other GPUs than this "
		"machine has now: run systemctl restart nvidia-cdi-refresh, or nvidia-ctk cdi "
		"generate with its --output again");
}

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	AUTO(container_close) struct container c = {.root = ROOTFS_INIT};
	int r;

	r = o->container_root ? cdi_hook_open_root(call, o->container_root, &c, e)
			      : cdi_hook_open(call, o->container_spec, &c, e);
	if (r >= 0)
		r = check_current(call, o, e);
	for (size_t i = 0; i < COUNT_OF(jobs) && r >= 0; i++) {
		if (is_listed(&o->skip, jobs[i].hook))
			continue;
		r = jobs[i].run(o, &c, e);
		if (r < 0)
			return err_in(e, r, "%s", jobs[i].hook);
	}
	return r;
}

const struct cli_command cdi_hook_setup = {
	"setup",
	.summary = "Do all that a container with GPUs needs, in one process",
	CLI_OPTIONS(struct options, rows),
	.run = run,
};
