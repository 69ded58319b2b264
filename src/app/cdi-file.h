/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cdi-file: CDI specifications as files (spec: ctk-cdi.md 3.13, 6.1).
 *
 * For the tools and daemons that read and write YAML; programs on the
 * container-start path do not link this.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cdi/model.h"
#include "cdi/registry.h"

enum cdi_format { CDI_FORMAT_YAML, CDI_FORMAT_JSON };

/* As every reader of specs: more is refused. */
#define CDI_FILE_MAX (4u << 20)

/* The YAML reader of cdi_registry_load(). */
cdi_yaml_reader cdi_file_yaml;

/* The document of a spec file: JSON when its name ends in .json, else YAML. -EBADMSG with
 * file:line:column; -ENODATA for an empty file. */
int cdi_file_read(struct arena *a, const char *path, struct json **ret, struct err *e) MUST_USE;

/* Whether the name ends in one of the extensions that readers look for, and which format that is.
 */
bool cdi_file_format_of(const char *path, enum cdi_format *ret);

/*
 * The name under which a spec is written: the path itself when readers will
 * look at it, else with the format's extension; ".yml" becomes ".yaml".
 */
const char *cdi_file_name(struct arena *a, const char *path, enum cdi_format format);

void cdi_file_encode(const struct cdi_spec *spec, enum cdi_format format, struct strbuf *out);

/*
 * Replaces the file, mode 0644, directories made. 1 when it was so already: then it is not
 * touched, so that those who watch the directory do not wake.
 */
int cdi_file_write(const char *path, struct str text, struct err *e) MUST_USE;
