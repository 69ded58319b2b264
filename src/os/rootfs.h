/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * rootfs: the only way to a path below an untrusted root.
 *
 * The root is a descriptor, opened once. Every lookup is confined by
 * openat2(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS), or on kernels without it
 * by a walk that opens each component with O_NOFOLLOW, keeps a stack of
 * descriptors for "..", and follows at most 40 links itself. What was checked
 * and what is used is the same descriptor; no path string below the root is
 * ever handed to another system call (security.md 1.5 I1, I2; 2.5 P1 to P3, P7).
 *
 * Paths given here are the container's own, absolute or relative to its root.
 */

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

struct rootfs {
	int fd; /* O_PATH directory */
	dev_t dev;
	ino_t ino;
	const char *name; /* for messages only; borrowed */
};

#define ROOTFS_INIT                                                                                \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Opens the root. -EPERM when it is the host's own root directory. */
int rootfs_open(const char *path, struct rootfs *ret, struct err *e) MUST_USE;
void rootfs_close(struct rootfs *r);

/* An O_PATH descriptor, following links in the root; -ENOENT, -ELOOP, -ENOTDIR as the kernel says.
 */
int rootfs_resolve(const struct rootfs *r, const char *path, struct err *e) MUST_USE;

/* The same without following a link in the last component. */
int rootfs_resolve_nofollow(const struct rootfs *r, const char *path, struct err *e) MUST_USE;

/*
 * A directory's O_PATH descriptor; missing ones are made with that mode (P3). Where the image has a
 * dangling link on the way, the directory it names, in the root, is made.
 */
int rootfs_mkdir_p(const struct rootfs *r, const char *path, mode_t mode, struct err *e) MUST_USE;

/* Reads a regular file of at most max bytes (P2): never blocks, never touches a device. */
int rootfs_read(struct arena *a, const struct rootfs *r, const char *path, size_t max,
		struct str *ret, struct err *e) MUST_USE;

/* A readable descriptor of a regular file (P2). */
int rootfs_open_file(const struct rootfs *r, const char *path, struct err *e) MUST_USE;

/*
 * Replaces or creates a file by a temporary and rename in the directory's
 * descriptor (P3); a link or file of that name is replaced, a directory is
 * -EISDIR. Directories are made.
 */
int rootfs_write(const struct rootfs *r, const char *path, struct str data, mode_t mode,
		 struct err *e) MUST_USE;

/*
 * rootfs_write() unless a file of that content is there: a container that starts again leaves no
 * trace, and its file system may have become read-only. 0 written, 1 was already so.
 */
int rootfs_update(const struct rootfs *r, const char *path, struct str data, mode_t mode,
		  struct err *e) MUST_USE;

/* Makes or replaces a symbolic link, the text taken as it is. 0 made, 1 was already so. -EISDIR
 * over a directory. */
int rootfs_symlink(const struct rootfs *r, const char *target, const char *path,
		   struct err *e) MUST_USE;

/* Sorted names in a directory, at most max. */
int rootfs_list(struct arena *a, const struct rootfs *r, const char *path, size_t max,
		struct strv *ret, struct err *e) MUST_USE;

/*
 * The same in steps, for who looks at many files of one directory: a readable
 * descriptor of a directory, its entries in the order of their names (at most max, else -EFBIG),
 * and a readable descriptor of a regular file that is itself an entry (P2);
 * -ELOOP for a link, -EINVAL for anything else.
 */
struct rootfs_entry {
	const char *name;
	unsigned char type; /* DT_REG, DT_DIR, DT_LNK ... of <dirent.h>, never DT_UNKNOWN */
};

struct rootfs_entries VEC(struct rootfs_entry);

int rootfs_open_dir(const struct rootfs *r, const char *path, struct err *e) MUST_USE;
int rootfs_read_dir(struct arena *a, int dir, size_t max, struct rootfs_entries *ret,
		    struct err *e) MUST_USE;
int rootfs_open_entry(int dir, const char *name, struct err *e) MUST_USE;

/* What an entry is, links not followed; the text of one that is a link. For deciding whether it is
 * worth opening: what is then used is what was opened. Negative errno without a text. */
struct stat;
int rootfs_stat_entry(int dir, const char *name, struct stat *ret) MUST_USE;
int rootfs_readlink_entry(struct arena *a, int dir, const char *name, const char **ret) MUST_USE;

/* Where a resolved descriptor lies inside the root, as the container would name it. */
int rootfs_path_of(struct arena *a, const struct rootfs *r, int fd, const char **ret,
		   struct err *e) MUST_USE;
