/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/log.h"
#include "base/path.h"
#include "codec/ldcache.h"
#include "ctr/job.h"
#include "ctr/ldcache-scan.h"
#include "ctr/ldconf.h"
#include "ctr/libdir.h"
#include "os/sandbox.h"

enum { MAX_FOLDERS = 256, MAX_LINKS = 4096, SECONDS = 10 };

#define DROP_IN_FIRST_LINE "# Directories of the GPU driver, written when the container starts.\n"

/* What the child found out, once checked. */
struct answer {
	struct ldcache_scan_header header;
	struct str text, cache, paths;
};

static int nonsense(struct err *e)
{
	return err_set(e, EPERM,
		       "the child that read the image gave an answer that makes no sense");
}

/* The folders as the loader will read them, each once. */
static int check_folders(struct arena *a, const struct strv *folders, struct strv *ret,
			 struct err *e)
{
	if (folders->n > MAX_FOLDERS)
		return err_set(e, EINVAL, "%zu folders for the loader cache; at most %d are taken",
			       folders->n, MAX_FOLDERS);
	for (size_t i = 0; i < folders->n; i++) {
		auto_free char *clean = path_clean(folders->v[i]);
		bool twice = false;

		if (!ldconf_is_name(folders->v[i]) || !ldconf_is_name(clean))
			return err_set(e, EINVAL,
				       "folder \"%s\" cannot stand in the loader's configuration: "
				       "it takes absolute paths without control bytes, #, = and :",
				       folders->v[i]);
		for (size_t k = 0; k < ret->n; k++)
			twice = twice || strcmp(ret->v[k], clean) == 0;
		if (!twice)
			arena_push(a, ret, arena_strdup(a, clean));
	}
	return 0;
}

static int ask_child(struct arena *a, const struct container *c, const struct strv *folders,
		     struct answer *ret, struct err *e)
{
	struct sandbox s = {.root = &c->root,
			    .purpose = "read the image's libraries",
			    .max_output = sizeof(ret->header) + LDCACHE_SCAN_MAX_TEXT +
					  LDCACHE_SCAN_MAX_CACHE + LDCACHE_SCAN_MAX_PATHS,
			    .deadline_ns = SECONDS * UINT64_C(1000000000),
			    .work = ldcache_scan,
			    .request = folders};
	struct ldcache_scan_header *h = &ret->header;
	struct str bytes = {0};
	int r = sandbox_run(a, &s, &bytes, e);

	if (r < 0)
		return r;
	if (bytes.n < sizeof(*h))
		return nonsense(e);
	memcpy(h, bytes.p, sizeof(*h));
	bytes = str_sub(bytes, sizeof(*h), bytes.n);
	if ((uint64_t)h->text_n + h->cache_n + h->paths_n != bytes.n ||
	    h->cache_n > LDCACHE_SCAN_MAX_CACHE || h->paths_n > LDCACHE_SCAN_MAX_PATHS ||
	    h->musl > COUNT_OF(ldcache_scan_musl))
		return nonsense(e);
	ret->text = str_sub(bytes, 0, h->text_n);
	ret->cache = str_sub(bytes, h->text_n, h->text_n + h->cache_n);
	ret->paths = str_sub(bytes, h->text_n + h->cache_n, bytes.n);
	if (ret->cache.n > 0 && !ldcache_has_header(ret->cache))
		return nonsense(e);
	return 0;
}

/* "3 rest": the folder of that number; rest stays in *line. */
static int take_folder(const struct strv *folders, struct str *line, const char **ret,
		       struct err *e)
{
	struct str number = {0};
	uint32_t i;

	if (!str_split(line, ' ', &number) || str_to_u32(number, &i) < 0 || i >= folders->n)
		return nonsense(e);
	*ret = folders->v[i];
	return 0;
}

static int make_link(struct arena *a, const struct container *c, const char *folder,
		     struct str line, struct err *e)
{
	struct str file = {0};
	const char *name, *soname;

	if (!str_split(&line, '/', &file))
		return nonsense(e);
	name = arena_str(a, file);
	soname = arena_str(a, line);
	if (!libdir_is_library_name(name) || !libdir_is_library_name(soname))
		return nonsense(e);
	return rootfs_symlink(&c->root, name, arena_printf(a, "%s/%s", folder, soname), e);
}

