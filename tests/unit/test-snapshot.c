/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/snapshot.h"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/fs.h"
#include "h200.h"
#include "nv/snapshot-file.h"

#define GPUS "proc/driver/nvidia/gpus"
#define MIG  "proc/driver/nvidia/capabilities/gpu0/mig"

static struct arena arena;
static struct nv_snapshot_query query;
static struct nv_snapshot got;
static struct err err;

/* Writes what procfs says of a GPU. Its name is nothing that a fingerprint covers. */
static void information(const char *pci, int minor, const char *name)
{
	tree_file(tree_path(GPUS "/%s/information", pci),
		  arena_printf(&arena,
			       "Model: \t %s\nGPU UUID: \t "
			       "GPU-feed000%d-5eed-4c0d-9a11-c0ffee000000\nDevice Minor: \t %d\n",
			       name, minor, minor));
}

static void gpu(const char *pci, int minor)
{
	static const unsigned char vendor[] = {0xde, 0x10};

	information(pci, minor, "first look");
	tree_bytes(tree_path("sys/bus/pci/devices/%s/config", pci), vendor, sizeof(vendor));
	tree_node(tree_path("dev/nvidia%d", minor), 195, (unsigned)minor, 0666);
}

/* Times of the kernel are no finer than this. */
static void settle(void)
{
	(void)usleep(30000);
}

/* A machine with two H200; false where nodes cannot be made. */
static bool machine(void)
{
	const char *top = tree_enter();

	if (geteuid() != 0)
		return false;
	tree_file("proc/driver/nvidia/version", "NVRM version: x  " H200_VERSION "  y\n");
	gpu("0000:06:00.0", 0);
	gpu("0000:07:00.0", 1);
	tree_node("dev/nvidiactl", 195, 255, 0666);
	tree_node("dev/nvidia-uvm", 238, 0, 0666);
	tree_dir("dev/nvidia-caps");
	tree_dir("proc/driver/nvidia/capabilities/mig");
	h200_driver(&arena);
	query = (struct nv_snapshot_query){
		.driver = {.driver_root = arena_printf(&arena, "%s/root", top),
			   .host = {arena_printf(&arena, "%s/proc", top),
				    arena_printf(&arena, "%s/sys", top), top}},
		.nvml_program = arena_printf(&arena, "%s/nvml-facts", top),
		.store_dir = arena_printf(&arena, "%s/store", top),
	};
	settle();
	return true;
}

static void get(void)
{
	CHECK_OK(nv_snapshot_get(&arena, &query, &got, &err), &err);
}

/* Makes a snapshot, and changes what shows whether it is made again. */
static void make(void)
{
	get();
	CHECK_STR(got.gpus.v[0].name, "first look");
	information("0000:06:00.0", 0, "second look");
}

static bool was_made_again(void)
{
	get();
	return strcmp(got.gpus.v[0].name, "second look") == 0;
}

/* The GPU's name comes from the part about GPUs; that about files shows in a library's class. */
static size_t files_made(void)
{
	static size_t before;
	struct stat st;
	size_t now;

	CHECK_INT(stat(arena_printf(&arena, "%s/.", query.store_dir), &st), 0);
	now = (size_t)st.st_mtim.tv_nsec + (size_t)st.st_mtim.tv_sec * 1000000000u;
	if (now == before)
		return 0;
	before = now;
	return 1;
}

static const char *kept_file(void)
{
	struct strv names;

	CHECK_OK(fs_list(&arena, query.store_dir, 16, &names, &err), &err);
	for (size_t i = 0; i < names.n; i++)
		if (!strstr(names.v[i], "-lock"))
			return arena_printf(&arena, "%s/%s", query.store_dir, names.v[i]);
	FAIL("nothing is kept");
}

