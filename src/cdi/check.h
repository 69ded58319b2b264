/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * check: the rules for the parts of a CDI spec, for the reader and for
 * cdi_spec_validate(). Each is 0, or -EINVAL with a text that says what is
 * wrong and does not say where.
 */

#include "base/err.h"
#include "cdi/model.h"

int cdi_check_env(const char *env, struct err *e) MUST_USE;
int cdi_check_node(const struct cdi_node *node, struct err *e) MUST_USE;
int cdi_check_mount(const struct cdi_mount *mount, struct err *e) MUST_USE;
int cdi_check_hook(const struct cdi_hook *hook, struct err *e) MUST_USE;
int cdi_check_net_devices(const struct cdi_net_devices *list, struct err *e) MUST_USE;
int cdi_check_rdt(const struct json *rdt, struct err *e) MUST_USE;
int cdi_check_kind(const char *kind, struct err *e) MUST_USE;

/* Of one device, without its edits' parts. */
int cdi_check_device(const struct cdi_device *device, struct err *e) MUST_USE;

/*
 * Whether the version is known and high enough. A spec that was read is judged
 * as other readers judge it: in two rules they look at the last device only.
 */
int cdi_check_version(const struct cdi_spec *s, bool was_read, struct err *e) MUST_USE;

/* The second of two devices of one name, or NULL. */
const struct cdi_device *cdi_find_duplicate(const struct cdi_spec *s);
