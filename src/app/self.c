/* SPDX-License-Identifier: Apache-2.0 */
#include "app/self.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/path.h"

#define HOOK_PROGRAM "nvidia-cdi-hook"

/* The directory of the running program; NULL without /proc. */
static const char *own_dir(struct arena *a)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	auto_free char *dir = NULL;

	if (n <= 0 || exe[0] != '/')
		return NULL;
	exe[n] = '\0';
	dir = path_dir(exe);
	return arena_strdup(a, dir);
}

/* Whether dir/name, made clean, is a program: 1 and the path, 0 if not, -EPERM when others may
 * write it. */
static int look_in(struct arena *a, const char *dir, const char *name, const char **ret,
		   struct err *e)
{
	auto_free char *path = path_join(dir, name);
	struct stat st;
	int r;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & 0111) == 0)
		return 0;
	r = fs_check_trusted(path, e);
	if (r < 0)
		return r;
	*ret = arena_strdup(a, path);
	return 1;
}

int self_program(struct arena *a, const char *name, const char **ret, struct err *e)
{
	const char *own = own_dir(a);
	const char *dirs[] = {
		own,
		own ? arena_printf(a, "%s/../libexec/nvidia-container-toolkit", own) : NULL,
		BINDIR,
		LIBEXECDIR,
	};
	AUTO(strbuf_done) struct strbuf looked = {0};

	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		int r = dirs[i] ? look_in(a, dirs[i], name, ret, e) : 0;

		if (r != 0)
			return r < 0 ? r : 0;
		if (dirs[i]) {
			auto_free char *clean = path_clean(dirs[i]);

			strbuf_printf(&looked, "%s%s", looked.n > 0 ? ", " : "", clean);
		}
	}
	return err_set(e, ENOENT, "program %s: not found in %s, is the package installed whole?",
		       name, looked.p);
}

const char *self_hook_program(struct arena *a, const char *configured)
{
	const char *path;

	if (configured && configured[0] == '/')
		return configured;
	if (self_program(a, HOOK_PROGRAM, &path, NULL) == 0)
		return path;
	return "/usr/bin/" HOOK_PROGRAM;
}
