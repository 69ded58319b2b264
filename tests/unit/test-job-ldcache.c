/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "codec/ldcache.h"
#include "ctr/job.h"

#define DRIVER "/usr/lib/x86_64-linux-gnu"

static struct arena arena;

static int update(const struct container *c, const char *folder, struct err *e)
{
	struct strv folders = {0};

	if (folder)
		arena_push(&arena, &folders, folder);
	return job_ldcache(c, &folders, e);
}

static void update_ok(const struct container *c, const char *folder)
{
	struct err e;

	CHECK_OK(update(c, folder, &e), &e);
}

/* Where the loader finds a name; "" when it does not. */
static const char *cached(const char *soname)
{
	struct ldcache cache = {0};
	struct str bytes = {0};
	struct err e;

	CHECK_OK(fs_read(&arena, image_path("/etc/ld.so.cache"), 1 << 24, &bytes, &e), &e);
	CHECK_OK(ldcache_parse(&arena, bytes, "cache", &cache, &e), &e);
	for (size_t i = 0; i < cache.n; i++)
		if (strcmp(cache.v[i].soname, soname) == 0)
			return cache.v[i].path;
	return "";
}

static size_t cached_count(void)
{
	struct ldcache cache = {0};
	struct str bytes = {0};
	struct err e;

	CHECK_OK(fs_read(&arena, image_path("/etc/ld.so.cache"), 1 << 24, &bytes, &e), &e);
	CHECK_OK(ldcache_parse(&arena, bytes, "cache", &cache, &e), &e);
	return cache.n;
}

