/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/collect.h"

#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"
#include "nv/files.h"

static const char program_dirs[][16] = {"/usr/local/sbin", "/usr/local/bin", "/usr/sbin",
					"/usr/bin",	   "/sbin",	     "/bin"};

static bool is_program(struct nv_collect *c, const char *path, const char **ret_host)
{
	const char *real;
	struct stat st;

	if (nv_root_stat(c->a, &c->root, path, &real, &st) < 0 || S_ISDIR(st.st_mode) ||
	    !(st.st_mode & 0111))
		return false;
	*ret_host = nv_root_host(c->a, &c->root, real);
	return true;
}

/* Directories of programs, in order: the caller's, the usual ones, those beside the libraries. */
static void list_program_dirs(struct nv_collect *c, struct strv *ret)
{
	struct str rest = str_of(c->q->path), part;

	while (str_split(&rest, ':', &part)) {
		auto_free char *dir = mem_dup(part.p, part.n);
		auto_free char *clean = path_clean(dir);

		if (clean[0] == '/')
			nv_collect_name(c, ret, arena_strdup(c->a, clean));
	}
	for (size_t i = 0; i < COUNT_OF(program_dirs); i++)
		nv_collect_name(c, ret, program_dirs[i]);
	for (size_t i = 0; i < c->prefixes.n; i++)
		nv_collect_name(c, ret, arena_printf(c->a, "%s/bin", c->prefixes.v[i]));
	nv_collect_name(c, ret, "/run/current-system/sw/bin");
}

static bool is_usual_dir(const char *dir)
{
	for (size_t i = 0; i < COUNT_OF(program_dirs); i++)
		if (strcmp(dir, program_dirs[i]) == 0)
			return true;
	return false;
}

static bool add_binary(struct nv_collect *c, const struct nv_known_binary *k, const char *dir)
{
	struct nv_file f = {.kind = NV_FILE_BINARY,
			    .classes = k->classes,
			    .path = arena_printf(c->a, "%s/%s", dir, k->name)};
	struct nv_link l = {
		.group = NV_LINK_DRIVER, .classes = k->classes, .added = true, .target = f.path};

	if (!is_program(c, f.path, &f.host))
		return false;
	nv_collect_file(c, &f);
	/* The image's PATH knows nothing of a host's own place for the driver. */
	if (!is_usual_dir(dir)) {
		l.path = arena_printf(c->a, "/usr/bin/%s", k->name);
		nv_collect_link(c, &l);
	}
	return true;
}

void nv_collect_binaries(struct nv_collect *c)
{
	struct strv dirs = {0};

	list_program_dirs(c, &dirs);
	for (size_t i = 0; i < nv_known_binary_count; i++) {
		const struct nv_known_binary *k = &nv_known_binaries[i];
		bool found = false;

		for (size_t n = 0; n < dirs.n && !found; n++)
			found = add_binary(c, k, dirs.v[n]);
		if (!found && k->expected)
			nv_collect_missing(c, k->name, k->classes);
	}
}

static bool is_gsp(struct str name)
{
	return str_has_prefix(name, "gsp") && str_has_suffix(name, ".bin");
}

static void add_firmware(struct nv_collect *c, const char *dir)
{
	const char *at = arena_printf(c->a, "%s/nvidia/%s", dir, c->d->version);
	struct strv names;
	const char *real;
	struct stat st;

	if (nv_root_stat(c->a, &c->root, at, &real, &st) < 0)
		return;
	names = nv_search_names(c->a, &c->root, real, is_gsp);
	for (size_t i = 0; i < names.n; i++) {
		struct nv_file f = {.kind = NV_FILE_FIRMWARE,
				    .classes = NV_CLASS_ALL,
				    .path = arena_printf(c->a, "%s/%s", at, names.v[i])};

		(void)nv_collect_at(c, &f, false);
	}
}

/* Where the kernel was told to look first; it may name the driver root as the host sees it. */
static const char *firmware_parameter(struct nv_collect *c)
{
	const char *file = arena_printf(c->a, "%s/module/firmware_class/parameters/path",
					nv_host_sys(&c->q->host));
	struct str text;
	auto_free char *clean = NULL;

	if (fs_read(c->a, file, 4096, &text, NULL) < 0)
		return NULL;
	text = str_trim(text);
	if (text.n == 0 || text.p[0] != '/')
		return NULL;
	clean = path_clean(arena_str(c->a, text));
	if (c->root.prefix[0] != '\0' && path_is_below(clean, c->root.prefix))
		return arena_strdup(c->a, path_strip_root(clean, c->root.prefix));
	return arena_strdup(c->a, clean);
}

void nv_collect_firmware(struct nv_collect *c)
{
	const char *parameter = firmware_parameter(c);
	struct strv dirs = {0};
	struct utsname u;

	if (parameter)
		nv_collect_name(c, &dirs, parameter);
	if (uname(&u) == 0)
		nv_collect_name(c, &dirs,
				arena_printf(c->a, "/lib/firmware/updates/%s", u.release));
	nv_collect_name(c, &dirs, "/lib/firmware/updates");
	if (uname(&u) == 0)
		nv_collect_name(c, &dirs, arena_printf(c->a, "/lib/firmware/%s", u.release));
	nv_collect_name(c, &dirs, "/lib/firmware");
	for (size_t i = 0; i < c->prefixes.n; i++)
		nv_collect_name(c, &dirs, arena_printf(c->a, "%s/firmware", c->prefixes.v[i]));
	for (size_t i = 0; i < dirs.n; i++)
		add_firmware(c, dirs.v[i]);
}

/*
 * The pipe directory of the MPS daemon lies in /tmp, where anybody may put a
 * directory or a link of that name: it is taken only as a directory of root's or
 * our own.
 */
static bool is_safe_in_tmp(struct nv_collect *c, const char *path)
{
	const char *host = nv_root_host(c->a, &c->root, path);
	struct stat st;

	if (lstat(host, &st) < 0)
		return false;
	if (S_ISDIR(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()))
		return true;
	log_debug("%s is not a directory that root made: left out", host);
	return false;
}

static void add_socket(struct nv_collect *c, const struct nv_known_socket *k)
{
	static const char dirs[][9] = {"/run", "/var/run"};
	struct nv_file f = {.kind = NV_FILE_SOCKET, .classes = k->classes, .path = k->name};

	if (k->name[0] == '/') {
		if (is_safe_in_tmp(c, k->name))
			(void)nv_collect_at(c, &f, true);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		f.path = arena_printf(c->a, "%s/%s", dirs[i], k->name);
		if (nv_collect_at(c, &f, false))
			return;
	}
}

void nv_collect_sockets(struct nv_collect *c)
{
	if (c->q->no_ipc)
		return;
	for (size_t i = 0; i < nv_known_socket_count; i++)
		add_socket(c, &nv_known_sockets[i]);
}
