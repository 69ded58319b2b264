/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * model: a CDI specification in memory, from JSON or YAML and back, validated.
 *
 * CDI 0.3.0 to 1.1.0 (container-device-interface SPEC.md; spec: ctk-cdi.md 6).
 * Everything lives in the arena it was parsed or built into. Absent numbers
 * have has_… false; absent strings are NULL.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "codec/json.h"

struct cdi_node {
	const char *path, *host_path, *type, *permissions;
	int64_t major, minor; /* 0: take the host node's */
	uint32_t file_mode, uid, gid;
	bool has_file_mode, has_uid, has_gid;
};
struct cdi_nodes VEC(struct cdi_node);

struct cdi_mount {
	const char *host_path, *container_path, *type;
	struct strv options;
};
struct cdi_mounts VEC(struct cdi_mount);

struct cdi_hook {
	const char *name; /* "createContainer" … */
	const char *path;
	struct strv args, env;
	int64_t timeout; /* seconds; 0: none */
};
struct cdi_hooks VEC(struct cdi_hook);

struct cdi_net_device {
	const char *host_name, *name;
};
struct cdi_net_devices VEC(struct cdi_net_device);

struct cdi_gids VEC(uint32_t);

struct cdi_edits {
	struct strv env; /* "NAME=value" */
	struct cdi_nodes nodes;
	struct cdi_net_devices net_devices;
	struct cdi_mounts mounts;
	struct cdi_hooks hooks;
	const struct json *intel_rdt; /* as read; NULL when absent */
	struct cdi_gids gids;
};

struct cdi_annotation {
	const char *key, *value;
};
struct cdi_annotations VEC(struct cdi_annotation);

struct cdi_device {
	const char *name;
	struct cdi_annotations annotations;
	struct cdi_edits edits;
};
struct cdi_devices VEC(struct cdi_device);

struct cdi_spec {
	const char *version, *kind; /* "0.5.0", "nvidia.com/gpu" */
	struct cdi_annotations annotations;
	struct cdi_devices devices;
	struct cdi_edits edits;
	const char *path; /* the file it came from, NULL when built here */
};

/* From a parsed document: strict fields (names without regard to case), types, and
 * cdi_spec_validate(). -EBADMSG with file:line. */
int cdi_spec_read(struct arena *a, const struct json *doc, const char *name, struct cdi_spec *ret,
		  struct err *e) MUST_USE;

/* The rules of ctk-cdi.md 6.3 on a spec built in memory. */
int cdi_spec_validate(const struct cdi_spec *s, struct err *e) MUST_USE;

/* The lowest version that the content needs; a string constant. */
const char *cdi_spec_minimum_version(const struct cdi_spec *s);

/* The document, fields in the order of ctk-cdi.md 3.13, for json_write_compact() or yaml_write().
 */
struct json *cdi_spec_write(struct arena *a, const struct cdi_spec *s);

bool cdi_edits_empty(const struct cdi_edits *e);

/* Appends everything of more to e (shallow). */
void cdi_edits_add(struct arena *a, struct cdi_edits *e, const struct cdi_edits *more);

/* Names. "vendor/class=device"; borrows from s. -EINVAL when it is not a qualified name. */
struct cdi_name {
	struct str kind, device;
};
int cdi_name_parse(struct str s, struct cdi_name *ret);
bool cdi_name_is_qualified(struct str s);
bool cdi_kind_is_valid(struct str kind);
bool cdi_device_name_is_valid(struct str name);
