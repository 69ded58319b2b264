/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * fs: whole files of a host that we trust.
 *
 * Paths below a container's root do not come here: os/rootfs is the only way
 * to them.
 */

#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/vec.h"

enum fs_write_flags {
	FS_NO_SYNC =
		1, /* the file does not outlive a crash of the machine: config.json, snapshots */
	FS_KEEP_OWNER =
		2, /* owner, group and mode of the file that is replaced, when there is one */
};

/*
 * Replaces the file at path by data[0..n). A reader sees the old content or
 * the new, never a part; after a crash one of the two is there. A symbolic
 * link is followed as by fs_follow(): the file it names is replaced. On failure
 * the old file is untouched and no temporary is left behind.
 */
int fs_write_atomic(const char *path, struct str data, mode_t mode, unsigned flags,
		    struct err *e) MUST_USE;

/*
 * Reads a regular file of at most max bytes into the arena, NUL-terminated
 * behind. Errors a caller may want to tell apart: -ENOENT; -EFBIG, larger than
 * max; -EINVAL, not a regular file. Never blocks on a FIFO or a device.
 */
int fs_read(struct arena *a, const char *path, size_t max, struct str *ret, struct err *e) MUST_USE;

/* The same for an open descriptor, from offset 0 where it can seek; name is for messages. */
int fs_read_fd(struct arena *a, int fd, const char *name, size_t max, struct str *ret,
	       struct err *e) MUST_USE;

/* mkdir -p; existing directories are left alone. */
int fs_mkdir_p(const char *path, mode_t mode, struct err *e) MUST_USE;

/*
 * Whether a file may steer a privileged program: it, every link and every
 * directory on the way to it belong to root or our effective user (in a user
 * namespace also to the overflow user), and it and the directories are not
 * writable by others (a sticky directory may be). Nobody else can then make
 * the path lead elsewhere, so that it may be opened by name afterwards. 0, or
 * -EPERM with a text that names the object and the cure, or the error of
 * looking.
 */
int fs_check_trusted(const char *path, struct err *e) MUST_USE;

/*
 * The path without links as its last component, for malloc's free(); the file
 * need not exist. A link of somebody whom fs_check_trusted() would not trust is
 * -EPERM: in /tmp it could make root write to any file, whatever
 * fs.protected_symlinks says.
 */
int fs_follow(const char *path, char **ret, struct err *e) MUST_USE;

/* Writes all of data, resuming where a signal or a small write stopped it. */
int fs_write_fd(int fd, const char *name, struct str data, struct err *e) MUST_USE;

/* Names in a directory, sorted by bytes, without . and ..; at most max, else -EFBIG. */
int fs_list(struct arena *a, const char *path, size_t max, struct strv *ret,
	    struct err *e) MUST_USE;

/* The same for a readable directory descriptor, which is closed in any case; name is for messages.
 */
int fs_list_fd(struct arena *a, int fd, const char *name, size_t max, struct strv *ret,
	       struct err *e) MUST_USE;
