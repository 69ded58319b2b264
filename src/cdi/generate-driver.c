/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/generator.h"

#include <errno.h>

#include "base/log.h"
#include "nv/files.h"

static const char *const read_only[] = {"ro", "nosuid", "nodev", "rbind", "rprivate"};
/* A connection to a daemon of the host is no use read-only. */
static const char *const shared[] = {"nosuid", "nodev", "rbind", "rprivate", "noexec"};

static void add_mount(struct generator *g, struct cdi_edits *to, const struct nv_file *f)
{
	bool is_socket = f->kind == NV_FILE_SOCKET;
	const char *const *options = is_socket ? shared : read_only;
	size_t n = is_socket ? COUNT_OF(shared) : COUNT_OF(read_only);
	struct cdi_mount m = {.host_path = f->host, .container_path = f->path};

	for (size_t i = 0; i < n; i++)
		arena_push(g->a, &m.options, options[i]);
	arena_push(g->a, &to->mounts, m);
}

static void add_library_dirs(struct generator *g, struct cdi_edits *to)
{
	const struct strv *dirs = &g->s->driver.library_dirs;
	AUTO(strbuf_done) struct strbuf text = {0};

	if (dirs->n == 0)
		return;
	strbuf_adds(&text, "NVIDIA_CTK_LIBCUDA_DIR=");
	for (size_t i = 0; i < dirs->n; i++)
		strbuf_printf(&text, "%s%s", i > 0 ? ":" : "", dirs->v[i]);
	arena_push(g->a, &to->env, arena_str(g->a, strbuf_str(&text)));
}

/* What only programs that draw look for; whoever manages GPUs does not. */
static bool is_for_drawing(const struct nv_file *f)
{
	if (f->platform || f->kind == NV_FILE_CONFIG || f->kind == NV_FILE_XORG)
		return true;
	return f->kind == NV_FILE_BINARY && !(f->classes & ~(unsigned)NV_CLASS_DRM);
}

bool generator_wants(const struct generator *g, const struct nv_file *f)
{
	return nv_file_wanted(f, g->classes) &&
	       !(g->o->mode == CDI_MODE_MANAGEMENT && is_for_drawing(f));
}

void generator_add_driver(struct generator *g, struct cdi_edits *to)
{
	const struct nv_files *files = &g->s->driver.files;

	for (size_t i = 0; i < files->n; i++)
		if (generator_wants(g, &files->v[i]))
			add_mount(g, to, &files->v[i]);
	add_library_dirs(g, to);
}

void generator_add_void(struct generator *g, struct cdi_edits *to)
{
	arena_push(g->a, &to->env, "NVIDIA_VISIBLE_DEVICES=void");
}

/* "a, b, c" */
static const char *join(struct generator *g, const struct strv *list)
{
	AUTO(strbuf_done) struct strbuf text = {0};

	for (size_t i = 0; i < list->n; i++)
		strbuf_printf(&text, "%s%s", i > 0 ? ", " : "", list->v[i]);
	return arena_str(g->a, strbuf_str(&text));
}

static bool lacks_cuda(const struct generator *g)
{
	for (size_t i = 0; i < g->s->driver.missing.n; i++)
		if (str_has_prefix(str_of(g->s->driver.missing.v[i]), "libcuda.so "))
			return (g->classes & NV_CLASS_COMPUTE) != 0;
	return false;
}

void generator_describe_driver(struct generator *g)
{
	const struct nv_driver *d = &g->s->driver;
	struct err mismatch;

	if (nv_driver_mismatch(d, &mismatch) == 1)
		log_warn("%s", mismatch.text);
	if (d->missing.n > 0)
		log_info("the driver below %s has no %s", d->root, join(g, &d->missing));
}

int generator_check_driver(struct generator *g, struct err *e)
{
	if (!lacks_cuda(g))
		return 0;
	return err_set(
		e, ENOENT,
		"there is no libcuda.so.%s below %s: install the driver's compute libraries, "
		"or name their directory as library search path",
		g->s->driver.version, g->s->driver.root);
}
