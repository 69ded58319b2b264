/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generator.h"

#include "base/path.h"
#include "nv/files.h"

#define HOOK_TIMEOUT 30 /* seconds */

static const struct {
	char name[40];
	enum cdi_job job;
} jobs[] = {{"create-symlinks", CDI_JOB_SYMLINKS},
	    {"enable-cuda-compat", CDI_JOB_CUDA_COMPAT},
	    {"update-ldcache", CDI_JOB_LDCACHE},
	    {"disable-device-node-modification", CDI_JOB_DEVICE_NODES},
	    {"update-application-profile", CDI_JOB_PROFILE},
	    {"chmod", CDI_JOB_CHMOD}};

unsigned cdi_job_of(struct str name)
{
	if (str_is(name, "all"))
		return CDI_JOB_ALL;
	for (size_t i = 0; i < COUNT_OF(jobs); i++)
		if (str_is(name, jobs[i].name))
			return jobs[i].job;
	return 0;
}

const char *cdi_job_name(size_t i)
{
	if (i < COUNT_OF(jobs))
		return jobs[i].name;
	return i == COUNT_OF(jobs) ? "all" : NULL;
}

static void add_all(struct generator *g, struct strv *to, const struct strv *more)
{
	for (size_t i = 0; more && i < more->n; i++)
		arena_push(g->a, to, more->v[i]);
}

static void add_pair(struct generator *g, struct strv *args, const char *option, const char *value)
{
	arena_push(g->a, args, option);
	arena_push(g->a, args, value);
}

/* Separate hooks say what the original's say, no more. */
static bool is_separate(const struct generator *g)
{
	return (g->o->features & CDI_FEATURE_SEPARATE_HOOKS) != 0;
}

void generator_add_hook(struct generator *g, struct cdi_edits *to, const char *name,
			const struct strv *args)
{
	const char *program = path_base(g->o->hook_path);
	struct cdi_hook hook = {.name = "createContainer",
				.path = g->o->hook_path,
				.timeout = is_separate(g) ? 0 : HOOK_TIMEOUT};

	arena_push(g->a, &hook.args, program);
	if (strcmp(program, "nvidia-ctk") == 0)
		arena_push(g->a, &hook.args, "hook");
	arena_push(g->a, &hook.args, name);
	add_all(g, &hook.args, args);
	/* Never empty: runc gives a hook without variables those of the image (CVE-2025-23266). */
	arena_push(g->a, &hook.env, "NVIDIA_CTK_DEBUG=false");
	arena_push(g->a, &to->hooks, hook);
}

static void add_links(struct generator *g, struct strv *args, enum nv_link_group group)
{
	const struct nv_links *links = &g->s->driver.links;

	if (g->o->mode == CDI_MODE_MANAGEMENT && group == NV_LINK_GRAPHICS)
		return;
	for (size_t i = 0; i < links->n; i++) {
		const struct nv_link *l = &links->v[i];

		if (l->group == group && nv_link_wanted(l, g->classes) &&
		    !(l->added && is_separate(g)))
			add_pair(g, args, "--link",
				 arena_printf(g->a, "%s::%s", l->target, l->path));
	}
}

/* Directories of the libraries that the container gets, in order of discovery. */
static void add_folders(struct generator *g, struct strv *args)
{
	const struct nv_files *files = &g->s->driver.files;
	size_t first = args->n;

	for (size_t i = 0; i < files->n; i++) {
		const struct nv_file *f = &files->v[i];
		auto_free char *dir = path_dir(f->path);
		bool known = false;

		if (f->kind != NV_FILE_LIBRARY || !generator_wants(g, f) ||
		    (f->platform && is_separate(g)) ||
		    !str_has_prefix(str_of(path_base(f->path)), "lib"))
			continue;
		for (size_t k = first; k < args->n && !known; k++)
			known = strcmp(args->v[k], dir) == 0;
		if (!known)
			add_pair(g, args, "--folder", arena_strdup(g->a, dir));
	}
}

static const char *known_version(const struct generator *g)
{
	const char *version = g->s->driver.version;

	return version && !strchr(version, '*') ? version : NULL;
}

/* Names, so that a newer hook program's new jobs are not skipped by chance. */
const char *cdi_jobs_skip(struct arena *a, unsigned wanted)
{
	AUTO(strbuf_done) struct strbuf text = {0};

	for (size_t i = 0; i < COUNT_OF(jobs); i++)
		if (!(wanted & jobs[i].job) && jobs[i].job != CDI_JOB_CHMOD)
			strbuf_printf(&text, "%s%s", text.n > 0 ? "," : "--skip=", jobs[i].name);
	return text.n > 0 ? arena_str(a, strbuf_str(&text)) : NULL;
}

