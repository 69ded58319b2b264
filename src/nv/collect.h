/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * collect: the parts of nv_driver_find(), each for one kind of file. Private to
 * nv/: they fill a struct nv_driver from the tables of nv/files.
 */

#include "nv/driver.h"
#include "nv/root.h"
#include "nv/search.h"

struct nv_collect {
	struct arena *a;
	const struct nv_driver_query *q;
	struct nv_root root;
	struct nv_search search;
	struct strv prefixes; /* trees that libraries were found in: "/usr", "/usr/local/nvidia" */
	struct nv_driver *d;
};

/* Adds it, unless a file goes to that path already. */
void nv_collect_file(struct nv_collect *c, const struct nv_file *f);
void nv_collect_link(struct nv_collect *c, const struct nv_link *l);
void nv_collect_missing(struct nv_collect *c, const char *name, unsigned classes);

/* A file or, where dirs is true, a directory at a path of the root, which stays its path in the
 * container. */
bool nv_collect_at(struct nv_collect *c, const struct nv_file *f, bool dirs);

/* Adds a string that is not there yet. */
void nv_collect_name(struct nv_collect *c, struct strv *list, const char *name);

void nv_collect_libraries(struct nv_collect *c);
void nv_collect_xorg(struct nv_collect *c);
void nv_collect_configs(struct nv_collect *c);
void nv_collect_binaries(struct nv_collect *c);
void nv_collect_firmware(struct nv_collect *c);
void nv_collect_sockets(struct nv_collect *c);
