/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * list: comma-separated lists that an image or a request carries.
 *
 * Untrusted: a value is at most 16 KiB, a list 1024 items, an item 256 bytes
 * of letters, digits and "_.:/=+-" (security.md 3.6). Blanks around an item and
 * empty items do not count.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

#define OCI_VALUE_MAX 16384
#define OCI_LIST_MAX  1024
#define OCI_ITEM_MAX  256

/* Appends the items of value. -EINVAL says what is wrong, without saying where value came from. */
int oci_list_parse(struct arena *a, struct str value, struct strv *list, struct err *e) MUST_USE;

/* One item that did not come from a list. */
int oci_list_check_item(struct str item, struct err *e) MUST_USE;

/*
 * The words of NVIDIA_VISIBLE_DEVICES: "void" anywhere empties the list, else
 * the first "all" or "none" is all that is left; otherwise duplicates are
 * removed.
 */
void oci_list_words(struct strv *list);

/* Keeps the first of equal items. */
void oci_list_unique(struct strv *list);

/* In double quotes for a message: escaped, and cut when it is long. */
const char *oci_list_quote(struct arena *a, struct str text);
