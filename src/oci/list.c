/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/list.h"

#include <errno.h>

#include "base/str.h"

#define QUOTE_MAX 80

const char *oci_list_quote(struct arena *a, struct str text)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	strbuf_addc(&b, '"');
	for (size_t i = 0; i < text.n && i < QUOTE_MAX; i++) {
		if (text.p[i] < 0)
			strbuf_printf(&b, "\\x%02x", (unsigned char)text.p[i]);
		else
			strbuf_escape(&b, str_sub(text, i, i + 1));
	}
	strbuf_adds(&b, text.n > QUOTE_MAX ? "...\"" : "\"");
	return arena_str(a, strbuf_str(&b));
}

static bool is_item_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("_.:/=+-", c));
}

int oci_list_check_item(struct str item, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};

	if (item.n > OCI_ITEM_MAX)
		return err_set(e, EINVAL, "%s is longer than %d bytes", oci_list_quote(&a, item),
			       OCI_ITEM_MAX);
	for (size_t i = 0; i < item.n; i++)
		if (!is_item_char(item.p[i]))
			return err_set(e, EINVAL,
				       "%s has a character that no name of a device has: %s",
				       oci_list_quote(&a, item),
				       oci_list_quote(&a, str_sub(item, i, i + 1)));
	return 0;
}

int oci_list_parse(struct arena *a, struct str value, struct strv *list, struct err *e)
{
	struct str rest = value, item;

	if (value.n > OCI_VALUE_MAX)
		return err_set(e, EINVAL, "longer than %d bytes", OCI_VALUE_MAX);
	while (rest.n > 0 && str_split(&rest, ',', &item)) {
		int r;

		item = str_trim(item);
		if (item.n == 0)
			continue;
		if (list->n == OCI_LIST_MAX)
			return err_set(e, EINVAL, "more than %d items", OCI_LIST_MAX);
		r = oci_list_check_item(item, e);
		if (r < 0)
			return r;
		arena_push(a, list, arena_str(a, item));
	}
	return 0;
}

void oci_list_unique(struct strv *list)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++) {
		size_t k = 0;

		while (k < kept && strcmp(list->v[k], list->v[i]) != 0)
			k++;
		if (k == kept)
			list->v[kept++] = list->v[i];
	}
	list->n = kept;
}

void oci_list_words(struct strv *list)
{
	const char *word = NULL;

	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i], "void") == 0) {
			list->n = 0;
			return;
		}
		if (!word && (strcmp(list->v[i], "all") == 0 || strcmp(list->v[i], "none") == 0))
			word = list->v[i];
	}
	if (word) {
		list->v[0] = word;
		list->n = 1;
	}
	oci_list_unique(list);
}
