/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/collect.h"

#include <sys/stat.h>

#include "base/log.h"
#include "base/path.h"
#include "nv/files.h"

/* Beside each of the driver's library directories, then where X.Org has them. */
static const char xorg_below_libraries[][32] = {
	"nvidia/xorg", "xorg/modules/drivers", "xorg/modules/extensions",
	"xorg/modules/updates/drivers", "xorg/modules/updates/extensions"};
static const char xorg_bases[][20] = {"/usr/lib/xorg", "/usr/lib64/xorg", "/usr/X11R6/lib",
				      "/usr/X11R6/lib64"};
static const char xorg_below_bases[][28] = {"modules/drivers", "modules/extensions",
					    "modules/updates/drivers",
					    "modules/updates/extensions"};

static void list_xorg_dirs(struct nv_collect *c, struct strv *ret)
{
	const struct strv *libraries = &c->d->library_dirs;

	for (size_t i = 0; i < libraries->n; i++)
		for (size_t k = 0; k < COUNT_OF(xorg_below_libraries); k++)
			nv_collect_name(c, ret,
					arena_printf(c->a, "%s/%s", libraries->v[i],
						     xorg_below_libraries[k]));
	for (size_t i = 0; i < COUNT_OF(xorg_bases); i++)
		for (size_t k = 0; k < COUNT_OF(xorg_below_bases); k++)
			nv_collect_name(
				c, ret,
				arena_printf(c->a, "%s/%s", xorg_bases[i], xorg_below_bases[k]));
}

static void add_xorg_link(struct nv_collect *c, const struct nv_file *f)
{
	auto_free char *dir = path_dir(f->path);
	const char *file = path_base(f->path);

	for (size_t i = 0; i < nv_known_link_count; i++) {
		const struct nv_known_link *k = &nv_known_links[i];
		struct nv_link l = {.group = NV_LINK_GRAPHICS,
				    .classes = k->classes,
				    .target = file,
				    .path = arena_printf(c->a, "%s/%s", dir, k->path)};

		if (str_has_prefix(str_of(file), k->path) &&
		    str_has_prefix(str_of(k->path), k->library))
			nv_collect_link(c, &l);
	}
}

void nv_collect_xorg(struct nv_collect *c)
{
	struct strv dirs = {0};

	list_xorg_dirs(c, &dirs);
	for (size_t i = 0; i < nv_known_xorg_count; i++) {
		const struct nv_known_xorg *k = &nv_known_xorgs[i];
		bool found = false;

		for (size_t n = 0; n < dirs.n && !found; n++) {
			struct nv_file f = {.kind = NV_FILE_XORG, .classes = NV_CLASS_DRM};

			f.path = arena_printf(c->a, "%s/%s%s%s", dirs.v[n], k->name,
					      k->versioned ? "." : "",
					      k->versioned ? c->d->version : "");
			found = nv_collect_at(c, &f, false);
			if (found)
				add_xorg_link(c, &f);
		}
	}
}

static bool is_file(const char *host)
{
	struct stat st;

	return stat(host, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* A configuration file of the root at <dir>/<name>; it goes to the usual place whatever dir is. */
static bool add_config(struct nv_collect *c, const struct nv_known_config *k, const char *dir)
{
	struct nv_file f = {.kind = NV_FILE_CONFIG,
			    .classes = k->classes,
			    .path = arena_printf(c->a, "%s/%s", k->to, k->name)};
	const char *real;
	struct stat st;

	if (nv_root_stat(c->a, &c->root, arena_printf(c->a, "%s/%s", dir, k->name), &real, &st) <
		    0 ||
	    S_ISDIR(st.st_mode))
		return false;
	f.host = nv_root_host(c->a, &c->root, real);
	nv_collect_file(c, &f);
	return true;
}

/* The same in a directory of the host that the user named. */
static bool add_given_config(struct nv_collect *c, const struct nv_known_config *k,
			     const char *given)
{
	struct str rest = str_of(given), part;

	while (str_split(&rest, ':', &part)) {
		struct nv_file f = {.kind = NV_FILE_CONFIG,
				    .classes = k->classes,
				    .path = arena_printf(c->a, "%s/%s", k->to, k->name)};
		auto_free char *host = NULL;

		if (part.n == 0 || part.p[0] != '/')
			continue;
		host = path_join(arena_str(c->a, part), k->name);
		if (!is_file(host))
			continue;
		f.host = arena_strdup(c->a, host);
		nv_collect_file(c, &f);
		return true;
	}
	return false;
}

static void list_config_dirs(struct nv_collect *c, struct strv *ret)
{
	const char *data = c->q->data_dirs && c->q->data_dirs[0] != '\0'
				   ? c->q->data_dirs
				   : "/usr/local/share:/usr/share";
	struct str rest = str_of(data), part;

	nv_collect_name(c, ret, "/etc");
	while (str_split(&rest, ':', &part)) {
		auto_free char *clean = NULL;

		if (part.n == 0 || part.p[0] != '/')
			continue;
		clean = path_clean(arena_str(c->a, part));
		nv_collect_name(c, ret, arena_strdup(c->a, clean));
	}
	for (size_t i = 0; i < c->prefixes.n; i++) {
		nv_collect_name(c, ret, arena_printf(c->a, "%s/share", c->prefixes.v[i]));
		nv_collect_name(c, ret, arena_printf(c->a, "%s/etc", c->prefixes.v[i]));
	}
}

void nv_collect_configs(struct nv_collect *c)
{
	const struct strv *given = c->q->config_paths;
	struct strv dirs = {0};

	list_config_dirs(c, &dirs);
	for (size_t i = 0; i < nv_known_config_count; i++) {
		const struct nv_known_config *k = &nv_known_configs[i];
		bool found = false;

		if (given && given->n > 0) {
			for (size_t n = 0; n < given->n && !found; n++)
				found = add_given_config(c, k, given->v[n]);
			continue;
		}
		for (size_t n = 0; n < dirs.n && !found; n++)
			found = add_config(c, k, dirs.v[n]);
		if (!found && k->at_root)
			found = add_config(c, k, "");
		for (size_t n = 0; n < c->prefixes.n && !found && k->at_root; n++)
			found = add_config(c, k, c->prefixes.v[n]);
	}
}
