/* SPDX-License-Identifier: Apache-2.0 */
#include "app/self.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/path.h"
#include "test.h"

static struct arena a;
static struct err e;

/* A copy of this program in its own tree cannot be had without running it, so neighbours of the
 * test program itself are looked for. */
static char *own_program(void)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	CHECK(n > 0);
	exe[n] = '\0';
	return mem_strdup(exe);
}

TEST(a_neighbour_of_the_running_program_is_found_first)
{
	auto_free char *own = own_program();
	const char *path = NULL;

	CHECK_OK(self_program(&a, path_base(own), &path, &e), &e);
	CHECK_STR(path, own);
}

TEST(an_absent_program_names_the_directories_looked_at)
{
	const char *path = "untouched";

	CHECK_INT(self_program(&a, "no-such-program", &path, &e), -ENOENT);
	CHECK_STR(path, "untouched");
	CHECK(strstr(e.text, "program no-such-program: not found in /"));
	CHECK(strstr(e.text, "/usr/libexec/nvidia-container-toolkit"));
	CHECK(!strstr(e.text, ".."));
}

TEST(only_an_absolute_hook_path_is_taken_as_it_is)
{
	CHECK_STR(self_hook_program(&a, "/opt/x"), "/opt/x");
	CHECK_STR(path_base(self_hook_program(&a, "nvidia-ctk")), "nvidia-cdi-hook");
	CHECK_INT(self_hook_program(&a, NULL)[0], '/');
}