/* Makes the links and collects the folders that the drop-in file has to name. */
static int take_text(struct arena *a, const struct container *c, const struct strv *folders,
		     const struct answer *answer, struct strv *unknown, struct err *e)
{
	struct str rest = answer->text, line, word;
	size_t links = 0;
	int r = 0;

	while (r >= 0 && str_split(&rest, '\n', &line)) {
		const char *folder = NULL;

		if (line.n == 0)
			continue;
		(void)str_split(&line, ' ', &word);
		if (str_is(word, "note")) {
			log_warn("loader cache: left out: %.*s", STR_ARG(line));
			continue;
		}
		r = take_folder(folders, &line, &folder, e);
		if (r < 0)
			break;
		if (str_is(word, "unknown"))
			arena_push(a, unknown, folder);
		else if (str_is(word, "link") && links++ < MAX_LINKS)
			r = make_link(a, c, folder, line, e);
		else
			r = nonsense(e);
	}
	return r < 0 ? r : 0;
}

/* For later runs of ldconfig in the container. */
static int write_configuration(struct arena *a, const struct container *c,
			       const struct answer *answer, const struct strv *unknown,
			       struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct str old;
	int r = 0;

	strbuf_adds(&text, DROP_IN_FIRST_LINE);
	for (size_t i = 0; i < unknown->n; i++)
		strbuf_printf(&text, "%s\n", unknown->v[i]);
	/* Without folders only a file of an earlier start has to change. */
	if (unknown->n > 0 ||
	    rootfs_read(a, &c->root, LDCONF_DRIVER, LDCACHE_SCAN_MAX_PATHS, &old, NULL) == 0)
		r = rootfs_update(&c->root, LDCONF_DRIVER, strbuf_str(&text), 0644, e);
	if (r >= 0 && !(answer->header.flags & LDCACHE_SCAN_CONF))
		r = rootfs_write(&c->root, LDCONF_FILE, STR("include " LDCONF_DIR "/*.conf\n"),
				 0644, e);
	return r < 0 ? r : 0;
}

static int install(struct arena *a, const struct container *c, const struct strv *folders,
		   const struct answer *answer, struct err *e)
{
	const struct ldcache_scan_header *h = &answer->header;
	struct strv unknown = {0};
	int r = take_text(a, c, folders, answer, &unknown, e);

	if (r == 0 && (h->flags & LDCACHE_SCAN_GLIBC))
		r = write_configuration(a, c, answer, &unknown, e);
	if (r == 0 && answer->cache.n > 0)
		r = rootfs_write(&c->root, LDCACHE_SCAN_FILE, answer->cache, 0644, e);
	if (r == 0 && h->musl > 0 && answer->paths.n > 0)
		r = rootfs_write(
			&c->root,
			arena_printf(a, LDCACHE_SCAN_MUSL_PATHS, ldcache_scan_musl[h->musl - 1]),
			answer->paths, 0644, e);
	return r;
}

static bool is_unwritable(int r)
{
	return r == -EROFS || r == -EACCES || r == -EPERM;
}

int job_ldcache(const struct container *c, const struct strv *folders, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	struct answer answer = {0};
	struct strv clean = {0};
	struct err cause = {""};
	int r = check_folders(&a, folders, &clean, e);

	if (r == 0)
		r = ask_child(&a, c, &clean, &answer, e);
	if (r < 0)
		return err_in(e, r, "update the loader cache");
	r = install(&a, c, &clean, &answer, &cause);
	if (is_unwritable(r) && (answer.header.flags & LDCACHE_SCAN_REACHABLE)) {
		log_warn("loader cache not updated, which this image can do without: %s",
			 cause.text);
		return 0;
	}
	if (is_unwritable(r))
		return err_set(e, -r,
			       "update the loader cache: %s; give the container a writable root "
			       "while it starts (--read-only of an engine is no obstacle), or name "
			       "the driver's folders in /etc/ld.so.conf of the image and run "
			       "ldconfig there",
			       cause.text);
	return r < 0 ? err_set(e, -r, "update the loader cache: %s", cause.text) : 0;
}
