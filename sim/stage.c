/* SPDX-License-Identifier: Apache-2.0 */
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "base/path.h"
#include "place.h"

enum { MAX_MOUNTINFO = 16 << 20, MAX_DEVICES = 65536 };

int stage_mount(const char *type, const char *target, unsigned long flags, const char *data,
		struct err *e)
{
	if (mount(type, target, type, flags, data) < 0)
		return err_sys(e, "mount %s on %s", type, target);
	return 0;
}

int stage_bind(const char *source, const char *target, unsigned long flags, struct err *e)
{
	if (mount(source, target, NULL, MS_BIND | flags, NULL) < 0)
		return err_sys(e, "bind %s on %s", source, target);
	return 0;
}

int stage_touch(const char *path, struct err *e)
{
	auto_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? err_sys(e, "make %s", path) : 0;
}

/* "\040" and its like, as mountinfo writes blanks. */
static char *unescape(struct arena *a, struct str s)
{
	char *text = arena_alloc(a, s.n + 1), *to = text;

	for (size_t i = 0; i < s.n; i++) {
		uint32_t code;

		if (s.p[i] == '\\' && str_to_u32_base(str_sub(s, i + 1, i + 4), 8, &code) == 0) {
			*to++ = (char)code;
			i += 3;
		} else {
			*to++ = s.p[i];
		}
	}
	return text;
}

int stage_mounts_below(struct arena *a, const char *dir, struct strv *ret, struct err *e)
{
	struct str text, line, word = {0};
	int code = fs_read(a, "/proc/self/mountinfo", MAX_MOUNTINFO, &text, e);

	if (code < 0)
		return code;
	while (str_split(&text, '\n', &line)) {
		const char *target;

		/* 36 35 98:0 /mnt1 /mnt2 rw …: the fifth word is the mount point. */
		for (int i = 0; i < 5; i++)
			if (!str_split(&line, ' ', &word))
				word = (struct str){0};
		target = unescape(a, word);
		if (word.n > 0 && strcmp(target, dir) != 0 && path_is_below(target, dir))
			arena_push(a, ret, target);
	}
	return 0;
}

/*
 * The host's /dev and /sys come along; what stands at root becomes "/" and the
 * host's tree disappears from view.
 */
static int enter_root(const char *root, struct err *e)
{
	static const char carried[][8] = {"/dev", "/sys"};

	if (stage_bind(root, root, MS_REC, e) < 0)
		return -errno;
	for (size_t i = 0; i < COUNT_OF(carried); i++) {
		auto_free char *target = path_join(root, carried[i]);
		int ret = stage_bind(carried[i], target, MS_REC, e);

		if (ret < 0)
			return err_in(e, ret, "%s is no complete tree", root);
	}
	if (chdir(root) < 0)
		return err_sys(e, "%s", root);
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, "enter %s", root);
	/* The old root lies on top of the new one now. */
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(e, "leave the host's tree");
	return 0;
}

int stage_enter(const char *root, struct err *e)
{
	int ret = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make mounts private");
	if (root)
		ret = enter_root(root, e);
	/* The one that comes along shows the processes of another namespace. */
	if (ret == 0)
		ret = stage_mount("proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL, e);
	return ret;
}

/*
 * The kernel lets a user namespace mount proc and sysfs only where a fully
 * visible instance exists, and the simulated ones are partly covered.
 */
static int keep_clean_instances(struct err *e)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	int ret;

	if (mkdir(PLACE_DIR "/proc", 0555) < 0 || mkdir(PLACE_DIR "/sys", 0555) < 0)
		return err_sys(e, "make directories in %s", PLACE_DIR);
	ret = stage_mount("proc", PLACE_DIR "/proc", flags, NULL, e);
	return ret < 0 ? ret : stage_mount("sysfs", PLACE_DIR "/sys", flags, NULL, e);
}

/* One file system, writable in the simulator's corner and read-only where programs look. */
static int mount_driver(struct err *e)
{
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	int ret;

	if (mkdir(PLACE_DRIVER, 0555) < 0)
		return err_sys(e, "make %s", PLACE_DRIVER);
	ret = stage_mount("tmpfs", PLACE_DRIVER, flags, "mode=0555", e);
	if (ret == 0)
		ret = stage_bind(PLACE_DRIVER, "/proc/driver", 0, e);
	if (ret == 0 &&
	    mount(NULL, "/proc/driver", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) < 0)
		ret = err_sys(e, "make /proc/driver read-only");
	return ret;
}

static int bind_proc_files(struct err *e)
{
	int ret = stage_bind(CONTENT_DEVICES, "/proc/devices", 0, e);

	/* A kernel without modules has no such file. */
	if (ret == 0 && access("/proc/modules", F_OK) == 0)
		ret = stage_bind(CONTENT_MODULES, "/proc/modules", 0, e);
	return ret;
}

static int store_roots(const struct strv *roots, struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};

	for (size_t i = 0; i < roots->n; i++)
		strbuf_printf(&text, "%s\n", roots->v[i]);
	return fs_write_atomic(PLACE_ROOTS, strbuf_str(&text), 0644, FS_NO_SYNC, e);
}

/* A driver in a container image sees the machine's devices and its procfs. */
static int furnish_driver_root(const char *driver_root, struct err *e)
{
	static const char carried[][8] = {"/dev", "/proc", "/sys"};

	for (size_t i = 0; i < COUNT_OF(carried); i++) {
		auto_free char *target = path_join(driver_root, carried[i]);
		int ret = stage_bind(carried[i], target, MS_REC, e);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/*
 * A machine that has real GPUs shows simulated ones alone: their links vanish
 * from the private overlay over this directory.
 */
static void hide_real_gpus(struct arena *a)
{
	static const char dir[] = "/sys/bus/pci/devices";
	struct strv names = {0};

	if (fs_list(a, dir, MAX_DEVICES, &names, NULL) < 0)
		return;
	for (size_t i = 0; i < names.n; i++) {
		const char *path = arena_printf(a, "%s/%s", dir, names.v[i]);
		struct str vendor;

		if (fs_read(a, arena_printf(a, "%s/vendor", path), 4096, &vendor, NULL) == 0 &&
		    str_is(str_trim(vendor), "0x10de"))
			(void)unlink(path);
	}
}

int stage_build(struct arena *a, const struct content *content, const struct machine *m,
		int program, struct err *e)
{
	const struct content nothing = {0};
	struct strv roots = {0};
	bool own_root = strcmp(m->driver.root, "/") != 0, libraries;
	struct stage_runtimes runtimes = {0};
	mode_t mask = umask(0);
	int ret = stage_runtimes_find(a, &runtimes, e);

	if (ret == 0)
		ret = stage_run(a, e);
	if (ret == 0)
		ret = stage_dev(e);
	if (ret == 0)
		ret = keep_clean_instances(e);
	if (ret == 0)
		ret = mount_driver(e);
	if (ret == 0)
		ret = stage_overlays(a, content, m->driver.root, &roots, e);
	if (ret == 0)
		ret = store_roots(&roots, e);
	if (ret == 0) {
		hide_real_gpus(a);
		ret = place_content(&nothing, content, &roots, &libraries, e);
	}
	if (ret == 0)
		ret = bind_proc_files(e);
	if (ret == 0 && own_root)
		ret = furnish_driver_root(m->driver.root, e);
	if (ret == 0)
		ret = place_loader_cache(a, content, m->driver.root, e);
	if (ret == 0)
		ret = stage_runtimes_cover(&runtimes, program, e);
	(void)umask(mask);
	return ret;
}
