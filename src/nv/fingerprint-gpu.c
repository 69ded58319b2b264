/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "nv/files.h"
#include "nv/fingerprint.h"
#include "nv/pci.h"

#define MAX_GPUS 1024
#define MAX_MIGS 256
#define BATCH	 16

static int on_bus(const void *x, const void *y)
{
	struct nv_pci a = {0}, b = {0};

	(void)!nv_pci_parse(str_of(((const struct nv_gpu *)x)->pci), &a);
	(void)!nv_pci_parse(str_of(((const struct nv_gpu *)y)->pci), &b);
	return nv_pci_compare(&a, &b);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

/* Directories of one GPU's instances, or the one in which they will appear. */
static void list_instances(struct arena *a, const char *gpu, struct strv *ret)
{
	const char *dir = arena_printf(a, "%s/mig", gpu);
	struct strv gis = {0}, cis = {0};

	if (is_there(dir))
		arena_push(a, ret, dir);
	else if (is_there(gpu))
		arena_push(a, ret, gpu);
	if (fs_list(a, dir, MAX_MIGS, &gis, NULL) < 0)
		return;
	for (size_t i = 0; i < gis.n; i++) {
		if (!str_has_prefix(str_of(gis.v[i]), "gi") ||
		    fs_list(a, arena_printf(a, "%s/%s", dir, gis.v[i]), MAX_MIGS, &cis, NULL) < 0)
			continue;
		arena_push(a, ret, gis.v[i]);
		for (size_t k = 0; k < cis.n; k++)
			if (str_has_prefix(str_of(cis.v[k]), "ci"))
				arena_push(a, ret, arena_printf(a, "%s/%s", gis.v[i], cis.v[k]));
	}
}

void nv_fingerprint_list(struct arena *a, const struct nv_host *host,
			 struct nv_fingerprint_list *ret)
{
	const char *dir = arena_printf(a, "%s/driver/nvidia/gpus", nv_host_proc(host));
	const char *caps = arena_printf(a, "%s/driver/nvidia/capabilities", nv_host_proc(host));
	struct nv_fingerprint_list list = {0};
	struct strv names = {0};

	arena_push(a, &list.instances, caps);
	if (fs_list(a, dir, MAX_GPUS, &names, NULL) < 0)
		names.n = 0;
	for (size_t i = 0; i < names.n; i++) {
		struct nv_gpu g = {0};
		struct nv_pci at;
		struct str text;

		if (nv_pci_parse(str_of(names.v[i]), &at) < 0)
			continue;
		/* One that says nothing has the minor 0, as nv_gpu_find() lists it. */
		if (fs_read(a, arena_printf(a, "%s/%s/information", dir, names.v[i]), 65536, &text,
			    NULL) == 0)
			(void)!nv_gpu_parse(a, text, &g, NULL);
		g.pci = nv_pci_text(a, &at);
		if (g.excluded)
			continue;
		arena_push(a, &list.gpus, g);
		list_instances(a, arena_printf(a, "%s/gpu%u", caps, g.minor), &list.instances);
	}
	if (list.gpus.n > 1)
		qsort(list.gpus.v, list.gpus.n, sizeof(*list.gpus.v), on_bus);
	*ret = list;
}

/* What says that a node is the same: its numbers and rights; that it is not there says as much. */
static void digest_node(struct nv_digest *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		nv_digest_number(d, 0);
		return;
	}
	nv_digest_number(d, st.st_mode);
	nv_digest_number(d, st.st_rdev);
	nv_digest_number(d, (uint64_t)st.st_uid << 32 | st.st_gid);
}

/* Nodes come and go below it. */
static void digest_node_dir(struct nv_digest *d, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		nv_digest_number(d, 0);
		return;
	}
	nv_digest_number(d, st.st_ino);
	nv_digest_number(d,
			 (uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec);
}

/*
 * A GPU that has fallen off the bus answers with ones: 1; else 0, and 2 where
 * nobody can tell. The descriptor stays open: the caller closes those of all GPUs.
 */
static unsigned bus_state(struct arena *a, const struct nv_host *host, const char *pci, int *ret_fd)
{
	const char *path = arena_printf(a, "%s/bus/pci/devices/%s/config", nv_host_sys(host), pci);
	int fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	unsigned char vendor[2];

	*ret_fd = fd;
	if (fd < 0 || read(fd, vendor, sizeof(vendor)) != sizeof(vendor))
		return 2;
	return vendor[0] == 0xff && vendor[1] == 0xff;
}

/*
 * Numbers in a row, as the kernel gives them where there is no gap, go with one
 * system call instead of one each.
 */
