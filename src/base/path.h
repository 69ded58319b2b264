/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * path: paths as text. Nothing here looks at the file system, and nothing here
 * makes a path below an untrusted root safe: that is os/rootfs.
 */

#include "base/macro.h"
#include "base/str.h"

/*
 * A new string: a and b with one slash between, made clean: no "//", no "/./",
 * "x/.." folded, ".." at the root dropped. An empty part is left out; both
 * empty give ".".
 */
char *path_join(const char *a, const char *b) MUST_USE;

/* The same for one path. */
char *path_clean(const char *path) MUST_USE;

/* What follows the last slash; borrowed from path. */
const char *path_base(const char *path);

/* A new string: what comes before the last slash, "/" or "." where nothing is left. */
char *path_dir(const char *path) MUST_USE;

/* Whether path is root or lies below it, by components; both clean and absolute. */
bool path_is_below(const char *path, const char *root);

/* path without root, beginning with a slash; path itself when it is not below root. Borrowed from
 * path. */
const char *path_strip_root(const char *path, const char *root);
