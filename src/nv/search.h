/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * search: the directories that may hold driver libraries, and what lies in them.
 *
 * The union of the standard directories and those of the loader's cache below
 * the driver root, each once whatever its names (users.md P14); the loader's
 * configuration where the cache is missing or knows no driver. Directories that the user names
 * replace all others and may lie outside the root.
 */

#include "base/vec.h"
#include "nv/root.h"

struct nv_lib_dir {
	const struct nv_root *root; /* the driver root; the machine's own for a directory outside */
	const char *path;	    /* in that root, free of links: the container's path too */
	struct strv names;	    /* sorted; those with ".so" in them that could be a driver's */
};
struct nv_lib_dirs VEC(struct nv_lib_dir);

struct nv_search {
	const struct nv_root *root;
	struct nv_lib_dirs dirs;
	struct strv seen; /* names under which directories were offered */
};

/* Finds the directories and reads them. Directories that do not exist are no error. */
void nv_search_libraries(struct arena *a, const struct nv_root *root, const struct strv *configured,
			 struct nv_search *ret);

/* Whether a library of that name leads to a file. */
bool nv_search_has(struct arena *a, const struct nv_search *s, const char *name);

/* The names in a directory of the root for which keep is true, sorted; empty when it cannot be
 * read. */
struct strv nv_search_names(struct arena *a, const struct nv_root *root, const char *path,
			    bool (*keep)(struct str name));

/* "/usr/local/nvidia" of "/usr/local/nvidia/lib64": what lies before lib, lib32 or lib64; NULL
 * without. */
const char *nv_search_prefix(struct arena *a, const char *dir);

/* Whether a file is a library of this version: "<name>.so.<version>". */
bool nv_search_is_versioned(struct str name, const char *version);
