/* SPDX-License-Identifier: Apache-2.0 */
#include "ctr/job.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "base/mem.h"

#include "test.h"

static char lab[] = "/tmp/test-job.XXXXXX";
static struct arena a;
static struct err e;
static struct container c = {.root = ROOTFS_INIT};
static const struct nv_host host = {.proc = "host/proc", .sys = "host/sys"};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void remove_lab(void)
{
	(void)!chdir("/");
	(void)nftw(lab, remove_entry, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static void write_file(const char *path, const char *text)
{
	auto_free char *dir = mem_dup(path, (size_t)(strrchr(path, '/') - path));

	CHECK_OK(fs_mkdir_p(dir, 0755, &e), &e);
	CHECK_OK(fs_write_atomic(path, str_of(text), 0644, 0, &e), &e);
}

static const char *text_of(const char *path)
{
	struct str text;

	CHECK_OK(fs_read(&a, path, 1 << 20, &text, &e), &e);
	return text.p;
}

/* A container root beside a directory of the host that nothing may touch. */
static void enter_lab(void)
{
	CHECK(mkdtemp(lab));
	CHECK_INT(atexit(remove_lab), 0);
	CHECK_INT(chdir(lab), 0);
	write_file("can/secret", "secret");
	CHECK_INT(chmod("can/secret", 0600), 0);
	CHECK_INT(mkdir("root", 0755), 0);
	CHECK_OK(container_open_root(&a, "root", &c, &e), &e);
}

static struct strv list(const char *one, const char *two)
{
	struct strv v = {0};

	arena_push(&a, &v, one);
	if (two)
		arena_push(&a, &v, two);
	return v;
}

static const char *link_text(const char *path)
{
	static char text[256];
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	CHECK(n >= 0);
	text[n] = '\0';
	return text;
}

TEST(links_are_made_with_their_directories_and_commas)
{
	struct strv links;

	enter_lab();
	links = list("libcuda.so.1::/usr/lib/a,b/libcuda.so", "/opt/x y::rel/../link");
	CHECK_OK(job_symlinks(&c, &links, &e), &e);
	CHECK_OK(job_symlinks(&c, &links, &e), &e);
	CHECK_STR(link_text("root/usr/lib/a,b/libcuda.so"), "libcuda.so.1");
	CHECK_STR(link_text("root/link"), "/opt/x y");
}

TEST(a_link_that_is_no_link_is_refused_by_name)
{
	static const char *const bad[] = {"a", "a:b", "::/x", "a::", "a::b::c", "a::/", "a::/.."};

	enter_lab();
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct strv links = list(bad[i], NULL);

		CHECK(job_symlinks(&c, &links, &e) < 0);
		CHECK(strstr(e.text, "link \""));
	}
}

TEST(a_directory_is_not_replaced_by_a_link)
{
	struct strv links;

	enter_lab();
	CHECK_INT(mkdir("root/d", 0755), 0);
	links = list("x::/d", NULL);
	CHECK_INT(job_symlinks(&c, &links, &e), -EISDIR);
	CHECK_STR(e.text,
		  "link \"x::/d\": replace by a link /d in container root root: Is a directory");
}

TEST(links_of_the_image_lead_nowhere_on_the_host)
{
	auto_free char *target = NULL;
	struct strv links, names;

	enter_lab();
	target = mem_printf("%s/can", lab);
	CHECK_INT(mkdir("root/lib", 0755), 0);
	CHECK_INT(symlink(target, "root/lib/abs"), 0);
	CHECK_INT(symlink("../../../../../../../../../..", "root/lib/rel"), 0);
	links = list("t::/lib/abs/evil", "t::/lib/rel/can/evil");
	CHECK_OK(job_symlinks(&c, &links, &e), &e);
	CHECK_OK(fs_list(&a, "can", 10, &names, &e), &e);
	CHECK_INT(names.n, 1);
}

TEST(drm_links_are_made_for_the_nodes_that_the_container_has)
{
	enter_lab();
	if (geteuid() != 0)
		return;
	write_file("host/proc/driver/nvidia/gpus/0000:01:00.0/information", "");
	write_file("host/proc/driver/nvidia/gpus/0000:02:00.0/information", "");
	write_file("host/sys/bus/pci/devices/0000:01:00.0/drm/card1/dev", "");
	write_file("host/sys/bus/pci/devices/0000:01:00.0/drm/card1-DP-1/status", "");
	write_file("host/sys/bus/pci/devices/0000:01:00.0/drm/renderD128/dev", "");
	write_file("host/sys/bus/pci/devices/0000:02:00.0/drm/card2/dev", "");
	CHECK_OK(job_drm_links(&c, &host, &e), &e);
	CHECK_INT(access("root/dev", F_OK), -1);
	CHECK_OK(fs_mkdir_p("root/dev/dri", 0755, &e), &e);
	CHECK_INT(mknod("root/dev/dri/card1", S_IFCHR | 0600, makedev(226, 1)), 0);
	CHECK_INT(mknod("root/dev/dri/renderD128", S_IFCHR | 0600, makedev(226, 128)), 0);
	write_file("root/dev/dri/card2", "no device");
	CHECK_OK(job_drm_links(&c, &host, &e), &e);
	CHECK_STR(link_text("root/dev/dri/by-path/pci-0000:01:00.0-card"), "../card1");
	CHECK_STR(link_text("root/dev/dri/by-path/pci-0000:01:00.0-render"), "../renderD128");
	CHECK_INT(access("root/dev/dri/by-path/pci-0000:02:00.0-card", F_OK), -1);
}

TEST(params_are_left_alone_when_there_is_nothing_to_forbid)
{
	enter_lab();
	CHECK_OK(job_device_nodes(&c, &host, &e), &e);
	write_file("host/proc/driver/nvidia/params", "ResmanDebugLevel: 1\nModifyDeviceFiles: 0\n");
	write_file("root/proc/driver/nvidia/params", "as it was");
	CHECK_OK(job_device_nodes(&c, &host, &e), &e);
	CHECK_STR(text_of("root/proc/driver/nvidia/params"), "as it was");
}

TEST(a_container_without_params_is_no_failure)
{
	enter_lab();
	write_file("host/proc/driver/nvidia/params", "ModifyDeviceFiles: 1\n");
	CHECK_OK(job_device_nodes(&c, &host, &e), &e);
	CHECK_INT(access("root/proc", F_OK), -1);
}

TEST(params_say_that_devices_are_not_to_be_made_and_cannot_be_written)
{
	enter_lab();
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		return;
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	container_close(&c);
	CHECK_OK(container_open_root(&a, "root", &c, &e), &e);
	write_file("host/proc/driver/nvidia/params",
		   "XModifyDeviceFiles: 1\nModifyDeviceFiles: 1\nDeviceFileUID: 0\n");
	write_file("root/proc/driver/nvidia/params", "ModifyDeviceFiles: 1\n");
	write_file("root/proc/driver/nvidia/version", "1");
	CHECK_OK(job_device_nodes(&c, &host, &e), &e);
	CHECK_STR(text_of("root/proc/driver/nvidia/params"),
		  "XModifyDeviceFiles: 1\nModifyDeviceFiles: 0\nDeviceFileUID: 0\n");
	CHECK_STR(text_of("root/proc/driver/nvidia/version"), "1");
	CHECK_INT(open("root/proc/driver/nvidia/params", O_WRONLY), -1);
	CHECK_INT(errno, EROFS);
	CHECK_INT(umount2("root/proc/driver/nvidia/params", 0), 0);
}

TEST(params_that_are_a_link_are_refused)
{
	auto_free char *target = NULL;

	enter_lab();
	target = mem_printf("%s/can/secret", lab);
	write_file("host/proc/driver/nvidia/params", "ModifyDeviceFiles: 1\n");
	CHECK_OK(fs_mkdir_p("root/proc/driver/nvidia", 0755, &e), &e);
	CHECK_INT(symlink(target, "root/proc/driver/nvidia/params"), 0);
	CHECK_INT(job_device_nodes(&c, &host, &e), -EINVAL);
	CHECK_STR(e.text, "the container's /proc/driver/nvidia/params is not a regular file");
}

TEST(the_profile_names_the_gpus_of_the_containers_nodes)
{
	static const char wanted[] =
		"{\"profiles\":[{\"name\":\"_container_\",\"settings\":[\"EGLVisibleDGPUDevices\","
		"0x9]}],\"rules\":[{\"pattern\":[],\"profile\":\"_container_\"}]}";
	struct stat st;

	enter_lab();
	if (geteuid() != 0)
		return;
	CHECK_OK(job_profile(&c, &e), &e);
	CHECK_OK(fs_mkdir_p("root/dev", 0755, &e), &e);
	CHECK_INT(mknod("root/dev/nvidia0", S_IFCHR | 0600, makedev(195, 0)), 0);
	CHECK_INT(mknod("root/dev/nvidia3", S_IFCHR | 0600, makedev(195, 3)), 0);
	CHECK_INT(mknod("root/dev/nvidia4", S_IFCHR | 0600, makedev(1, 5)), 0);
	CHECK_INT(mknod("root/dev/nvidia70", S_IFCHR | 0600, makedev(195, 70)), 0);
	CHECK_INT(mknod("root/dev/nvidiactl", S_IFCHR | 0600, makedev(195, 255)), 0);
	write_file("root/dev/nvidia5", "a file");
	/* An absolute link is a place in the container. */
	CHECK_INT(mkdir("root/etc", 0755), 0);
	CHECK_INT(mkdir("root/data", 0755), 0);
	CHECK_INT(symlink("/data", "root/etc/nvidia"), 0);
	CHECK_OK(job_profile(&c, &e), &e);
	CHECK_OK(job_profile(&c, &e), &e);
	CHECK_STR(text_of("root/data/nvidia-application-profiles-rc.d/10-container.conf"), wanted);
	CHECK_INT(stat("root/data/nvidia-application-profiles-rc.d/10-container.conf", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0444);
	CHECK_INT(stat("root/data/nvidia-application-profiles-rc.d", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0555);
}

TEST(without_nodes_there_is_no_profile)
{
	enter_lab();
	CHECK_OK(fs_mkdir_p("root/dev", 0755, &e), &e);
	CHECK_OK(job_profile(&c, &e), &e);
	CHECK_INT(access("root/etc", F_OK), -1);
}

static unsigned mode_of(const char *path)
{
	struct stat st;

	CHECK_INT(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

TEST(chmod_changes_files_and_directories_that_exist)
{
	struct strv paths;

	enter_lab();
	CHECK_OK(fs_mkdir_p("root/dev/dri", 0700, &e), &e);
	paths = list("/dev/none", "dev/dri");
	CHECK_OK(job_chmod(&c, 0755, &paths, &e), &e);
	CHECK_INT(mode_of("root/dev/dri"), 0755);
	paths = list(" ", NULL);
	CHECK_INT(job_chmod(&c, 0755, &paths, &e), -EINVAL);
}

TEST(chmod_leaves_devices_links_and_what_lies_behind_them)
{
	auto_free char *target = NULL;
	struct strv paths;

	enter_lab();
	target = mem_printf("%s/can", lab);
	CHECK_OK(fs_mkdir_p("root/real", 0700, &e), &e);
	write_file("root/real/f", "x");
	CHECK_INT(symlink(target, "root/abs"), 0);
	CHECK_INT(symlink("real", "root/in"), 0);
	CHECK_INT(mkfifo("root/fifo", 0600), 0);
	paths = list("/abs/secret", "/fifo");
	CHECK_OK(job_chmod(&c, 0777, &paths, &e), &e);
	paths = list("/abs", "/in");
	CHECK_OK(job_chmod(&c, 0777, &paths, &e), &e);
	paths = list("/in/f", NULL);
	CHECK_INT(job_chmod(&c, 0777, &paths, &e), -ELOOP);
	CHECK_INT(mode_of("root/real/f"), 0644);
	CHECK_INT(mode_of("root/fifo"), 0600);
	CHECK_INT(mode_of("can/secret"), 0600);
	CHECK_INT(mode_of("can"), 0755);
}

TEST(a_container_is_opened_from_its_state)
{
	struct container other = {.root = ROOTFS_INIT};
	auto_free char *bundle = NULL, *state = NULL;

	enter_lab();
	bundle = mem_printf("%s/can", lab);
	state = mem_printf("{\"id\":\"c1\",\"bundle\":\"%s\"}", bundle);
	write_file("can/config.json", "{\"root\":{\"path\":\"../root\"}}");
	write_file("can/state", state);
	CHECK_OK(container_open(&a, "can/state", &other, &e), &e);
	CHECK_STR(other.id, "c1");
	CHECK_INT(other.root.ino, c.root.ino);
	container_close(&other);
	write_file("can/state", "{\"root\":\"/\"}");
	CHECK_INT(container_open(&a, "can/state", &other, &e), -EPERM);
	CHECK_INT(other.root.fd, -1);
}
