/* SPDX-License-Identifier: Apache-2.0 */
#include "hide-symbol.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

struct image {
	char *p;
	size_t n;
	Elf64_Ehdr header;
};

/* Where n bytes at a file offset are; NULL when they are not all there. */
static char *at(const struct image *im, uint64_t offset, uint64_t n)
{
	return offset <= im->n && n <= im->n - offset ? im->p + offset : NULL;
}

static bool segment(const struct image *im, unsigned i, Elf64_Phdr *ret)
{
	const char *p = at(im, im->header.e_phoff + (uint64_t)i * sizeof(*ret), sizeof(*ret));

	if (p)
		memcpy(ret, p, sizeof(*ret));
	return p != NULL;
}

/* The file's bytes behind an address of the loaded object. */
static char *at_address(const struct image *im, uint64_t address, uint64_t n)
{
	for (unsigned i = 0; i < im->header.e_phnum; i++) {
		Elf64_Phdr s;

		if (segment(im, i, &s) && s.p_type == PT_LOAD && address >= s.p_vaddr &&
		    address - s.p_vaddr < s.p_filesz)
			return at(im, s.p_offset + (address - s.p_vaddr), n);
	}
	return NULL;
}

/* The table of dynamic names. */
static char *names_of(const struct image *im, uint64_t *ret_size)
{
	uint64_t table = 0, size = 0;

	for (unsigned i = 0; i < im->header.e_phnum; i++) {
		Elf64_Phdr s;

		if (!segment(im, i, &s) || s.p_type != PT_DYNAMIC)
			continue;
		for (uint64_t k = 0; k + sizeof(Elf64_Dyn) <= s.p_filesz; k += sizeof(Elf64_Dyn)) {
			const char *p = at(im, s.p_offset + k, sizeof(Elf64_Dyn));
			Elf64_Dyn d;

			if (!p)
				return NULL;
			memcpy(&d, p, sizeof(d));
			if (d.d_tag == DT_STRTAB)
				table = d.d_un.d_ptr;
			if (d.d_tag == DT_STRSZ)
				size = d.d_un.d_val;
		}
	}
	*ret_size = size;
	return size > 0 ? at_address(im, table, size) : NULL;
}

int sim_hide_symbol(char *image, size_t size, const char *name, struct err *e)
{
	struct image im = {.p = image, .n = size};
	size_t length = strlen(name) + 1;
	uint64_t left;
	char *names;

	if (size < sizeof(im.header))
		return err_set(e, EBADMSG, "not a shared object: too short");
	memcpy(&im.header, image, sizeof(im.header));
	if (memcmp(im.header.e_ident, ELFMAG, SELFMAG) != 0 ||
	    im.header.e_ident[EI_CLASS] != ELFCLASS64 || im.header.e_type != ET_DYN)
		return err_set(e, EBADMSG, "not a 64-bit shared object");
	names = names_of(&im, &left);
	if (!names)
		return err_set(e, EBADMSG, "a shared object without dynamic names");

	/* Whole names only; the hash tables may stay, for a look-up ends with comparing names. */
	for (char *p = names; left > 0;) {
		size_t n = strnlen(p, left) + 1;

		if (n == length && n <= left && memcmp(p, name, n) == 0) {
			p[0] ^= 0x20;
			return 1;
		}
		if (n > left)
			break;
		p += n;
		left -= n;
	}
	return 0;
}