/* What the spec is made from, for who applies it later: cdi/own reads it again. */
static void add_fingerprint(struct generator *g, struct strv *args)
{
	arena_push(g->a, args, arena_printf(g->a, "--fingerprint=%s", g->s->fingerprint));
	if (g->s->key_library)
		arena_push(g->a, args,
			   arena_printf(g->a, "--driver-library=%s", g->s->key_library));
}

/* One process that does every job. */
static void add_setup(struct generator *g, struct cdi_edits *to, unsigned wanted)
{
	const char *version = known_version(g), *root = g->s->driver.root;
	const char *skip = cdi_jobs_skip(g->a, wanted);
	struct strv args = {0};

	if (wanted & CDI_JOB_SYMLINKS) {
		add_links(g, &args, NV_LINK_GRAPHICS);
		add_links(g, &args, NV_LINK_DRIVER);
	}
	if (wanted & CDI_JOB_LDCACHE)
		add_folders(g, &args);
	if (version)
		add_pair(g, &args, "--host-driver-version", version);
	if (skip)
		arena_push(g->a, &args, skip);
	if (g->o->fingerprint && g->s->fingerprint)
		add_fingerprint(g, &args);
	if (root && strcmp(root, "/") != 0)
		arena_push(g->a, &args, arena_printf(g->a, "--driver-root=%s", root));
	if (g->o->container_root)
		arena_push(g->a, &args,
			   arena_printf(g->a, "--container-root=%s", g->o->container_root));
	generator_add_hook(g, to, "setup", &args);
}

static void add_symlinks(struct generator *g, struct cdi_edits *to, enum nv_link_group group)
{
	struct strv args = {0};

	add_links(g, &args, group);
	if (args.n > 0)
		generator_add_hook(g, to, "create-symlinks", &args);
}

static void add_ldcache(struct generator *g, struct cdi_edits *to)
{
	struct strv args = {0}, folders = {0};

	add_folders(g, &folders);
	if (folders.n == 0)
		return;
	if (g->o->ldconfig_path)
		add_pair(g, &args, "--ldconfig-path", g->o->ldconfig_path);
	add_all(g, &args, &folders);
	generator_add_hook(g, to, "update-ldcache", &args);
}

/* One hook per job, as the original has them. */
static void add_separate(struct generator *g, struct cdi_edits *to, unsigned wanted)
{
	struct strv version = {0};

	if (wanted & CDI_JOB_SYMLINKS) {
		add_symlinks(g, to, NV_LINK_GRAPHICS);
		add_symlinks(g, to, NV_LINK_DRIVER);
	}
	if (known_version(g))
		arena_push(g->a, &version,
			   arena_printf(g->a, "--host-driver-version=%s", known_version(g)));
	if (wanted & CDI_JOB_CUDA_COMPAT)
		generator_add_hook(g, to, "enable-cuda-compat", &version);
	if (wanted & CDI_JOB_LDCACHE)
		add_ldcache(g, to);
	if (wanted & CDI_JOB_DEVICE_NODES)
		generator_add_hook(g, to, "disable-device-node-modification", NULL);
	if (wanted & CDI_JOB_PROFILE)
		generator_add_hook(g, to, "update-application-profile", NULL);
}

void generator_add_chmod(struct generator *g, struct cdi_edits *to, const struct cdi_nodes *nodes)
{
	static const char dirs[][17] = {"/dev/dri", "/dev/nvidia-caps"};
	struct strv args = {0};

	if (!(g->o->jobs & CDI_JOB_CHMOD))
		return;
	add_pair(g, &args, "--mode", "755");
	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		bool used = false;

		for (size_t k = 0; k < nodes->n && !used; k++)
			used = path_is_below(nodes->v[k].path, dirs[i]);
		if (used)
			add_pair(g, &args, "--path", dirs[i]);
	}
	if (args.n > 2)
		generator_add_hook(g, to, "chmod", &args);
}

unsigned cdi_jobs_for(unsigned classes)
{
	unsigned useful = CDI_JOB_ALL;

	if (!(classes & (NV_CLASS_COMPUTE | NV_CLASS_VIDEO | NV_CLASS_NGX)))
		useful &= ~(unsigned)CDI_JOB_CUDA_COMPAT;
	if (!(classes & NV_CLASS_DRM))
		useful &= ~(unsigned)CDI_JOB_PROFILE;
	return useful;
}

void generator_add_hooks(struct generator *g, struct cdi_edits *to, unsigned possible)
{
	unsigned wanted = g->o->jobs & possible & cdi_jobs_for(g->classes);

	if (is_separate(g))
		add_separate(g, to, wanted);
	else if (wanted != 0)
		add_setup(g, to, wanted);
}
