/* SPDX-License-Identifier: Apache-2.0 */
/* Small overlays over those directories of the host that get driver files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "base/path.h"
#include "place.h"
#include "stage.h"

/* Where the machine has mounts of its own already. */
static bool is_private(const char *path, const char *driver_root)
{
	return path_is_below(path, "/dev") || path_is_below(path, "/proc") ||
	       path_is_below(path, "/run") || strcmp(path, "/") == 0 ||
	       (strcmp(driver_root, "/") != 0 && strcmp(path, driver_root) != 0 &&
		path_is_below(path, driver_root));
}

static bool exists_as_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static char *find_existing(const char *path)
{
	auto_free char *dir = path_dir(path), *real = realpath(dir, NULL);

	return real ? steal_ptr(real) : find_existing(dir);
}

/*
 * The deepest directory above path that exists, links resolved. A PCI device
 * may exist with that address, as a link to where nothing can be covered.
 */
static char *find_anchor(const char *path)
{
	static const char devices[] = "/sys/bus/pci/devices";

	if (path_is_below(path, devices) && exists_as_dir(devices))
		return mem_strdup(devices);
	return find_existing(path);
}

/* Keeps the list without nesting: an overlay covers what lies below it. */
static void add_anchor(struct arena *a, struct strv *list, const char *dir)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (path_is_below(dir, list->v[i]))
			return;
	for (size_t i = 0; i < list->n; i++)
		if (!path_is_below(list->v[i], dir))
			list->v[kept++] = list->v[i];
	list->n = kept;
	arena_push(a, list, arena_strdup(a, dir));
}

static int find_anchors(struct arena *a, const struct content *content, const char *driver_root,
			struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < content->n; i++) {
		const struct content_item *item = &content->v[i];
		auto_free char *anchor = NULL;

		if (is_private(item->path, driver_root) ||
		    (item->kind == CONTENT_DIR && exists_as_dir(item->path)))
			continue;
		anchor = find_anchor(item->path);
		if (strcmp(anchor, "/") == 0 || strpbrk(anchor, ":,\\"))
			return err_set(e, EXDEV,
				       "%s cannot be simulated: make that directory first",
				       item->path);
		add_anchor(a, ret, anchor);
	}
	/* What a machine has of its own in any case: configuration, and what ldconfig has seen. */
	add_anchor(a, ret, "/etc");
	if (exists_as_dir("/var/cache/ldconfig"))
		add_anchor(a, ret, "/var/cache/ldconfig");
	return 0;
}

/* A mount that an overlay would hide, held by a descriptor until it can be put back. */
struct held {
	const char *path;
	int fd;
};
struct helds VEC(struct held);

static void helds_done(struct helds *list)
{
	for (size_t i = 0; i < list->n; i++)
		(void)close(list->v[i].fd);
	vec_done(list);
}

static int hold_mounts(struct arena *a, const char *dir, struct helds *ret, struct err *e)
{
	struct strv mounts = {0}, top = {0};
	int code = stage_mounts_below(a, dir, &mounts, e);

	for (size_t i = 0; i < mounts.n; i++)
		add_anchor(a, &top, mounts.v[i]);
	for (size_t i = 0; code == 0 && i < top.n; i++) {
		struct held one = {.path = top.v[i]};

		one.fd = (int)syscall(SYS_open_tree, AT_FDCWD, one.path,
				      OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		if (one.fd < 0)
			return err_sys(e, "clone the mount %s", one.path);
		vec_push(ret, one);
	}
	return code;
}

static int put_back(const struct helds *list, struct err *e)
{
	for (size_t i = 0; i < list->n; i++)
		if (syscall(SYS_move_mount, list->v[i].fd, "", AT_FDCWD, list->v[i].path,
			    MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return err_sys(e, "put the mount %s back", list->v[i].path);
	return 0;
}

/* lower seen at target, with a writable layer on the private /run. */
static int mount_overlay(const char *lower, const char *target, unsigned number, struct err *e)
{
	auto_free char *upper = mem_printf("%s/%u/upper", PLACE_OVERLAY, number);
	auto_free char *work = mem_printf("%s/%u/work", PLACE_OVERLAY, number);
	auto_free char *options =
		mem_printf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work);
	struct stat st;
	int ret = fs_mkdir_p(upper, 0755, e);

	if (ret == 0)
		ret = fs_mkdir_p(work, 0755, e);
	if (ret < 0)
		return ret;
	/* The upper directory lends its owner and mode to the merged one. */
	if (stat(lower, &st) < 0 || chown(upper, st.st_uid, st.st_gid) < 0 ||
	    chmod(upper, st.st_mode & 07777) < 0)
		return err_sys(e, "prepare an overlay over %s", lower);
	if (mount("overlay", target, "overlay", 0, options) < 0)
		return errno == EINVAL
			       ? err_set(e, EINVAL,
					 "overlay on %s: refused: the file system below may "
					 "itself be an overlay of overlays (a container in a "
					 "container): use --root with a tree on a disk",
					 target)
			       : err_sys(e, "overlay on %s", target);
	return 0;
}

int stage_overlays(struct arena *a, const struct content *content, const char *driver_root,
		   struct strv *ret_roots, struct err *e)
{
	static const char own[][8] = {"/dev", "/run"};
	int ret = find_anchors(a, content, driver_root, ret_roots, e);
	unsigned number = 0;

	for (size_t i = 0; ret == 0 && i < ret_roots->n; i++) {
		AUTO(helds_done) struct helds held = {0};

		ret = hold_mounts(a, ret_roots->v[i], &held, e);
		if (ret == 0)
			ret = mount_overlay(ret_roots->v[i], ret_roots->v[i], number++, e);
		if (ret == 0)
			ret = put_back(&held, e);
	}
	if (ret == 0 && strcmp(driver_root, "/") != 0) {
		/* The image of a driver container: a whole system of its own. */
		ret = fs_mkdir_p(driver_root, 0755, e);
		if (ret == 0)
			ret = mount_overlay("/", driver_root, number, e);
		if (ret == 0)
			arena_push(a, ret_roots, driver_root);
	}
	for (size_t i = 0; i < COUNT_OF(own); i++)
		arena_push(a, ret_roots, own[i]);
	return ret;
}
