/* SPDX-License-Identifier: Apache-2.0 */
#include "os/mount-peers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/fs.h"
#include "os/procfs.h"

enum {
	MAX_FDINFO = 4096,
	MAX_MOUNTINFO = 64 << 20, /* 100,000 mounts, the kernel's limit */
};

static int read_own(struct arena *a, const char *path, size_t max, struct str *ret, struct err *e)
{
	auto_close int fd = -1;
	int proc = procfs_fd(e);

	if (proc < 0)
		return proc;
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open /proc/%s", path);
	return fs_read_fd(a, fd, path, max, ret, e);
}

/* The number by which mountinfo knows the mount that a descriptor lies on; empty for -1. */
static int find_id(struct arena *a, int fd, struct str *ret, struct err *e)
{
	static const char key[] = "mnt_id:\t";
	const char *path = arena_printf(a, "thread-self/fdinfo/%d", fd);
	struct str text, line;
	int r;

	*ret = STR("");
	if (fd < 0)
		return 0;
	r = read_own(a, path, MAX_FDINFO, &text, e);
	if (r < 0)
		return r;
	while (str_split(&text, '\n', &line)) {
		if (!str_has_prefix(line, key))
			continue;
		*ret = (struct str){line.p + strlen(key), line.n - strlen(key)};
		return 0;
	}
	return err_set(e, EBADMSG, "/proc/%s does not say what it is mounted on", path);
}

bool mount_line_is_shared(struct str line, struct str id)
{
	enum { FIXED_FIELDS = 6 };
	struct str word;

	for (int i = 0; str_split(&line, ' ', &word); i++) {
		if (i == 0 && !str_eq(word, id))
			return false;
		if (i < FIXED_FIELDS)
			continue;
		if (str_is(word, "-"))
			return false;
		if (str_has_prefix(word, "shared:"))
			return true;
	}
	return false;
}

int mount_check_peers(const struct mount_end *target, int also, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	struct str ids[2], text, line;
	int r = find_id(&a, target->fd, &ids[0], e);

	if (r == 0)
		r = find_id(&a, also, &ids[1], e);
	if (r == 0)
		r = read_own(&a, "thread-self/mountinfo", MAX_MOUNTINFO, &text, e);
	if (r < 0)
		return r;
	while (str_split(&text, '\n', &line))
		if (mount_line_is_shared(line, ids[0]) || mount_line_is_shared(line, ids[1]))
			return err_set(e, EPERM,
				       "%s lies on a mount that is shared with others, perhaps the "
				       "host's, where it would change too: mount it there as "
				       "private or slave",
				       target->name);
	return 0;
}