static const char *link_text(const char *path)
{
	static char text[PATH_MAX];
	ssize_t n = readlink(image_path(path), text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static struct container debian(void)
{
	struct container c = image_enter();

	image_file("/etc/debian_version", "12.0\n");
	image_file("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
	image_file("/etc/ld.so.conf.d/libc.conf", "/usr/local/lib\n");
	image_link("usr/lib", "/lib");
	image_library(DRIVER "/libc.so.6", "libc.so.6");
	return c;
}

TEST(the_drivers_libraries_are_found_and_their_links_made)
{
	struct container c = debian();

	image_library(DRIVER "/libcuda.so.580.159.04", "libcuda.so.1");
	update_ok(&c, DRIVER);
	CHECK_STR(link_text(DRIVER "/libcuda.so.1"), "libcuda.so.580.159.04");
	CHECK_STR(cached("libcuda.so.1"), "/lib/x86_64-linux-gnu/libcuda.so.1");
	CHECK_STR(cached("libc.so.6"), "/lib/x86_64-linux-gnu/libc.so.6");
	/* One directory under two names is one. */
	CHECK_INT(cached_count(), 2);
}

TEST(a_link_that_leads_to_a_library_is_left_alone)
{
	struct container c = debian();

	image_library(DRIVER "/libcuda.so.535.1", "libcuda.so.1");
	image_library(DRIVER "/libcuda.so.580.1", "libcuda.so.1");
	image_link("libcuda.so.535.1", DRIVER "/libcuda.so.1");
	update_ok(&c, DRIVER);
	CHECK_STR(link_text(DRIVER "/libcuda.so.1"), "libcuda.so.535.1");
}

TEST(a_link_or_empty_file_without_library_is_replaced_by_the_newest)
{
	struct container c = debian();

	image_library(DRIVER "/libcuda.so.9.1", "libcuda.so.1");
	image_library(DRIVER "/libcuda.so.10.1", "libcuda.so.1");
	image_link("libcuda.so.470.1", DRIVER "/libcuda.so.1");
	image_library(DRIVER "/libnvidia-ml.so.10.1", "libnvidia-ml.so.1");
	image_file(DRIVER "/libnvidia-ml.so.1", "");
	update_ok(&c, DRIVER);
	CHECK_STR(link_text(DRIVER "/libcuda.so.1"), "libcuda.so.10.1");
	CHECK_STR(link_text(DRIVER "/libnvidia-ml.so.1"), "libnvidia-ml.so.10.1");
}

TEST(links_of_other_directories_are_not_made)
{
	struct container c = debian();

	image_library("/usr/local/lib/libapp.so.1.2", "libapp.so.1");
	update_ok(&c, DRIVER);
	CHECK_STR(link_text("/usr/local/lib/libapp.so.1"), "");
	CHECK_STR(cached("libapp.so.1"), "/usr/local/lib/libapp.so.1.2");
}

TEST(a_folder_that_the_image_does_not_know_comes_first_and_stays_for_later_runs)
{
	struct container c = debian();

	image_library("/opt/driver/libcuda.so.1", "libcuda.so.1");
	image_library("/usr/local/lib/libcuda.so.1", "libcuda.so.1");
	update_ok(&c, "/opt/driver/");
	CHECK_STR(cached("libcuda.so.1"), "/opt/driver/libcuda.so.1");
	CHECK(strstr(image_text("/etc/ld.so.conf.d/00-nvcr.conf"), "\n/opt/driver\n"));
}

TEST(a_second_start_changes_nothing)
{
	struct container c = debian();
	struct stat before, after;

	image_library("/opt/driver/libcuda.so.5", "libcuda.so.1");
	update_ok(&c, "/opt/driver");
	update_ok(&c, "/opt/driver");
	CHECK_INT(stat(image_path("/etc/ld.so.cache"), &before), 0);
	update_ok(&c, "/opt/driver");
	CHECK_INT(stat(image_path("/etc/ld.so.cache"), &after), 0);
	CHECK(before.st_ino == after.st_ino);
}

TEST(what_an_earlier_start_wrote_does_not_outlive_its_folders)
{
	struct container c = debian();

	image_library("/opt/old/libcuda.so.1", "libcuda.so.1");
	image_library("/opt/new/libcuda.so.1", "libcuda.so.1");
	update_ok(&c, "/opt/old");
	update_ok(&c, "/opt/new");
	CHECK(!strstr(image_text("/etc/ld.so.conf.d/00-nvcr.conf"), "/opt/old"));
	CHECK_STR(cached("libcuda.so.1"), "/opt/new/libcuda.so.1");
	update_ok(&c, DRIVER);
	CHECK(!strstr(image_text("/etc/ld.so.conf.d/00-nvcr.conf"), "/opt"));
	CHECK_STR(cached("libcuda.so.1"), "");
}

TEST(compatibility_libraries_win_over_the_drivers)
{
	struct container c = debian();

	image_library("/opt/driver/libcuda.so.1", "libcuda.so.1");
	image_library("/usr/local/cuda/compat/libcuda.so.1", "libcuda.so.1");
	image_file("/etc/ld.so.conf.d/00-compat.conf", "/usr/local/cuda/compat\n");
	update_ok(&c, "/opt/driver");
	CHECK_STR(cached("libcuda.so.1"), "/usr/local/cuda/compat/libcuda.so.1");
}

TEST(an_image_without_configuration_gets_one)
{
	struct container c = image_enter();

	image_library("/usr/lib64/libc.so.6", "libc.so.6");
	image_library("/opt/driver/libcuda.so.1", "libcuda.so.1");
	update_ok(&c, "/opt/driver");
	CHECK_STR(image_text("/etc/ld.so.conf"), "include /etc/ld.so.conf.d/*.conf\n");
	CHECK_STR(cached("libc.so.6"), "/usr/lib64/libc.so.6");
	CHECK_STR(cached("libcuda.so.1"), "/opt/driver/libcuda.so.1");
}

TEST(hwcaps_directories_are_listed_with_their_names)
{
	struct container c = debian();

	image_library(DRIVER "/glibc-hwcaps/x86-64-v3/libc.so.6", "libc.so.6");
	update_ok(&c, DRIVER);
	CHECK_STR(cached("libc.so.6"), "/lib/x86_64-linux-gnu/glibc-hwcaps/x86-64-v3/libc.so.6");
	CHECK_INT(cached_count(), 2);
}

/* As an image has it whose layers were unpacked: everything older than the cache. */
static void make_old(const char *path)
{
	const struct timespec then[2] = {{.tv_sec = 1000000}, {.tv_sec = 1000000}};

	CHECK_INT(utimensat(AT_FDCWD, image_path(path), then, 0), 0);
}

static void overwrite(const char *path, const char *text)
{
	auto_close int fd = open(image_path(path), O_WRONLY | O_TRUNC | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
}

TEST(what_the_images_cache_says_of_directories_that_did_not_change_is_believed)
{
	struct container c = debian();

	image_library("/usr/local/lib/libapp.so.1", "libapp.so.1");
	image_library("/opt/driver/libcuda.so.580.1", "libcuda.so.1");
	update_ok(&c, "/opt/driver");
	/* Nobody reads it: it stays although it is no library any more. */
	overwrite("/usr/local/lib/libapp.so.1", "text");
	image_library("/opt/driver/libnvidia-ml.so.580.1", "libnvidia-ml.so.1");
	update_ok(&c, "/opt/driver");
	CHECK_STR(cached("libapp.so.1"), "/usr/local/lib/libapp.so.1");
	CHECK_STR(cached("libcuda.so.1"), "/opt/driver/libcuda.so.1");
	CHECK_STR(cached("libnvidia-ml.so.1"), "/opt/driver/libnvidia-ml.so.1");
	CHECK_STR(cached("libc.so.6"), "/lib/x86_64-linux-gnu/libc.so.6");
}

TEST(a_directory_that_changed_after_the_cache_was_written_is_read)
{
	struct container c = debian();

	image_library("/usr/local/lib/libapp.so.1", "libapp.so.1");
	update_ok(&c, DRIVER);
	image_library("/usr/local/lib/liblater.so.2.1", "liblater.so.2");
	make_old("/etc/ld.so.cache");
	update_ok(&c, DRIVER);
	CHECK_STR(cached("liblater.so.2"), "/usr/local/lib/liblater.so.2.1");
}

TEST(a_directory_that_the_configuration_names_since_then_is_read)
{
	struct container c = debian();

	image_library("/usr/local/cuda/compat/libcuda.so.1", "libcuda.so.1");
	image_library("/opt/driver/libcuda.so.1", "libcuda.so.1");
	make_old("/usr/local/cuda/compat");
	update_ok(&c, "/opt/driver");
	CHECK_STR(cached("libcuda.so.1"), "/opt/driver/libcuda.so.1");
	image_file("/etc/ld.so.conf.d/00-compat.conf", "/usr/local/cuda/compat\n");
	update_ok(&c, "/opt/driver");
	CHECK_STR(cached("libcuda.so.1"), "/usr/local/cuda/compat/libcuda.so.1");
	/* And not any more once it does not. */
	image_file("/etc/ld.so.conf.d/00-compat.conf", "# none\n");
	update_ok(&c, "/opt/driver");
	CHECK_STR(cached("libcuda.so.1"), "/opt/driver/libcuda.so.1");
	CHECK_INT(cached_count(), 2);
}

TEST(what_a_committed_gpu_container_left_gives_way_to_the_driver_of_today)
{
	struct container c = debian();

	image_library(DRIVER "/libcuda.so.570.1", "libcuda.so.1");
	image_library(DRIVER "/libnvidia-old.so.570.1", "libnvidia-old.so.1");
	update_ok(&c, DRIVER);
	CHECK_STR(link_text(DRIVER "/libcuda.so.1"), "libcuda.so.570.1");
	overwrite(DRIVER "/libcuda.so.570.1", "");
	overwrite(DRIVER "/libnvidia-old.so.570.1", "");
	image_library(DRIVER "/libcuda.so.580.1", "libcuda.so.1");
	update_ok(&c, DRIVER);
	CHECK_STR(link_text(DRIVER "/libcuda.so.1"), "libcuda.so.580.1");
	CHECK_STR(cached("libcuda.so.1"), "/lib/x86_64-linux-gnu/libcuda.so.1");
	CHECK_STR(cached("libnvidia-old.so.1"), "");
}

TEST(a_linkers_name_in_the_cache_does_not_hide_the_loaders)
{
	struct container c = debian();

	image_library(DRIVER "/libcuda.so.580.1", "libcuda.so.1");
	image_link("libcuda.so.1", DRIVER "/libcuda.so");
	update_ok(&c, DRIVER);
	CHECK_INT(unlink(image_path(DRIVER "/libcuda.so.1")), 0);
	update_ok(&c, DRIVER);
	CHECK_STR(link_text(DRIVER "/libcuda.so.1"), "libcuda.so.580.1");
	CHECK_STR(cached("libcuda.so.1"), "/lib/x86_64-linux-gnu/libcuda.so.1");
}

TEST(a_musl_image_gets_its_path_file_once)
{
	struct container c = image_enter();

	image_file("/etc/alpine-release", "3.18.0\n");
	image_file("/lib/ld-musl-x86_64.so.1", "");
	image_library("/usr/lib64/libcuda.so.580", "libcuda.so.1");
	update_ok(&c, "/usr/lib64");
	CHECK_STR(image_text("/etc/ld-musl-x86_64.path"),
		  "/lib\n/usr/local/lib\n/usr/lib\n/usr/lib64\n");
	CHECK_STR(link_text("/usr/lib64/libcuda.so.1"), "libcuda.so.580");
	CHECK_STR(image_text("/etc/ld.so.cache"), "(none)");
	update_ok(&c, "/usr/lib64");
	CHECK_STR(image_text("/etc/ld-musl-x86_64.path"),
		  "/lib\n/usr/local/lib\n/usr/lib\n/usr/lib64\n");
}

TEST(a_musl_image_keeps_the_paths_that_it_had)
{
	struct container c = image_enter();

	image_file("/lib/ld-musl-x86_64.so.1", "");
	image_file("/etc/ld-musl-x86_64.path", "/opt/lib:/lib");
	update_ok(&c, "/usr/lib64");
	CHECK_STR(image_text("/etc/ld-musl-x86_64.path"), "/opt/lib:/lib\n/usr/lib64\n");
	update_ok(&c, "/opt/lib");
	CHECK_STR(image_text("/etc/ld-musl-x86_64.path"), "/opt/lib:/lib\n/usr/lib64\n");
}

TEST(an_empty_image_is_no_obstacle)
{
	struct container c = image_enter();

	update_ok(&c, NULL);
	update_ok(&c, DRIVER);
	CHECK_INT(cached_count(), 0);
}

TEST(folders_that_cannot_stand_in_a_configuration_are_refused)
{
	struct container c = debian();
	struct err e;

	CHECK_INT(update(&c, "/a\n/b", &e), -EINVAL);
	CHECK(strstr(e.text, "cannot stand in the loader's configuration"));
	CHECK_INT(update(&c, "relative", &e), -EINVAL);
	CHECK_STR(image_text("/etc/ld.so.cache"), "(none)");
}

/* The root again, read-only, in a mount namespace of this test. */
static struct container read_only(void)
{
	struct container c = {.root = ROOTFS_INIT};
	struct err e;

	if (unshare(CLONE_NEWNS) < 0)
		FAIL("unshare: %s", strerror(errno));
	CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_INT(mount("root", "root", NULL, MS_BIND, NULL), 0);
	CHECK_INT(mount(NULL, "root", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	CHECK_OK(rootfs_open("root", &c.root, &e), &e);
	return c;
}

TEST(a_read_only_image_starts_when_the_loader_finds_the_driver_anyway)
{
	struct container c = debian();

	image_library(DRIVER "/libcuda.so.1", "libcuda.so.1");
	rootfs_close(&c.root);
	c = read_only();
	update_ok(&c, DRIVER);
	rootfs_close(&c.root);
	CHECK_INT(umount("root"), 0);
	CHECK_STR(image_text("/etc/ld.so.cache"), "(none)");
}

TEST(a_read_only_image_with_the_driver_out_of_reach_fails_and_says_what_to_do)
{
	struct container c = debian();
	struct err e = {""};

	image_library("/opt/driver/libcuda.so.1", "libcuda.so.1");
	rootfs_close(&c.root);
	c = read_only();
	CHECK_INT(update(&c, "/opt/driver", &e), -EROFS);
	CHECK(strstr(e.text, "Read-only file system; give the container a writable root"));
	rootfs_close(&c.root);
	CHECK_INT(umount("root"), 0);
}

TEST(a_read_only_image_whose_cache_is_right_needs_no_change)
{
	struct container c = debian();

	image_library("/opt/driver/libcuda.so.1", "libcuda.so.1");
	update_ok(&c, "/opt/driver");
	rootfs_close(&c.root);
	c = read_only();
	update_ok(&c, "/opt/driver");
	rootfs_close(&c.root);
	CHECK_INT(umount("root"), 0);
}