static bool is_in_memory(void)
{
	struct statfs fs;

	return statfs(query.store_dir, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

TEST(a_valid_snapshot_is_read_and_says_the_same)
{
	size_t files, links;

	if (!machine())
		return;
	make();
	files = got.driver.files.n;
	links = got.driver.links.n;
	CHECK(files > 20 && links > 5);
	CHECK(!was_made_again());
	CHECK_INT(got.driver.files.n, files);
	CHECK_INT(got.driver.links.n, links);
	CHECK_STR(got.driver.version, H200_VERSION);
	CHECK_INT(got.gpus.n, 2);
	CHECK_STR(got.gpus.v[1].pci, "0000:07:00.0");
	CHECK_STR(got.gpus.v[1].node, "/dev/nvidia1");
	CHECK_INT(got.control_nodes.n, 2);
	CHECK(!got.has_facts);
}

static void upgrade_driver(void)
{
	tree_file("proc/driver/nvidia/version", "NVRM version: x  590.48.01  y\n");
}

static void change_major(void)
{
	CHECK_INT(unlink("dev/nvidia-uvm"), 0);
	tree_node("dev/nvidia-uvm", 511, 0, 0666);
}

static void change_node_rights(void)
{
	CHECK_INT(chmod("dev/nvidia1", 0660), 0);
}

static void remove_node(void)
{
	CHECK_INT(unlink("dev/nvidia1"), 0);
}

static void add_control_node(void)
{
	tree_node("dev/nvidia-uvm-tools", 238, 1, 0666);
}

static void lose_gpu(void)
{
	tree_bytes("sys/bus/pci/devices/0000:07:00.0/config", "\xff\xff", 2);
}

static void remove_gpu(void)
{
	CHECK_INT(unlink(GPUS "/0000:07:00.0/information"), 0);
	CHECK_INT(rmdir(GPUS "/0000:07:00.0"), 0);
}

static void add_gpu(void)
{
	gpu("0000:08:00.0", 2);
}

static void become_mig_capable(void)
{
	tree_dir(MIG);
}

static void make_mig(void)
{
	tree_file("proc/driver/nvidia-caps/mig-minors", "gpu0/gi1/access 12\n"
							"gpu0/gi1/ci0/access 13\n");
	tree_dir(MIG "/gi1/ci0");
}

TEST(whatever_changes_gpus_or_nodes_makes_it_anew)
{
	static void (*const changes[])(void) = {
		upgrade_driver,	  change_major,	     change_node_rights, remove_node,
		add_control_node, lose_gpu,	     remove_gpu,	 add_gpu,
		make_mig,	  become_mig_capable};

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		if (!machine())
			return;
		make();
		changes[i]();
		settle();
		if (!was_made_again())
			FAIL("change %zu was not noticed", i);
		tree_remove();
	}
}

/* 3g.71gb is exchanged for another instance of the same number. */
TEST(a_mig_instance_that_is_replaced_makes_it_anew)
{
	if (!machine())
		return;
	make_mig();
	make();
	CHECK_INT(got.gpus.v[0].migs.n, 1);
	CHECK_INT(got.gpus.v[0].migs.v[0].ci_cap, 13);
	CHECK_INT(rmdir(MIG "/gi1/ci0"), 0);
	settle();
	tree_dir(MIG "/gi1/ci0");
	CHECK(was_made_again());
}

static void replace_libcuda(void)
{
	h200_elf64(H200_LIBS "/libcuda.so." H200_VERSION, "libcuda.so.2");
}

static void add_library(void)
{
	tree_file(H200_LIBS "/libnvidia-new.so." H200_VERSION, "x");
}

static void change_cache(void)
{
	tree_file("root/etc/ld.so.cache", "another");
}

static void start_persistenced(void)
{
	tree_dir("root/run/nvidia-persistenced/socket");
}

TEST(whatever_changes_the_drivers_files_makes_it_anew)
{
	static void (*const changes[])(void) = {replace_libcuda, add_library, change_cache,
						start_persistenced};

	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		if (!machine())
			return;
		get();
		CHECK_INT(files_made(), 1);
		settle();
		get();
		CHECK_INT(files_made(), 0);
		changes[i]();
		settle();
		get();
		if (files_made() != 1)
			FAIL("change %zu was not noticed", i);
		tree_remove();
	}
}

