/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * registry: the CDI specs of a machine's spec directories.
 *
 * A later directory wins over an earlier one; a name that two files of the
 * same directory define is in conflict and resolves to an error that names
 * both. Files that cannot be read are kept with their reason, so that "not
 * found" can say why (users.md finding 5).
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "cdi/model.h"

/* Turns a YAML file's bytes into a tree; programs without a YAML reader pass one that asks a
 * helper. */
typedef int cdi_yaml_reader(struct arena *a, struct str text, const char *path, struct json **ret,
			    struct err *e);

struct cdi_problem {
	const char *path, *text;
};

struct cdi_registry {
	struct VEC(struct cdi_spec) specs; /* in order of priority, lowest first */
	struct VEC(size_t) priorities;	   /* parallel to specs: index of the directory */
	struct VEC(struct cdi_problem) problems;
	struct strv dirs; /* that were looked into */
};

/*
 * Reads every *.json and *.yaml directly in the directories. Never fails for
 * one bad file; limits: 1024 files, 4 MiB each, 64 MiB in all. With trusted,
 * a file that others may write is a problem instead of a spec (design.md 4.11).
 */
int cdi_registry_load(struct arena *a, const struct strv *dirs, cdi_yaml_reader *yaml, bool trusted,
		      struct cdi_registry *ret, struct err *e) MUST_USE;

/* Sorted qualified names of all devices that resolve. */
void cdi_registry_names(struct arena *a, const struct cdi_registry *r, struct strv *ret);

/* A device by its name, and the spec that it is of. */
struct cdi_found {
	const struct cdi_spec *spec;
	const struct cdi_device *device;
	bool first; /* of its spec in the list */
};
struct cdi_founds VEC(struct cdi_found);

/*
 * What qualified names stand for, in their order. -ENOENT when any does not resolve: the
 * text begins "unresolvable CDI devices a, b" and says for each why.
 */
int cdi_registry_resolve(struct arena *a, const struct cdi_registry *r, const struct strv *names,
			 struct cdi_founds *ret, struct err *e) MUST_USE;

/* Adds the device's edits; before those of a spec's first device the spec's own. */
void cdi_found_edits(struct arena *a, const struct cdi_found *found, struct cdi_edits *to);