static void close_all(const int *fds, size_t n)
{
	size_t next;

	for (size_t i = 0; i < n; i = next) {
		for (next = i + 1; next < n && fds[next] == fds[next - 1] + 1;)
			next++;
		if (fds[i] >= 0 && next - i > 1 &&
		    syscall(SYS_close_range, fds[i], fds[next - 1], 0) == 0)
			continue;
		for (size_t k = i; k < next; k++)
			closep(&fds[k]);
	}
}

/* At most BATCH at a time, for machines with more GPUs than descriptors. */
static void digest_bus(struct arena *a, const struct nv_host *host, const struct nv_gpus *gpus,
		       struct nv_digest *d)
{
	int fds[BATCH];

	for (size_t i = 0, n; i < gpus->n; i += n) {
		for (n = 0; n < BATCH && i + n < gpus->n; n++)
			nv_digest_number(d, bus_state(a, host, gpus->v[i + n].pci, &fds[n]));
		close_all(fds, n);
	}
}

static void closedirp(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

/* The number of entries, for file systems whose directories do not count their links. */
static unsigned count_entries(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(closedirp) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (fd >= 0 && !d)
		(void)close(fd);
	return n;
}

/*
 * A directory of instances: another inode, or another time of it, is another
 * instance of the same number; another number of links is one more or less below.
 */
static void digest_instance(struct nv_digest *d, int dir, const char *path)
{
	struct stat st;

	nv_digest_text(d, path);
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		nv_digest_number(d, 0);
		return;
	}
	nv_digest_number(d, st.st_ino);
	nv_digest_number(d,
			 (uint64_t)st.st_ctim.tv_sec * 1000000000u + (uint64_t)st.st_ctim.tv_nsec);
	nv_digest_number(d, st.st_nlink >= 2 ? st.st_nlink : count_entries(dir, path));
}

static void digest_instances(struct nv_digest *d, const struct strv *instances)
{
	auto_close int base = -1;

	for (size_t i = 0; i < instances->n; i++) {
		const char *path = instances->v[i];
		bool leads = i + 1 < instances->n && instances->v[i + 1][0] != '/';

		digest_instance(d, base, path);
		/* Names below it are short and found at once. */
		if (path[0] == '/' && leads) {
			closep(&base);
			base = openat(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		}
	}
}

void nv_fingerprint_gpus(struct arena *a, const struct nv_host *host, const struct nv_gpus *gpus,
			 const struct strv *instances, struct nv_digest *d)
{
	const char *dev = nv_host_dev(host);
	struct stat st;

	if (stat(arena_printf(a, "%s/driver/nvidia/gpus", nv_host_proc(host)), &st) == 0)
		nv_digest_number(d, st.st_nlink);
	for (size_t i = 0; i < gpus->n; i++) {
		const struct nv_gpu *g = &gpus->v[i];

		nv_digest_text(d, g->pci);
		nv_digest_number(d, g->minor);
		digest_node(d, arena_printf(a, "%s/dev/nvidia%u", dev, g->minor));
	}
	digest_bus(a, host, gpus, d);
	digest_instances(d, instances);
	for (size_t i = 0; i < nv_control_node_count; i++)
		digest_node(d, arena_printf(a, "%s%s", dev, nv_control_nodes[i].path));
	digest_node_dir(d, arena_printf(a, "%s/dev/dri", dev));
	digest_node_dir(d, arena_printf(a, "%s/dev/nvidia-caps", dev));
}

/* The second word of a version's kind: "580.159.04" out of the module's first line. */
static struct str version_in(struct str text)
{
	struct str line, word;

	if (!str_split(&text, '\n', &line))
		return (struct str){0};
	while (str_split(&line, ' ', &word)) {
		struct str rest = word, part;
		unsigned parts = 0;
		uint32_t n;

		while (str_split(&rest, '.', &part) && str_to_u32(part, &n) == 0)
			parts++;
		if (parts >= 2 && !rest.p)
			return word;
	}
	return (struct str){0};
}

static void digest_library(struct nv_digest *d, const char *library)
{
	struct stat st;

	nv_digest_text(d, library);
	if (!library || stat(library, &st) < 0)
		return;
	nv_digest_number(d, (uint64_t)st.st_size);
	nv_digest_number(d, (uint64_t)st.st_mtim.tv_sec);
}

void nv_fingerprint_spec(struct arena *a, const struct nv_host *host, const char *library,
			 struct nv_digest *d)
{
	const char *module = nv_fingerprint_module(a, host);
	struct str version = version_in(str_of(module));
	struct nv_fingerprint_list list;

	nv_digest_text(d, version.p ? arena_str(a, version) : NULL);
	nv_fingerprint_list(a, host, &list);
	for (size_t i = 0; i < list.gpus.n; i++) {
		nv_digest_text(d, list.gpus.v[i].pci);
		nv_digest_number(d, list.gpus.v[i].minor);
	}
	for (size_t i = 0; i < list.instances.n; i++)
		nv_digest_text(d, list.instances.v[i]);
	digest_library(d, library);
}
