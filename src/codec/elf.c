/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/elf.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * Most libraries have all their headers in the first block, so that one read
 * serves them.
 */
#define FIRST_BLOCK 1024
#define MAX_HEADERS (64 * 1024)
#define MAX_NAME    4096

struct reader {
	const struct elf_source *src;
	struct err *e;
	bool wide; /* 64 bit */
	unsigned char first[FIRST_BLOCK];
	size_t first_n;
};

/* Program headers, section headers and dynamic entries, reduced to what both classes share. */
struct segment {
	uint32_t type;
	uint64_t offset, vaddr, filesz;
};

struct section {
	uint32_t name, type;
	uint64_t offset, size, align;
};

static uint64_t get(const unsigned char *p, size_t n)
{
	uint64_t value = 0;

	for (size_t i = n; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)get(p, 4);
}

static int damaged(const struct reader *r, const char *what)
{
	return err_set(r->e, EBADMSG, "%s: damaged ELF file: %s", r->src->name, what);
}

/* What lies behind the end of the file is damage here: headers led us there. */
static int cannot_read(const struct reader *r, int error)
{
	if (error == -ENODATA)
		return damaged(r, "it ends before its headers do");
	return err_set(r->e, -error, "read %s: %s", r->src->name, strerror(-error));
}

static int read_at(const struct reader *r, uint64_t offset, void *to, size_t n)
{
	int error;

	if (offset <= r->first_n && n <= r->first_n - offset) {
		memcpy(to, r->first + offset, n);
		return 0;
	}
	error = r->src->read(r->src->context, offset, to, n);
	return error < 0 ? cannot_read(r, error) : 0;
}

/* A table of the file in the arena. */
static int read_table(struct arena *a, const struct reader *r, uint64_t offset, uint64_t n,
		      unsigned char **ret)
{
	unsigned char *p;
	int error;

	if (n > MAX_HEADERS)
		return damaged(r, "a header table is larger than 64 KiB");
	p = arena_alloc(a, n + 1);
	error = read_at(r, offset, p, n);
	if (error < 0)
		return error;
	*ret = p;
	return 0;
}

static int reader_init(struct reader *r, const struct elf_source *src, struct err *e)
{
	size_t want = sizeof(r->first);
	int ret;

	memset(r, 0, sizeof(*r));
	r->src = src;
	r->e = e;
	/* A file may be shorter than the block: halve until it fits, down to an ELF header. */
	do {
		ret = src->read(src->context, 0, r->first, want);
		if (ret >= 0)
			break;
		want /= 2;
	} while (ret == -ENODATA && want >= sizeof(Elf32_Ehdr) - 20);
	if (ret == -ENODATA)
		return err_set(e, ENOEXEC, "%s is not an ELF file: it is too short", src->name);
	if (ret < 0)
		return err_set(e, -ret, "read %s: %s", src->name, strerror(-ret));
	r->first_n = want;

	if (memcmp(r->first, ELFMAG, SELFMAG) != 0)
		return err_set(e, ENOEXEC, "%s is not an ELF file", src->name);
	if (r->first[EI_DATA] != ELFDATA2LSB)
		return err_set(e, ENOEXEC, "%s is not a little-endian ELF file", src->name);
	if (r->first[EI_CLASS] != ELFCLASS32 && r->first[EI_CLASS] != ELFCLASS64)
		return damaged(r, "it is neither 32 nor 64 bit");
	r->wide = r->first[EI_CLASS] == ELFCLASS64;
	return 0;
}

static enum elf_machine machine_of(uint64_t machine)
{
	switch (machine) {
	case EM_X86_64:
		return ELF_X86_64;
	case EM_386:
		return ELF_I386;
	case EM_AARCH64:
		return ELF_AARCH64;
	case EM_ARM:
		return ELF_ARM;
	case EM_PPC64:
		return ELF_PPC64;
	default:
		return ELF_OTHER;
	}
}

static struct segment segment_at(const struct reader *r, const unsigned char *p)
{
	if (r->wide)
		return (struct segment){.type = get32(p + offsetof(Elf64_Phdr, p_type)),
					.offset = get(p + offsetof(Elf64_Phdr, p_offset), 8),
					.vaddr = get(p + offsetof(Elf64_Phdr, p_vaddr), 8),
					.filesz = get(p + offsetof(Elf64_Phdr, p_filesz), 8)};
	return (struct segment){.type = get32(p + offsetof(Elf32_Phdr, p_type)),
				.offset = get32(p + offsetof(Elf32_Phdr, p_offset)),
				.vaddr = get32(p + offsetof(Elf32_Phdr, p_vaddr)),
				.filesz = get32(p + offsetof(Elf32_Phdr, p_filesz))};
}

struct segments {
	struct segment *v;
	size_t n;
};

