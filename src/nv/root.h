/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * root: names below a driver root.
 *
 * A driver root is a tree of the host that we trust, often a file system of its
 * own (a driver container, an image of another distribution). Its absolute
 * links mean its own root, not the host's: they are followed inside it. Paths
 * here are the root's own ("/usr/lib64/libcuda.so.1"); with the prefix before
 * them they are the host's.
 *
 * The tree is trusted, so names are enough; a container's root never comes
 * here (os/rootfs).
 */

#include <sys/stat.h>

#include "base/arena.h"
#include "base/err.h"

/* What kept a search from seeing something that is there. */
struct nv_trouble {
	int code; /* errno; 0: nothing did */
	char path[200];
};

struct nv_root {
	const char *prefix;	    /* "" for the machine's own root, else clean and absolute */
	struct nv_trouble *trouble; /* borrowed; NULL: nobody asks */
};

/*
 * Notes the first failure that says nothing about the file but about this moment: a disk that
 * does not answer, no descriptors or memory left. A search that went on without would find less
 * than there is. Other errnos are answers, and not noted.
 */
void nv_root_note(const struct nv_root *r, int code, const char *path);

/*
 * From what a user wrote: "", "/", a trailing slash, a relative path. The name
 * is kept where it leads through links, so that a spec made from it follows
 * them too. -ENOENT, -ENOTDIR: it is no directory.
 */
int nv_root_open(struct arena *a, const char *driver_root, struct nv_root *ret,
		 struct err *e) MUST_USE;

/* The host's name of a path of the root. */
const char *nv_root_host(struct arena *a, const struct nv_root *r, const char *path);

/*
 * The path without links, all of them followed inside the root. dir is free of
 * links already ("" or "/" for the root itself) and path is taken relative to
 * it. -ENOENT, -ENOTDIR, -ELOOP (more than 40 links), -ENAMETOOLONG, -EACCES.
 */
int nv_root_resolve(struct arena *a, const struct nv_root *r, const char *dir, const char *path,
		    const char **ret) MUST_USE;

/* The same of an absolute path, and what is there. */
int nv_root_stat(struct arena *a, const struct nv_root *r, const char *path, const char **ret,
		 struct stat *ret_st) MUST_USE;
