/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * spec: a bundle's config.json as a document that is edited in place.
 *
 * Unknown fields, numbers and order survive; nothing is written unless
 * something changed. Fields are found by Go's rule, without regard to the case
 * of ASCII letters, as runc finds them (OCI runtime-spec 1.3, config.md).
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "codec/json.h"

struct oci_spec {
	const char *path; /* of config.json */
	struct arena *arena;
	struct json *root;
};

/*
 * -EBADMSG with file:line:column, also when a part that we read or edit is of
 * the wrong type; -EFBIG over 16 MiB. spec borrows the arena.
 */
int oci_spec_load(struct arena *a, const char *path, struct oci_spec *ret, struct err *e) MUST_USE;

/* The same for bytes that have been read; spec borrows text too. */
int oci_spec_parse(struct arena *a, struct str text, const char *path, struct oci_spec *ret,
		   struct err *e) MUST_USE;

/* Replaces the file atomically, owner and mode kept, when anything changed; 1 if it was written. */
int oci_spec_save(struct oci_spec *s, struct err *e) MUST_USE;

/* process.env, or NULL when there is none; for those who look at every entry. */
const struct json *oci_spec_environ(const struct oci_spec *s);

/* The two sides of the first '='; false when there is none, which is legal. */
bool oci_env_split(const struct json *entry, struct str *ret_name, struct str *ret_value);

/* process.env: the last value of a variable, or p == NULL when unset. Entries without '=' are
 * ignored. */
struct str oci_spec_env(const struct oci_spec *s, const char *name);

/* Replaces the last entry of that name in place, or appends. */
void oci_spec_set_env(struct oci_spec *s, const char *name, struct str value);

/* Whether the capability ("CAP_SYS_ADMIN") is in process.capabilities.bounding, or in the flat list
 * of OCI before 1.0.0-rc5. */
bool oci_spec_has_bounding(const struct oci_spec *s, const char *capability);

/* root.path as written, p == NULL when absent. */
struct str oci_spec_root_path(const struct oci_spec *s);

/* Removes NVIDIA's own prestart hook from prestart and createRuntime, a list that becomes empty
 * with it; the number removed. */
size_t oci_spec_remove_nvidia_hooks(struct oci_spec *s);
