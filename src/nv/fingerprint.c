/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/fingerprint.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/path.h"
#include "nv/files.h"

__extension__ typedef unsigned __int128 wide;

void nv_digest_init(struct nv_digest *d)
{
	*d = (struct nv_digest){.high = 0x6c62272e07bb0142, .low = 0x62b821756295c58d};
}

void nv_digest_add(struct nv_digest *d, const void *p, size_t n)
{
	const wide prime = (wide)1 << 88 | 0x13b;
	const unsigned char *bytes = p;
	wide h = (wide)d->high << 64 | d->low;

	for (size_t i = 0; i < n; i++)
		h = (h ^ bytes[i]) * prime;
	d->high = (uint64_t)(h >> 64);
	d->low = (uint64_t)h;
}

void nv_digest_number(struct nv_digest *d, uint64_t n)
{
	nv_digest_add(d, &n, sizeof(n));
}

void nv_digest_text(struct nv_digest *d, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	/* The length before the text: "ab", "c" is not "a", "bc". */
	nv_digest_number(d, s ? n : UINT64_MAX);
	nv_digest_add(d, s, n);
}

void nv_digest_print(const struct nv_digest *d, char to[NV_DIGEST_SIZE])
{
	(void)snprintf(to, NV_DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, d->high, d->low);
}

const char *nv_fingerprint_module(struct arena *a, const struct nv_host *host)
{
	const char *path = arena_printf(a, "%s/driver/nvidia/version", nv_host_proc(host));
	/* openat(), because musl's open() makes a second system call for O_CLOEXEC. */
	auto_close int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char text[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	return n < 0 ? NULL : arena_str(a, (struct str){text, (size_t)n});
}

static void digest_list(struct nv_digest *d, const struct strv *list)
{
	nv_digest_number(d, list ? list->n : 0);
	for (size_t i = 0; list && i < list->n; i++)
		nv_digest_text(d, list->v[i]);
}

void nv_fingerprint_query(const struct nv_driver_query *q, struct nv_digest *d)
{
	nv_digest_text(d, VERSION);
	/* "" and "/" ask for the same. */
	nv_digest_text(d, q->driver_root && strcmp(q->driver_root, "/") != 0 ? q->driver_root : "");
	digest_list(d, q->library_paths);
	digest_list(d, q->config_paths);
	nv_digest_text(d, q->path);
	nv_digest_text(d, q->data_dirs);
	nv_digest_number(d, q->explicit_libraries);
	nv_digest_number(d, q->no_ipc);
	nv_digest_text(d, q->host.proc);
	nv_digest_text(d, q->host.sys);
	nv_digest_text(d, nv_host_dev(&q->host));
}

static uint64_t nanoseconds(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void digest_identity(struct nv_digest *d, const struct stat *st)
{
	nv_digest_number(d, st->st_dev);
	nv_digest_number(d, st->st_ino);
	nv_digest_number(d, (uint64_t)st->st_size);
	nv_digest_number(d, nanoseconds(st->st_mtim));
	nv_digest_number(d, nanoseconds(st->st_ctim));
}

static void add_dir_of(struct arena *a, struct strv *ret, const char *file)
{
	auto_free char *dir = path_dir(file);

	for (size_t i = 0; i < ret->n; i++)
		if (strcmp(ret->v[i] + 1, dir) == 0)
			return;
	arena_push(a, ret, arena_printf(a, "=%s", dir));
}

/* libcuda and libnvidia-ml: a driver that is replaced in place shows here. */
static bool is_key_library(const struct nv_file *f)
{
	struct str name = str_of(path_base(f->host));

	return f->kind == NV_FILE_LIBRARY &&
	       (str_has_prefix(name, "libcuda.so.") || str_has_prefix(name, "libnvidia-ml.so."));
}

void nv_fingerprint_watch(struct arena *a, const struct nv_driver_query *q,
			  const struct nv_driver *driver, struct strv *ret)
{
	const char *root = strcmp(driver->root, "/") == 0 ? "" : driver->root;
	struct strv list = {0};

	arena_push(a, &list, arena_printf(a, "=%s/etc/ld.so.cache", root));
	arena_push(a, &list, arena_printf(a, "=%s/usr/bin", root));
	for (size_t i = 0; i < driver->library_dirs.n; i++)
		add_dir_of(a, &list, arena_printf(a, "%s%s/x", root, driver->library_dirs.v[i]));
	for (size_t i = 0; i < driver->files.n; i++) {
		const struct nv_file *f = &driver->files.v[i];

		if (f->kind != NV_FILE_SOCKET)
			add_dir_of(a, &list, f->host);
		if (is_key_library(f))
			arena_push(a, &list, arena_printf(a, "=%s", f->host));
	}
	for (size_t i = 0; !q->no_ipc && i < nv_known_socket_count; i++) {
		const char *name = nv_known_sockets[i].name;

		arena_push(a, &list,
			   arena_printf(a, name[0] == '/' ? "~%s%s" : "~%s/run/%s", root, name));
	}
	*ret = list;
}

/*
 * Of what kind and whose a name is, and what a link leads to: /tmp/nvidia-mps is mounted because it
 * is root's own directory, and when that is gone anybody may put something else there.
 */
static void digest_kind(struct nv_digest *d, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0) {
		nv_digest_number(d, 0);
		return;
	}
	nv_digest_number(d, st.st_mode);
	nv_digest_number(d, st.st_uid);
	if (!S_ISLNK(st.st_mode))
		return;
	if (stat(path, &st) < 0)
		st.st_mode = 0;
	nv_digest_number(d, st.st_mode);
}

void nv_fingerprint_files(const struct strv *watched, struct nv_digest *d,
			  struct timespec *ret_newest)
{
	struct timespec newest = {0};

	for (size_t i = 0; i < watched->n; i++) {
		const char *w = watched->v[i];
		struct stat st;

		nv_digest_text(d, w);
		if (w[0] == '~') {
			digest_kind(d, w + 1);
			continue;
		}
		if (stat(w + 1, &st) < 0) {
			nv_digest_number(d, 0);
			continue;
		}
		digest_identity(d, &st);
		if (nanoseconds(st.st_ctim) > nanoseconds(newest))
			newest = st.st_ctim;
	}
	*ret_newest = newest;
}