static int read_segments(struct arena *a, const struct reader *r, const unsigned char *header,
			 struct segments *ret)
{
	size_t size = r->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	uint64_t offset = r->wide ? get(header + offsetof(Elf64_Ehdr, e_phoff), 8)
				  : get32(header + offsetof(Elf32_Ehdr, e_phoff));
	size_t entsize = get(header + (r->wide ? offsetof(Elf64_Ehdr, e_phentsize)
					       : offsetof(Elf32_Ehdr, e_phentsize)),
			     2);
	size_t n = get(
		header + (r->wide ? offsetof(Elf64_Ehdr, e_phnum) : offsetof(Elf32_Ehdr, e_phnum)),
		2);
	unsigned char *table = NULL;
	int error;

	if (n == 0)
		return 0;
	if (entsize != size)
		return damaged(r, "program headers of a wrong size");
	error = read_table(a, r, offset, n * size, &table);
	if (error < 0)
		return error;
	ret->v = arena_array(a, struct segment, n);
	ret->n = n;
	for (size_t i = 0; i < n; i++)
		ret->v[i] = segment_at(r, table + i * size);
	return 0;
}

static const struct segment *segment_of_type(const struct segments *list, uint32_t type)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].type == type)
			return &list->v[i];
	return NULL;
}

/* Where the byte loaded at an address lies in the file, and how many follow it there. */
static bool file_offset(const struct segments *list, uint64_t vaddr, uint64_t *offset,
			uint64_t *left)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct segment *s = &list->v[i];
		uint64_t skip = vaddr - s->vaddr;

		if (s->type != PT_LOAD || vaddr < s->vaddr || skip >= s->filesz)
			continue;
		if (s->offset > UINT64_MAX - skip)
			return false;
		*offset = s->offset + skip;
		*left = s->filesz - skip;
		return true;
	}
	return false;
}

/* A string of the file, read in pieces: sonames are short and lie close together. */
static int read_string(struct arena *a, const struct reader *r, uint64_t offset, uint64_t left,
		       const char **ret)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	size_t most = 64;

	while (left > 0 && b.n < MAX_NAME) {
		char piece[64];
		size_t n = left < most ? left : most, end;
		int error = r->src->read(r->src->context, offset, piece, n);

		/* The table may end with the file, in the middle of the piece. */
		if (error == -ENODATA && n > 1) {
			most = n / 2;
			continue;
		}
		if (error < 0)
			return cannot_read(r, error);
		end = strnlen(piece, n);
		strbuf_add(&b, (struct str){piece, end});
		if (end < n) {
			*ret = b.n > 0 ? arena_str(a, strbuf_str(&b)) : NULL;
			return 0;
		}
		offset += n;
		left -= n;
	}
	return damaged(r, "its SONAME does not end");
}

static int read_soname(struct arena *a, const struct reader *r, const struct segments *list,
		       const char **ret)
{
	const struct segment *dynamic = segment_of_type(list, PT_DYNAMIC);
	size_t word = r->wide ? 8 : 4;
	uint64_t strtab = 0, strsz = UINT64_MAX, soname = 0, offset, left;
	bool has_strtab = false, has_soname = false;
	unsigned char *table = NULL;
	int error;

	if (!dynamic)
		return 0;
	error = read_table(a, r, dynamic->offset, dynamic->filesz, &table);
	if (error < 0)
		return error;
	for (size_t i = 0; (i + 1) * 2 * word <= dynamic->filesz; i++) {
		uint64_t tag = get(table + i * 2 * word, word);
		uint64_t value = get(table + i * 2 * word + word, word);

		if (tag == DT_NULL)
			break;
		if (tag == DT_STRTAB) {
			strtab = value;
			has_strtab = true;
		} else if (tag == DT_STRSZ) {
			strsz = value;
		} else if (tag == DT_SONAME) {
			soname = value;
			has_soname = true;
		}
	}
	if (!has_soname)
		return 0;
	if (!has_strtab || soname >= strsz || soname > UINT64_MAX - strtab ||
	    !file_offset(list, strtab + soname, &offset, &left))
		return damaged(r, "its SONAME lies outside of the file");
	if (left > strsz - soname)
		left = strsz - soname;
	return read_string(a, r, offset, left, ret);
}

/* One note of a block. */
struct note {
	struct str owner, desc;
};

/* Takes the note at *at; false when there is no whole one left. */
static bool next_note(struct str block, uint64_t align, size_t *at, struct note *ret)
{
	const unsigned char *p = (const unsigned char *)block.p;
	uint64_t namesz, descsz, desc, end, mask = align == 8 ? 7 : 3;

	if (*at > block.n || block.n - *at < 12)
		return false;
	namesz = get32(p + *at);
	descsz = get32(p + *at + 4);
	desc = (*at + 12 + namesz + mask) & ~mask;
	end = desc + descsz;
	if (end > block.n)
		return false;
	ret->owner = (struct str){block.p + *at + 12, namesz};
	ret->desc = (struct str){block.p + desc, descsz};
	while (ret->owner.n > 0 && ret->owner.p[ret->owner.n - 1] == '\0')
		ret->owner.n--;
	*at = (end + mask) & ~mask;
	return true;
}