TEST(another_question_is_answered_anew)
{
	if (!machine())
		return;
	get();
	CHECK_INT(files_made(), 1);
	query.driver.explicit_libraries = true;
	get();
	CHECK_INT(files_made(), 1);
}

TEST(what_does_not_matter_changes_nothing)
{
	if (!machine())
		return;
	make();
	tree_file("root/etc/passwd", "root:x:0:0::/:/bin/sh\n");
	tree_file("proc/driver/nvidia/registry", "Binary: \"\"\n");
	tree_file("proc/uptime", "1 1\n");
	tree_node("dev/loop7", 7, 7, 0660);
	CHECK(!was_made_again());
}

TEST(a_change_while_it_is_made_is_not_kept)
{
	if (!machine())
		return;
	/* Nobody can tell whether this came before or after the look at the directory. */
	add_library();
	get();
	settle();
	CHECK_INT(files_made(), 1);
	get();
	CHECK_INT(files_made(), 1);
}

TEST(a_damaged_or_foreign_file_is_made_anew)
{
	struct str bytes;

	if (!machine())
		return;
	make();
	CHECK_OK(fs_read(&arena, kept_file(), 1 << 20, &bytes, &err), &err);
	for (size_t n = 0; n < bytes.n; n += 97) {
		struct nv_kept k;
		char *part = arena_alloc(&arena, n + 1);

		memcpy(part, bytes.p, n);
		CHECK_INT(nv_kept_read(&arena, (struct str){part, n}, &k), -EBADMSG);
	}
	CHECK_INT(truncate(kept_file(), (off_t)bytes.n - 1), 0);
	CHECK(was_made_again());

	information("0000:06:00.0", 0, "third look");
	CHECK_INT(chmod(kept_file(), 0666), 0);
	get();
	CHECK_STR(got.gpus.v[0].name, "third look");
}

TEST(a_file_on_disk_that_is_of_another_boot_is_made_anew)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct nv_kept k;
	struct str bytes;

	if (!machine())
		return;
	make();
	CHECK_OK(fs_read(&arena, kept_file(), 1 << 20, &bytes, &err), &err);
	CHECK_INT(nv_kept_read(&arena, bytes, &k), 0);
	CHECK_INT(strlen(k.boot_id), 36);
	k.boot_id = "7d1b6e0c-0000-0000-0000-000000000000";
	nv_kept_write(&k, &b);
	CHECK_OK(fs_write_atomic(kept_file(), strbuf_str(&b), 0644, FS_NO_SYNC, &err), &err);
	/* Where /tmp is memory, it cannot be. */
	CHECK(was_made_again() || is_in_memory());
}

TEST(without_a_place_to_write_it_works_and_is_only_slow)
{
	if (!machine())
		return;
	query.store_dir = "/proc/nothing";
	make();
	CHECK(was_made_again());
	query.store_dir = NULL;
	query.no_store = true;
	get();
	CHECK_STR(got.gpus.v[0].name, "second look");
}

static void nvml(const char *script)
{
	tree_file("nvml-facts",
		  arena_printf(&arena, "#!/bin/sh\necho x >> %s/asked\n%s\n", tree_top, script));
}

static size_t asked(void)
{
	struct stat st;

	return stat("asked", &st) == 0 ? (size_t)st.st_size / 2 : 0;
}

#define ANSWER                                                                                     \
	"echo '{\"driver_version\":\"580.159.04\",\"gpus\":[{\"pci\":\"0000:06:00.0\",\"uuid\":"   \
	"\"GPU-1\",\"arch\":\"9.0\",\"mig_enabled\":true,\"migs\":[{\"index\":0,\"gi\":1,"         \
	"\"ci\":0,\"uuid\":\"MIG-1\",\"profile\":\"3g.71gb\"}]},{\"pci\":\"0000:07:00.0\","        \
	"\"uuid\":\"GPU-2\"%s}]}'"

static int need(void)
{
	get();
	return nv_snapshot_need_nvml(&arena, &query, &got, &err);
}

