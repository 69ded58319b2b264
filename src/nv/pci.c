/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/pci.h"

#include <errno.h>

/* A field of 1 to `digits` hexadecimal digits, at most max. */
static int field(struct str text, size_t digits, uint32_t max, uint32_t *ret)
{
	if (text.n > digits || str_to_u32_base(text, 16, ret) < 0 || *ret > max)
		return -EINVAL;
	return 0;
}

int nv_pci_parse(struct str text, struct nv_pci *ret)
{
	uint32_t domain = 0, bus, device, function;
	size_t dot = str_find(text, '.'), colon;
	struct str front = str_sub(text, 0, dot), head;

	if (field(str_sub(text, dot + 1, text.n), 1, 7, &function) < 0)
		return -EINVAL;
	colon = str_find(front, ':');
	head = str_sub(front, 0, colon);
	front = str_sub(front, colon + 1, front.n);
	colon = str_find(front, ':');
	if (colon < front.n) {
		if (field(head, 8, UINT32_MAX, &domain) < 0)
			return -EINVAL;
		head = str_sub(front, 0, colon);
		front = str_sub(front, colon + 1, front.n);
	}
	if (field(head, 2, 0xff, &bus) < 0 || field(front, 2, 0x1f, &device) < 0)
		return -EINVAL;
	*ret = (struct nv_pci){domain, (uint8_t)bus, (uint8_t)device, (uint8_t)function};
	return 0;
}

int nv_pci_compare(const struct nv_pci *a, const struct nv_pci *b)
{
	uint32_t x = (uint32_t)a->bus << 16 | (uint32_t)a->device << 8 | a->function;
	uint32_t y = (uint32_t)b->bus << 16 | (uint32_t)b->device << 8 | b->function;

	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	return (x > y) - (x < y);
}

const char *nv_pci_text(struct arena *a, const struct nv_pci *p)
{
	return arena_printf(a, "%04x:%02x:%02x.%x", p->domain, p->bus, p->device, p->function);
}
