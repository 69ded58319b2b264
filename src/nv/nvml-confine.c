/* SPDX-License-Identifier: Apache-2.0 */
#include <dlfcn.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/proc.h"
#include "nv/nvml.h"

#define NOBODY 65534u

/* Who may use the device nodes: others, one group, or only their owner. */
struct access {
	bool others, group;
	gid_t gid;
};

static void narrow(struct access *w, const struct stat *st)
{
	if ((st->st_mode & 0006) == 0006)
		return;
	if ((st->st_mode & 0060) != 0060 || (!w->others && w->gid != st->st_gid))
		w->group = false;
	w->others = false;
	w->gid = st->st_gid;
}

/* "nvidiactl", "nvidia-uvm" is none of ours, "nvidia12". */
static bool is_needed(const char *name)
{
	uint32_t n;

	return strcmp(name, "nvidiactl") == 0 ||
	       (strncmp(name, "nvidia", 6) == 0 && str_to_u32(str_of(name + 6), &n) == 0);
}

static struct access node_access(void)
{
	AUTO(arena_done) struct arena a = {0};
	struct access w = {.others = true, .group = true};
	struct strv names = {0};

	(void)!fs_list(&a, "/dev", 65536, &names, NULL);
	for (size_t i = 0; i < names.n; i++) {
		struct stat st;

		if (is_needed(names.v[i]) &&
		    stat(arena_printf(&a, "/dev/%s", names.v[i]), &st) == 0 && S_ISCHR(st.st_mode))
			narrow(&w, &st);
	}
	return w;
}

/* Whether this user namespace knows the id; without procfs it is taken for the first one. */
static bool is_mapped(const char *map, uint32_t id)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text, line;

	if (fs_read(&a, map, 65536, &text, NULL) < 0)
		return true;
	while (str_split(&text, '\n', &line)) {
		uint64_t number[3] = {0};
		struct str word;
		size_t n = 0;

		while (n < 3 && str_split(&line, ' ', &word))
			if (word.n > 0 && str_to_u64(word, &number[n++]) < 0)
				return false;
		if (n == 3 && id >= number[0] && id - number[0] < number[2])
			return true;
	}
	return false;
}

static int drop(struct err *e)
{
	struct access w = node_access();
	uid_t uid = geteuid();
	gid_t gid = getegid();
	const char *step = "";
	int r;

	/* Before the root changes hands there is nothing to give up but capabilities. */
	if (uid == 0 && (w.others || w.group)) {
		gid_t group = w.others ? NOBODY : w.gid;

		if (is_mapped("/proc/self/uid_map", NOBODY) &&
		    is_mapped("/proc/self/gid_map", group)) {
			uid = NOBODY;
			gid = group;
		}
	}
	r = proc_drop_privileges(uid, gid, &step);
	return r < 0 ? err_set(e, -r, "%s: %s", step, strerror(-r)) : 0;
}

/*
 * The parts of our C library that NVML needs. Inside the driver root another
 * version would be found, and parts of two versions do not work together.
 */
static void load_c_library(void)
{
	static const char names[][16] = {"libm.so.6", "libpthread.so.0", "libdl.so.2",
					 "librt.so.1"};

	for (size_t i = 0; i < COUNT_OF(names); i++)
		(void)dlopen(names[i], RTLD_NOW | RTLD_GLOBAL); /* absent ones are not needed */
}

int nvml_confine(const char *driver_root, struct err *e)
{
	pid_t parent = getppid();
	int r;

	if (driver_root) {
		load_c_library();
		if (chroot(driver_root) < 0 || chdir("/") < 0)
			return err_sys(e, "enter the driver root %s", driver_root);
	}
	r = drop(e);
	if (r < 0)
		return r;
	/* The kernel forgets it when the ids change. */
	r = proc_die_with_parent(parent);
	return r < 0 ? err_set(e, -r, "tie our life to our parent's: %s", strerror(-r)) : 0;
}