TEST(nvml_is_asked_once_and_its_answer_stays_until_mig_changes)
{
	if (!machine())
		return;
	nvml(arena_printf(&arena, ANSWER, ""));
	make_mig();
	CHECK_OK(need(), &err);
	CHECK(got.has_facts);
	CHECK_STR(got.gpus.v[0].migs.v[0].uuid, "MIG-1");
	CHECK_INT(got.gpus.v[0].migs.v[0].ci_cap, 13);
	CHECK_OK(need(), &err);
	get();
	CHECK(got.has_facts);
	CHECK_STR(got.gpus.v[0].arch, "9.0");
	CHECK_INT(asked(), 1);

	/* Other files of the driver say nothing new about GPUs. */
	add_library();
	get();
	CHECK(got.has_facts);

	tree_dir(MIG "/gi2/ci0");
	get();
	CHECK(!got.has_facts);
	CHECK(!got.gpus.v[0].arch);
	CHECK_OK(need(), &err);
	CHECK_INT(asked(), 2);
}

TEST(a_failure_of_nvml_is_remembered_for_a_moment)
{
	if (!machine())
		return;
	nvml("echo 'nvml-facts: start NVML: Unknown Error' >&2; exit 1");
	CHECK_INT(need(), -EIO);
	CHECK_STR(err.text, "start NVML: Unknown Error");
	CHECK_INT(need(), -EIO);
	CHECK(strncmp(err.text, "start NVML: Unknown Error (asked 0.", 35) == 0);
	CHECK_INT(asked(), 1);
}

TEST(a_hanging_nvml_delays_only_those_who_need_it_and_once)
{
	struct timespec start, end;

	if (!machine())
		return;
	nvml("sleep 60");
	query.nvml_deadline_ns = 400000000;
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(need() != -ETIMEDOUT);
		CHECK(pid > 0);
	}
	for (int i = 0; i < 8; i++) {
		int status = 1;

		CHECK(wait(&status) > 0);
		CHECK_INT(status, 0);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	CHECK(end.tv_sec - start.tv_sec <= 2);
	CHECK_INT(asked(), 1);
}

TEST(an_answer_with_a_failure_is_believed_for_a_moment_only)
{
	struct nv_kept k;
	struct str bytes;

	if (!machine())
		return;
	nvml(arena_printf(&arena, ANSWER, ",\"failure\":\"MIG mode: Unknown Error\""));
	CHECK_OK(need(), &err);
	CHECK_STR(got.gpus.v[1].sick, "NVML cannot ask it: MIG mode: Unknown Error");
	CHECK_OK(fs_read(&arena, kept_file(), 1 << 20, &bytes, &err), &err);
	CHECK_INT(nv_kept_read(&arena, bytes, &k), 0);
	CHECK_INT(k.until_ns - k.asked_ns, 5000000000ll);

	/* When the moment has passed. */
	k.asked_ns -= 5000000000u;
	k.until_ns -= 5000000000u;
	AUTO(strbuf_done) struct strbuf b = {0};
	nv_kept_write(&k, &b);
	CHECK_OK(fs_write_atomic(kept_file(), strbuf_str(&b), 0644, FS_NO_SYNC, &err), &err);
	get();
	CHECK(!got.has_facts);
	CHECK(!got.gpus.v[1].sick);
}

TEST(a_specs_fingerprint_outlives_inodes_and_majors_but_no_new_driver)
{
	const char *before;

	if (!machine())
		return;
	make_mig();
	get();
	before = got.fingerprint;
	CHECK_INT(strlen(before), 32);
	change_major();
	CHECK_INT(rmdir(MIG "/gi1/ci0"), 0);
	tree_dir(MIG "/gi1/ci0");
	get();
	CHECK_STR(got.fingerprint, before);
	tree_dir(MIG "/gi1/ci1");
	get();
	CHECK(strcmp(got.fingerprint, before) != 0);
	before = got.fingerprint;
	upgrade_driver();
	get();
	CHECK(strcmp(got.fingerprint, before) != 0);
}
