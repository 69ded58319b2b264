/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "cdi/model.h"

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

/* Letters and digits, and between them also those of extra. */
static bool is_word(struct str s, const char *extra)
{
	if (s.n == 0 || !is_alnum(s.p[0]) || !is_alnum(s.p[s.n - 1]))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || !strchr(extra, s.p[i])))
			return false;
	return true;
}

bool cdi_kind_is_valid(struct str kind)
{
	size_t slash = str_find(kind, '/');
	struct str vendor = str_sub(kind, 0, slash), class = str_sub(kind, slash + 1, kind.n);

	return is_word(vendor, "_-.") && is_letter(vendor.p[0]) && is_word(class, "_-.") &&
	       is_letter(class.p[0]);
}

bool cdi_device_name_is_valid(struct str name)
{
	return is_word(name, "_-.:");
}

int cdi_name_parse(struct str s, struct cdi_name *ret)
{
	size_t equals = str_find(s, '=');
	struct str kind = str_sub(s, 0, equals), device = str_sub(s, equals + 1, s.n);

	if (!cdi_kind_is_valid(kind) || !cdi_device_name_is_valid(device))
		return -EINVAL;
	*ret = (struct cdi_name){kind, device};
	return 0;
}

bool cdi_name_is_qualified(struct str s)
{
	struct cdi_name name;

	return cdi_name_parse(s, &name) == 0;
}
