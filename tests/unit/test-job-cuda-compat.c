/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include "ctr/job.h"

#define ROOT "/usr/local/cuda/compat"
#define FILE "/etc/ld.so.conf.d/00-compat.conf"

static void run(const struct container *c, struct job_compat o)
{
	struct err e;

	CHECK_OK(job_cuda_compat(c, &o, &e), &e);
}

static bool is_used(void)
{
	return strstr(image_text(FILE), "\n/usr/local/cuda-12.8/compat\n") != NULL;
}

/* An image whose libcuda has this version and note. */
static struct container image_with(const char *version, const char *note)
{
	struct container c = image_enter();
	char path[128];

	image_link("cuda-12.8", "/usr/local/cuda");
	(void)snprintf(path, sizeof(path), "/usr/local/cuda-12.8/compat/libcuda.so.%s", version);
	CHECK_INT(elf_file_write(image_path(path), "libcuda.so.1", note), 0);
	return c;
}

static bool used(const char *version, const char *note, const char *driver, const char *cuda)
{
	struct container c = image_with(version, note);

	run(&c, (struct job_compat){.host_driver_version = driver, .host_cuda_version = cuda});
	return is_used();
}

#define NOTE "{\"Format\":1,\"CUDA Version\":\"12.8\",\"Driver\":[535,550],\"Device\":[]}"

TEST(without_versions_nothing_is_looked_at)
{
	CHECK(!used("570.86.15", NULL, NULL, NULL));
}

TEST(without_a_note_a_higher_major_version_is_used)
{
	CHECK(used("570.86.15", NULL, "550.54.14", NULL));
}

TEST(without_a_note_the_same_major_version_is_not_used)
{
	CHECK(!used("550.90.07", NULL, "550.54.14", NULL));
}

TEST(without_a_note_a_lower_major_version_is_not_used)
{
	CHECK(!used("535.1.1", NULL, "550.54.14", NULL));
}

TEST(without_a_note_a_cuda_version_decides_against_it)
{
	CHECK(!used("570.86.15", NULL, "550.54.14", "12.4"));
}

TEST(with_a_note_a_listed_older_driver_uses_it)
{
	CHECK(used("570.86.15", NOTE, "550.54.14", NULL));
}

TEST(with_a_note_a_driver_that_is_not_listed_does_not)
{
	CHECK(!used("570.86.15", NOTE, "545.1.1", NULL));
}

TEST(with_a_note_the_same_version_is_not_used)
{
	CHECK(!used("550.54.14", NOTE, "550.54.14", NULL));
}

TEST(with_a_note_a_later_minor_version_is_used)
{
	CHECK(used("550.54.15", NOTE, "550.54.14", NULL));
}

TEST(with_a_note_and_no_driver_version_the_cuda_version_decides)
{
	CHECK(used("570.86.15", NOTE, NULL, "12.4"));
}

TEST(with_a_note_and_the_same_cuda_version_it_is_not_used)
{
	CHECK(!used("570.86.15", NOTE, NULL, "12.8"));
}

TEST(a_version_that_is_none_counts_as_not_given)
{
	CHECK(!used("570.86.15", NULL, "unknown", NULL));
}

TEST(a_note_that_is_no_json_keeps_the_library_out)
{
	CHECK(!used("570.86.15", "{\"Driver\":[550", "550.54.14", NULL));
}

TEST(two_libraries_are_none)
{
	struct container c = image_with("570.86.15", NULL);

	image_library("/usr/local/cuda-12.8/compat/libcuda.so.575.1", "libcuda.so.1");
	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	CHECK(!is_used());
}

TEST(links_beside_the_library_do_not_count)
{
	struct container c = image_with("570.86.15", NULL);

	image_link("libcuda.so.570.86.15", "/usr/local/cuda-12.8/compat/libcuda.so.1");
	image_link("libcuda.so.570.86.15", "/usr/local/cuda-12.8/compat/libcuda.so.1.1");
	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	CHECK(is_used());
}

TEST(another_directory_can_be_named)
{
	struct container c = image_enter();

	image_library("/usr/local/cuda/compat_orin/libcuda.so.1.1", "libcuda.so.1");
	image_library("/usr/local/cuda/compat_orin/libcuda.so.540.4", "libcuda.so.1");
	CHECK_INT(unlink(image_path("/usr/local/cuda/compat_orin/libcuda.so.1.1")), 0);
	run(&c, (struct job_compat){.host_driver_version = "535.1",
				    .compat_root = "/usr/local/cuda/compat_orin"});
	CHECK(strstr(image_text(FILE), "\n/usr/local/cuda/compat_orin\n"));
}

TEST(a_second_start_changes_nothing_and_a_newer_driver_takes_it_back)
{
	struct container c = image_with("570.86.15", NULL);
	struct stat before, after;

	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	CHECK(is_used());
	CHECK_INT(stat(image_path(FILE), &before), 0);
	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	CHECK_INT(stat(image_path(FILE), &after), 0);
	CHECK(before.st_ino == after.st_ino);
	run(&c, (struct job_compat){.host_driver_version = "580.1"});
	CHECK(!is_used());
}

TEST(a_file_of_that_name_that_is_not_ours_stays)
{
	struct container c = image_with("570.86.15", NULL);

	image_file(FILE, "/their/own\n");
	run(&c, (struct job_compat){.host_driver_version = "580.1"});
	CHECK_STR(image_text(FILE), "/their/own\n");
}

TEST(a_library_outside_of_the_image_is_not_seen)
{
	struct container c = image_enter();

	image_link("../../../../../../../can", "/usr/local/cuda");
	CHECK_INT(mkdir("can/compat", 0755), 0);
	CHECK_INT(elf_file_write("can/compat/libcuda.so.999.1", "libcuda.so.1", NULL), 0);
	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	CHECK_STR(image_text(FILE), "(none)");
}

TEST(a_configuration_directory_that_leads_out_is_made_inside)
{
	struct container c = image_with("570.86.15", NULL);

	image_link("../../../../can", "/etc/ld.so.conf.d");
	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	CHECK(strstr(image_text("/can/00-compat.conf"), "/usr/local/cuda-12.8/compat"));
	image_check_canary();
}

TEST(fifos_and_damaged_libraries_are_left_out)
{
	struct container c = image_enter();

	CHECK_INT(mkfifo(image_path(ROOT "/libcuda.so.998.1"), 0644), 0);
	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	image_file(ROOT "/libcuda.so.999.1", "\177ELF\2\1\1 and then nothing that makes sense to "
					     "anybody who reads it");
	run(&c, (struct job_compat){.host_driver_version = "550.54.14"});
	CHECK_STR(image_text(FILE), "(none)");
}