int elf_read(struct arena *a, const struct elf_source *src, struct elf_facts *ret, struct err *e)
{
	unsigned char header[sizeof(Elf64_Ehdr)];
	struct segments list = {0};
	struct elf_facts facts = {0};
	struct reader r;
	int error = reader_init(&r, src, e);

	if (error < 0)
		return error;
	error = read_at(&r, 0, header, r.wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
	if (error < 0)
		return error;
	facts.machine = machine_of(get(header + offsetof(Elf64_Ehdr, e_machine), 2));
	facts.bits = r.wide ? 64 : 32;
	facts.flags = get32(
		header + (r.wide ? offsetof(Elf64_Ehdr, e_flags) : offsetof(Elf32_Ehdr, e_flags)));
	error = read_segments(a, &r, header, &list);
	if (error < 0)
		return error;
	facts.is_shared = get(header + offsetof(Elf64_Ehdr, e_type), 2) == ET_DYN &&
			  segment_of_type(&list, PT_DYNAMIC);
	facts.has_interp = segment_of_type(&list, PT_INTERP) != NULL;
	error = read_soname(a, &r, &list, &facts.soname);
	if (error < 0)
		return error;
	*ret = facts;
	return 0;
}

static struct section section_at(const struct reader *r, const unsigned char *p)
{
	if (r->wide)
		return (struct section){.name = get32(p + offsetof(Elf64_Shdr, sh_name)),
					.type = get32(p + offsetof(Elf64_Shdr, sh_type)),
					.offset = get(p + offsetof(Elf64_Shdr, sh_offset), 8),
					.size = get(p + offsetof(Elf64_Shdr, sh_size), 8),
					.align = get(p + offsetof(Elf64_Shdr, sh_addralign), 8)};
	return (struct section){.name = get32(p + offsetof(Elf32_Shdr, sh_name)),
				.type = get32(p + offsetof(Elf32_Shdr, sh_type)),
				.offset = get32(p + offsetof(Elf32_Shdr, sh_offset)),
				.size = get32(p + offsetof(Elf32_Shdr, sh_size)),
				.align = get32(p + offsetof(Elf32_Shdr, sh_addralign))};
}

/* Finds a note section by name. 1 found, 0 absent. */
static int find_section(struct arena *a, const struct reader *r, const char *name,
			struct section *ret)
{
	unsigned char header[sizeof(Elf64_Ehdr)], *table = NULL, *names = NULL;
	size_t size = r->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	struct section strings;
	uint64_t offset;
	size_t n, index;
	int error = read_at(r, 0, header, r->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));

	if (error < 0)
		return error;
	offset = r->wide ? get(header + offsetof(Elf64_Ehdr, e_shoff), 8)
			 : get32(header + offsetof(Elf32_Ehdr, e_shoff));
	/* e_shnum and e_shstrndx end the header in both classes. */
	n = get(header + (r->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) - 4, 2);
	index = get(header + (r->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr)) - 2, 2);
	if (offset == 0 || n == 0)
		return 0; /* stripped of its sections */
	if (index >= n)
		return damaged(r, "no names for its sections");
	error = read_table(a, r, offset, n * size, &table);
	if (error < 0)
		return error;
	strings = section_at(r, table + index * size);
	error = read_table(a, r, strings.offset, strings.size, &names);
	if (error < 0)
		return error;
	for (size_t i = 0; i < n; i++) {
		struct section s = section_at(r, table + i * size);

		/* read_table() left a zero behind the names. */
		if (s.type != SHT_NOTE || s.name >= strings.size ||
		    strcmp((char *)names + s.name, name) != 0)
			continue;
		*ret = s;
		return 1;
	}
	return 0;
}

int elf_note(struct arena *a, const struct elf_source *src, const struct elf_note_query *query,
	     struct str *ret, struct err *e)
{
	unsigned char *block = NULL;
	struct section s = {0};
	struct note note;
	struct reader r;
	size_t at = 0;
	int error = reader_init(&r, src, e);

	if (error < 0)
		return error;
	error = find_section(a, &r, query->section, &s);
	if (error <= 0)
		return error;
	/* The largest note asked for, its owner and its header. */
	if (s.size > MAX_HEADERS + 256)
		return 0;
	block = arena_alloc(a, s.size + 1);
	error = read_at(&r, s.offset, block, s.size);
	if (error < 0)
		return error;
	if (!next_note((struct str){(char *)block, s.size}, s.align, &at, &note))
		return damaged(&r, "its note does not end");
	if (!str_is(note.owner, query->owner) || note.desc.n > query->max)
		return 0;
	*ret = note.desc;
	return 1;
}

static int read_fd(void *context, uint64_t offset, void *to, size_t n)
{
	int fd = *(const int *)context;
	size_t done = 0;

	if (offset > INT64_MAX - n)
		return -ENODATA;
	while (done < n) {
		ssize_t got = pread(fd, (char *)to + done, n - done, (off_t)(offset + done));

		if (got < 0 && errno != EINTR)
			return -errno;
		if (got == 0)
			return -ENODATA;
		if (got > 0)
			done += (size_t)got;
	}
	return 0;
}

struct elf_source elf_source_fd(const int *fd, const char *name)
{
	return (struct elf_source){read_fd, (void *)(uintptr_t)fd, name};
}
