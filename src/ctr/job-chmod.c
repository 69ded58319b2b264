/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "ctr/job.h"
#include "os/procfs.h"

/* Whether the descriptor lies where the path says, without any link on the way. */
static int check_no_links(const struct container *c, int fd, const char *path, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	const char *real;
	int r = rootfs_path_of(&a, &c->root, fd, &real, e);

	if (r < 0)
		return r;
	if (strcmp(real, path) != 0)
		return err_set(e, ELOOP,
			       "%s in container root %s is reached through a symbolic link, its "
			       "mode stays",
			       path, c->root.name);
	return 0;
}

static int change(const struct container *c, mode_t mode, const char *path, struct err *e)
{
	auto_close int pinned = rootfs_resolve_nofollow(&c->root, path, e), fd = -1;
	struct stat st;
	int r;

	if (pinned < 0)
		return pinned == -ENOENT ? 0 : pinned;
	if (fstat(pinned, &st) < 0)
		return err_sys(e, "look at %s", path);
	if ((!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) || (st.st_mode & 07777) == mode)
		return 0;
	r = check_no_links(c, pinned, path, e);
	if (r < 0)
		return r;
	fd = procfs_reopen(pinned, O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
	if (fd < 0)
		return err_in(e, fd, "%s", path);
	if (fchmod(fd, mode) < 0)
		return err_sys(e, "change the mode of %s", path);
	return 0;
}

int job_chmod(const struct container *c, unsigned mode, const struct strv *paths, struct err *e)
{
	int result = 0;

	for (size_t i = 0; i < paths->n; i++) {
		auto_free char *rooted = mem_printf("/%s", paths->v[i]);
		auto_free char *clean = path_clean(rooted);
		struct err failure;
		int r;

		if (str_trim(str_of(paths->v[i])).n == 0)
			return err_set(e, EINVAL, "an empty path to change the mode of");
		r = change(c, mode, clean, &failure);
		/* In a user namespace not everything is ours; the others still want their mode. */
		if (r == -EPERM || r == -EACCES)
			log_debug("%s, ignored", failure.text);
		else if (r < 0)
			result = err_set(e, -r, "%s", failure.text);
	}
	return result;
}
