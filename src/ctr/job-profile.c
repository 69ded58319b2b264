/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/log.h"
#include "base/mem.h"
#include "ctr/job.h"

#define PROFILE_DIR "/etc/nvidia/nvidia-application-profiles-rc.d"

enum {
	NVIDIA_MAJOR = 195, /* fixed, the kernel's devices.txt */
	MAX_ENTRIES = 65536,
};

/* Whether a name of /dev is that of a GPU's node. */
static bool is_gpu_node(const char *name)
{
	uint32_t number;

	return str_has_prefix(str_of(name), "nvidia") &&
	       str_to_u32(str_of(name + strlen("nvidia")), &number) == 0;
}

/* The bit of a node's GPU; 0 for what only has the name of one. */
static uint64_t gpu_bit(const struct container *c, const char *name)
{
	auto_free char *path = mem_printf("/dev/%s", name);
	auto_close int fd = rootfs_resolve_nofollow(&c->root, path, NULL);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    major(st.st_rdev) != NVIDIA_MAJOR)
		return 0;
	if (minor(st.st_rdev) > 63) {
		log_warn("%s: EGL's mask of visible GPUs ends at minor 63, ignored", path);
		return 0;
	}
	return UINT64_C(1) << minor(st.st_rdev);
}

static int visible_gpus(const struct container *c, uint64_t *ret, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv names;
	int r = rootfs_list(&a, &c->root, "/dev", MAX_ENTRIES, &names, e);

	*ret = 0;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++)
		if (is_gpu_node(names.v[i]))
			*ret |= gpu_bit(c, names.v[i]);
	return 0;
}

static int make_directory(const struct container *c, struct err *e)
{
	auto_close int dir = rootfs_mkdir_p(&c->root, PROFILE_DIR, 0555, e);

	return dir < 0 ? dir : 0;
}

int job_profile(const struct container *c, struct err *e)
{
	char text[256];
	uint64_t mask;
	int n, r = visible_gpus(c, &mask, e);

	if (r < 0 || mask == 0)
		return r;
	/* The driver's own dialect of JSON: its reader takes a bare hexadecimal number. */
	n = snprintf(text, sizeof(text),
		     "{\"profiles\":[{\"name\":\"_container_\",\"settings\":["
		     "\"EGLVisibleDGPUDevices\",0x%" PRIx64 "]}],"
		     "\"rules\":[{\"pattern\":[],\"profile\":\"_container_\"}]}",
		     mask);
	r = make_directory(c, e);
	if (r < 0)
		return r;
	r = rootfs_update(&c->root, PROFILE_DIR "/10-container.conf", (struct str){text, (size_t)n},
			  0444, e);
	return r < 0 ? r : 0;
}
