/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/snapshot-store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "base/path.h"

#define SYSTEM_DIR  "/run/nvidia-container-toolkit"
#define RUNTIME_DIR "nvidia-container-toolkit"
#define MAX_SIZE    (16u << 20)

/* "snapshot" for the usual machine, "snapshot-<digest>" for every other root. */
static const char *file_name(struct arena *a, const struct nv_driver_query *q)
{
	const char *root = q->driver_root ? q->driver_root : "";
	const char *dev = nv_host_dev(&q->host);
	char text[NV_DIGEST_SIZE];
	struct nv_digest d;

	if ((root[0] == '\0' || strcmp(root, "/") == 0) && dev[0] == '\0')
		return "snapshot";
	nv_digest_init(&d);
	nv_digest_text(&d, root);
	nv_digest_text(&d, dev);
	nv_digest_print(&d, text);
	return arena_printf(a, "snapshot-%.16s", text);
}

/*
 * $XDG_RUNTIME_DIR where it is our user's: root with the variable of somebody else, as under
 * sudo -E, must not write where that one decides what the names mean.
 */
static const char *runtime_dir(void)
{
	const char *dir = secure_getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (!dir || dir[0] != '/' || stat(dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return NULL;
	return st.st_uid == geteuid() && !(st.st_mode & 022) ? dir : NULL;
}

void nv_store_open(struct arena *a, const struct nv_snapshot_query *q, struct nv_store *ret)
{
	const char *name = file_name(a, &q->driver);
	struct nv_store s = {0};

	if (!q->no_store && q->store_dir) {
		arena_push(a, &s.files, arena_printf(a, "%s/%s", q->store_dir, name));
	} else if (!q->no_store) {
		const char *runtime = runtime_dir();

		arena_push(a, &s.files, arena_printf(a, SYSTEM_DIR "/%s", name));
		if (runtime)
			arena_push(a, &s.files,
				   arena_printf(a, "%s/" RUNTIME_DIR "/%s", runtime, name));
	}
	*ret = s;
}

/* Root's or ours, and not for others to write. The rare owner (a user namespace) is looked at
 * closely. */
static bool is_trusted(const struct stat *st, const char *path)
{
	if (st->st_mode & 022)
		return false;
	return st->st_uid == 0 || st->st_uid == geteuid() || fs_check_trusted(path, NULL) == 0;
}

/* The directory first: who may rename in it could put any old snapshot there. */
static int open_file(const char *path, struct stat *st)
{
	auto_free char *parent = path_dir(path);
	auto_close int dir =
		openat(AT_FDCWD, parent, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int fd = -1;

	if (dir < 0 || fstat(dir, st) < 0)
		return -errno;
	if (!is_trusted(st, parent))
		return -EPERM;
	fd = openat(dir, path_base(path),
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	if (!S_ISREG(st->st_mode) || !is_trusted(st, path))
		return -EPERM;
	return steal_fd(&fd);
}

const char *nv_store_boot_id(struct arena *a)
{
	struct str text;

	if (fs_read(a, "/proc/sys/kernel/random/boot_id", 64, &text, NULL) < 0)
		return "";
	return arena_str(a, str_trim(text));
}

/* Reading the boot id takes longer than all the rest: what lies in memory is of this boot. */
static bool is_of_this_boot(struct arena *a, int fd, const struct nv_kept *k)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
		return true;
	return strcmp(k->boot_id, nv_store_boot_id(a)) == 0;
}

static int read_file(struct arena *a, const char *path, struct nv_kept *ret)
{
	struct stat st = {0};
	auto_close int fd = open_file(path, &st);
	struct nv_kept k;
	char *bytes;
	int r;

	if (fd < 0)
		return fd;
	if (st.st_size <= 0 || st.st_size > MAX_SIZE)
		return -EBADMSG;
	bytes = arena_alloc(a, (size_t)st.st_size + 1);
	/* It is only ever replaced as a whole, so one read takes it all. */
	if (read(fd, bytes, (size_t)st.st_size) != st.st_size)
		return -EBADMSG;
	r = nv_kept_read(a, (struct str){bytes, (size_t)st.st_size}, &k);
	if (r == 0 && !is_of_this_boot(a, fd, &k))
		r = -ESTALE;
	if (r == 0)
		*ret = k;
	return r;
}

int nv_store_read(struct arena *a, const struct nv_store *s, struct nv_kept *ret)
{
	int r = -ENOENT;

	for (size_t i = 0; i < s->files.n; i++) {
		r = read_file(a, s->files.v[i], ret);
		if (r == 0)
			return 0;
		if (r != -ENOENT)
			log_debug("%s is not used: %s", s->files.v[i], strerror(-r));
	}
	return r;
}

static int write_file(const char *path, struct str bytes, struct err *e)
{
	auto_free char *dir = path_dir(path);
	int r = fs_mkdir_p(dir, 0755, e);

	return r < 0 ? r : fs_write_atomic(path, bytes, 0644, FS_NO_SYNC, e);
}

void nv_store_write(const struct nv_store *s, const struct nv_kept *k)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct err e;

	nv_kept_write(k, &b);
	for (size_t i = 0; i < s->files.n; i++) {
		if (write_file(s->files.v[i], strbuf_str(&b), &e) == 0)
			return;
		log_debug("no snapshot is kept in %s: %s", s->files.v[i], e.text);
	}
}

uint64_t nv_store_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* flock() knows no deadline, so it is tried again and again. */
static bool lock_until(int fd, uint64_t end_ns)
{
	const struct timespec turn = {.tv_nsec = 2000000};

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || nv_store_now_ns() >= end_ns)
			return false;
		(void)nanosleep(&turn, NULL);
	}
	return true;
}

int nv_store_lock(const struct nv_store *s, const char *which, uint64_t patience_ns)
{
	uint64_t end = nv_store_now_ns() + patience_ns;

	for (size_t i = 0; i < s->files.n; i++) {
		auto_free char *dir = path_dir(s->files.v[i]);
		auto_free char *path = mem_printf("%s.%s-lock", s->files.v[i], which);
		auto_close int fd = -1;

		if (fs_mkdir_p(dir, 0755, NULL) < 0)
			continue;
		fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		if (fd < 0)
			continue;
		return lock_until(fd, end) ? steal_fd(&fd) : -1;
	}
	return -1;
}
