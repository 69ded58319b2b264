/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "base/log.h"
#include "ctr/job.h"
#include "os/mount.h"

#define PARAMS_DIR "/proc/driver/nvidia"
#define PARAMS	   PARAMS_DIR "/params"

enum { PARAMS_MAX = 64 << 10 };

/*
 * The driver's user space makes missing /dev/nvidia* nodes, with mknod or the
 * setuid nvidia-modprobe, unless this parameter is 0 (CVE-2021-1056 is what a
 * container could then reach). 1 when the text has it at 1: a copy with 0.
 */
static int forbid(struct arena *a, struct str params, struct str *ret)
{
	static const char wanted[] = "ModifyDeviceFiles: 1";
	struct str rest = params, line;

	while (str_split(&rest, '\n', &line)) {
		char *copy;

		if (!str_is(line, wanted))
			continue;
		copy = arena_str(a, params);
		copy[(size_t)(line.p - params.p) + line.n - 1] = '0';
		*ret = (struct str){copy, params.n};
		return 1;
	}
	return 0;
}

/* Why there is no file to protect: no procfs yet is worth a line, for one may be mounted later. */
static void explain_absence(const struct container *c)
{
	auto_close int proc = rootfs_resolve(&c->root, "/proc", NULL);
	struct statfs fs;

	if (proc >= 0 && fstatfs(proc, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		log_debug("the container has no " PARAMS ": nothing to protect");
	else
		log_warn("the container has no procfs at this time: its " PARAMS
			 " will not be protected");
}

static int protect(const struct container *c, struct str text, struct err *e)
{
	auto_close int dir = rootfs_resolve(&c->root, PARAMS_DIR, e), file = -1, mount = -1;
	struct stat st;

	if (dir >= 0)
		file = rootfs_resolve_nofollow(&c->root, PARAMS, e);
	if (dir == -ENOENT || (dir >= 0 && file == -ENOENT)) {
		explain_absence(c);
		return 0;
	}
	if (dir < 0 || file < 0)
		return dir < 0 ? dir : file;
	if (fstat(file, &st) < 0)
		return err_sys(e, "look at the container's " PARAMS);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "the container's " PARAMS " is not a regular file");
	mount = mount_text(text, dir, &(struct mount_end){file, "the container's " PARAMS}, e);
	return mount < 0 ? mount : 0;
}

int job_device_nodes(const struct container *c, const struct nv_host *host, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	const char *path = arena_printf(&a, "%s/driver/nvidia/params", nv_host_proc(host));
	struct str params, text;
	int r = fs_read(&a, path, PARAMS_MAX, &params, e);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return forbid(&a, params, &text) ? protect(c, text, e) : 0;
}
