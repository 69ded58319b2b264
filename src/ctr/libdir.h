/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * libdir: the libraries of an image's directories, by the rules of ldconfig.
 *
 * Reads an untrusted image, so it belongs into the sandbox's child. Which
 * names are libraries, what a link counts for, which of several files stands
 * for one SONAME and in which order directories and their glibc-hwcaps are
 * visited is as glibc's elf/ldconfig.c has it, less its clean-up: no link is
 * changed here.
 *
 * Opening a file and reading its headers is what costs. So what the image's own
 * cache says is taken where it can be believed: whole, of a directory that did
 * not change since the cache was written, and of a directory that did, about
 * each file that is still there. The result is the same but for libraries whose SONAME
 * changed in place, or below glibc-hwcaps, and then it is as the image has it without us.
 */

#include <sys/types.h>
#include <time.h>

#include "base/arena.h"
#include "codec/ldcache.h"
#include "os/rootfs.h"

/* A SONAME without an entry in the directory of its file. */
struct libdir_link {
	const char *dir, *file, *soname;
};

struct libdir_links VEC(struct libdir_link);

struct libdir_seen;

/* The image's own cache, and when it was written; an empty one is none. */
struct libdir_old {
	struct ldcache cache;
	struct timespec time;
};

struct libdir {
	struct arena *a;
	const struct rootfs *root;
	const struct libdir_old *old;
	struct ldcache cache;	   /* what was found so far */
	struct libdir_links links; /* missing ones, in directories that were asked for them */
	struct strv notes;	   /* what was left out, and why */
	struct libdir_seen *seen;  /* directories and files met before */
	struct arena scratch;
	size_t files, entries, bytes_left; /* bounds: 65,536 entries in all, 64 MiB read */
};

/* The arena, the root, the old cache and everything in them outlive it. */
void libdir_init(struct libdir *l, struct arena *a, const struct rootfs *root,
		 const struct libdir_old *old);

/* What was found stays: it lies in the arena. */
void libdir_done(struct libdir *l);

/*
 * Adds what a directory and its glibc-hwcaps hold; nothing when it is absent
 * or was visited already under another name. With make_links, it is looked at even when it did
 * not change, and a SONAME that has no entry is put down in links and into the cache as if it were
 * there; else the cache gets the file's own name. Returns 1 when it was visited now, 0 otherwise.
 */
int libdir_add(struct libdir *l, const char *path, bool make_links);

/* Whether a name can be a library's in a directory and a cache: lib*.so*, ld-*.so*, no slash, no
 * control bytes. */
bool libdir_is_library_name(const char *name);
