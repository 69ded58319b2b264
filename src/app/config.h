/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * config: config.toml as the programs use it (spec: runtime.md 3; design.md 4.1, 4.6, 4.11).
 *
 * One table (app/config.c) names every key, its type and its default; parser,
 * default file and messages are made from it. Unknown keys warn. The document
 * itself stays at hand for editing.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "codec/toml.h"

enum config_tristate { CONFIG_NO, CONFIG_YES, CONFIG_AUTO };

struct config {
	const char *path;     /* of the file; NULL when the defaults are in force */
	struct toml *doc;     /* NULL then */
	struct strv warnings; /* unknown keys, with their place */

	bool disable_require;
	const char *swarm_resource;
	bool accept_envvar_when_unprivileged;
	bool accept_volume_mounts;
	const char *supported_driver_capabilities;
	const char *compat_level; /* "documented" or "reference" */

	struct {
		const char *root, *path, *debug, *ldcache, *user, *ldconfig;
		struct strv environment;
		bool load_kmods, no_pivot;
		enum config_tristate no_cgroups;
	} cli;

	struct {
		const char *debug, *log_level, *mode, *mounts;
		struct strv runtimes;
		const char *csv_mount_spec_path, *csv_compat_container_root;
		struct strv cdi_spec_dirs, cdi_annotation_prefixes, cdi_allowed_kinds;
		const char *cdi_default_kind;
		struct strv jit_feature_flags, jit_disable_hooks;
		const char *legacy_cuda_compat_mode;
	} runtime;

	const char *hook_path;
	bool hook_skip_mode_detection;
	const char *ctk_path;

	struct {
		bool allow_cuda_compat_libs_from_container, allow_ldconfig_from_container,
			allow_unknown_oci_spec_fields, disable_cuda_compat_lib_hook,
			disable_imex_channel_creation, ignore_imex_channel_requests,
			no_additional_gids_for_device_nodes;
	} features;
};

/* $NVIDIA_CTK_CONFIG_FILE_PATH, else $XDG_CONFIG_HOME/…, else
 * /etc/nvidia-container-runtime/config.toml. */
const char *config_default_path(struct arena *a);

/* The defaults alone. cli.ldconfig and cli.user are "" where the machine decides: see below. */
void config_defaults(struct arena *a, struct config *ret);

/*
 * Reads the file (NULL: the default path). Absent gives the defaults. -EBADMSG
 * with file:line:column for bad TOML or a value of the wrong type; -EPERM when
 * others may write the file. Unknown keys are warnings, kept until there is a
 * log to write them to.
 */
int config_load(struct arena *a, const char *path, struct config *ret, struct err *e) MUST_USE;

void config_log_warnings(const struct config *c);

/* Where a key's value stands ("/etc/…/config.toml:5:8"), for messages about values that are of the
 * right type and still wrong. */
const char *config_place(struct arena *a, const struct config *c, const char *key);

/*
 * Refuses a value: -EINVAL with "<place>: <key>: <text>".
 */
int config_refuse(const struct config *c, const char *key, struct err *e, const char *fmt, ...)
	PRINTF(4, 5);

/* The names of all keys that config.toml may hold, in the order of the default file, NULL behind
 * the last. */
const char *config_key(size_t i);

/* What an unset cli.ldconfig and cli.user mean on this machine: "@/sbin/ldconfig.real" where that
 * exists, "root:video" on SUSE. */
const char *config_default_ldconfig(void);
const char *config_default_user(void);

/* The default file, comments included (runtime.md 3.5). */
void config_write_default(struct strbuf *out);
