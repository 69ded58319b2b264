/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "codec/elf.h"

/* A small shared object, laid out by hand so that each field can be spoilt. */
struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	struct {
		Elf64_Nhdr header;
		char owner[4];
		uint32_t abi[4];
	} tag;
	Elf64_Dyn dynamic[4];
	char strings[32];
	struct {
		Elf64_Nhdr header;
		char owner[20];
		char text[12];
	} note;
	char section_names[64];
	Elf64_Shdr sections[3];
};

static struct arena arena;

#define AT(member) offsetof(struct image, member)

static struct image make_image(void)
{
	struct image i = {
		.header = {.e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_phoff = AT(segments),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 3,
			   .e_shoff = AT(sections),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = 3,
			   .e_shstrndx = 1},
		.segments = {{.p_type = PT_LOAD, .p_vaddr = 0x10000, .p_filesz = sizeof(i)},
			     {.p_type = PT_DYNAMIC,
			      .p_offset = AT(dynamic),
			      .p_filesz = sizeof(i.dynamic)},
			     {.p_type = PT_NOTE,
			      .p_offset = AT(tag),
			      .p_filesz = sizeof(i.tag),
			      .p_align = 4},
			     {.p_type = PT_INTERP}},
		.tag = {{4, 16, NT_GNU_ABI_TAG}, "GNU", {0, 3, 2, 1}},
		.dynamic = {{DT_STRTAB, {0x10000 + AT(strings)}},
			    {DT_STRSZ, {sizeof(i.strings)}},
			    {DT_SONAME, {1}},
			    {DT_NULL, {0}}},
		.strings = "\0libcuda.so.1",
		.note = {{19, 12, 1}, "NVIDIA Corporation", "{\"Driver\":1}"},
		.section_names = "\0.shstrtab\0.note.cuda.fwd_compatibility",
		.sections = {{0},
			     {.sh_name = 1,
			      .sh_type = SHT_STRTAB,
			      .sh_offset = AT(section_names),
			      .sh_size = sizeof(i.section_names)},
			     {.sh_name = 11,
			      .sh_type = SHT_NOTE,
			      .sh_offset = AT(note),
			      .sh_size = sizeof(i.note),
			      .sh_addralign = 4}},
	};

	memcpy(i.header.e_ident, "\177ELF\2\1\1", 7);
	return i;
}

struct memory {
	const char *p;
	size_t n;
};

static int read_memory(void *context, uint64_t offset, void *to, size_t n)
{
	const struct memory *m = context;

	if (offset > m->n || n > m->n - offset)
		return -ENODATA;
	memcpy(to, m->p + offset, n);
	return 0;
}

static int facts(const void *p, size_t n, struct elf_facts *ret, struct err *e)
{
	struct memory m = {p, n};
	struct elf_source src = {read_memory, &m, "lib"};

	return elf_read(&arena, &src, ret, e);
}

static int cuda_note(const void *p, size_t n, size_t max, struct str *ret)
{
	struct memory m = {p, n};
	struct elf_source src = {read_memory, &m, "lib"};
	struct elf_note_query query = {".note.cuda.fwd_compatibility", "NVIDIA Corporation", max};

	return elf_note(&arena, &src, &query, ret, NULL);
}

static int read_image(const struct image *i, struct elf_facts *ret)
{
	return facts(i, sizeof(*i), ret, NULL);
}

TEST(a_shared_object_tells_its_facts)
{
	struct image i = make_image();
	struct elf_facts f = {0};

	CHECK_INT(read_image(&i, &f), 0);
	CHECK_INT(f.machine, ELF_X86_64);
	CHECK_INT(f.bits, 64);
	CHECK(f.is_shared);
	CHECK(!f.has_interp);
	CHECK_STR(f.soname, "libcuda.so.1");

	i.header.e_phnum = 4;
	i.header.e_type = ET_EXEC;
	CHECK_INT(read_image(&i, &f), 0);
	CHECK(f.has_interp);
	CHECK(!f.is_shared);
}

TEST(a_real_program_of_this_machine_is_read)
{
	struct elf_facts f = {0};
	struct err e;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct elf_source src = elf_source_fd(&fd, "this test");

	CHECK_OK(elf_read(&arena, &src, &f, &e), &e);
	CHECK_INT(f.bits, 8 * sizeof(void *));
	CHECK(f.has_interp);
	CHECK(!f.soname);
	(void)close(fd);
}

TEST(no_soname_is_not_an_error)
{
	struct image i = make_image();
	struct elf_facts f = {.soname = "untouched"};

	i.dynamic[2].d_tag = DT_NULL;
	CHECK_INT(read_image(&i, &f), 0);
	CHECK(!f.soname);
	i = make_image();
	i.strings[1] = '\0';
	CHECK_INT(read_image(&i, &f), 0);
	CHECK(!f.soname);
	i.header.e_phnum = 0;
	CHECK_INT(read_image(&i, &f), 0);
}

TEST(what_is_not_elf_is_told_apart_from_what_is_broken)
{
	struct image i = make_image();
	struct elf_facts f = {0};
	struct err e = {""};

	CHECK_INT(facts("", 0, &f, &e), -ENOEXEC);
	CHECK_INT(facts("#!/bin/sh\n: a script long enough to be read as a header", 56, &f, &e),
		  -ENOEXEC);
	CHECK_STR(e.text, "lib is not an ELF file");
	i.header.e_ident[EI_DATA] = ELFDATA2MSB;
	CHECK_INT(read_image(&i, &f), -ENOEXEC);
	i = make_image();
	i.header.e_ident[EI_CLASS] = 7;
	CHECK_INT(read_image(&i, &f), -EBADMSG);
}

TEST(fields_that_lead_outside_are_refused)
{
	struct elf_facts f = {0};
	struct image i;

#define SPOIL(assignment)                                                                          \
	i = make_image();                                                                          \
	i.assignment;                                                                              \
	CHECK_INT(read_image(&i, &f), -EBADMSG)

	SPOIL(header.e_phoff = UINT64_MAX);
	SPOIL(header.e_phoff = sizeof(i) - 8);
	SPOIL(header.e_phnum = 65535);
	SPOIL(header.e_phentsize = 1);
	SPOIL(segments[1].p_offset = UINT64_MAX - 8);
	SPOIL(segments[1].p_filesz = UINT64_MAX);
	SPOIL(segments[1].p_filesz = 1 << 20);
	SPOIL(segments[0].p_offset = UINT64_MAX - 8);
	SPOIL(dynamic[0].d_un.d_val = 8);
	SPOIL(dynamic[0].d_tag = DT_NULL + 77);
	SPOIL(dynamic[2].d_un.d_val = sizeof(i.strings));
	SPOIL(dynamic[2].d_un.d_val = UINT64_MAX);
	SPOIL(dynamic[1].d_un.d_val = 5);
#undef SPOIL
}

TEST(an_endless_soname_is_refused)
{
	static char file[sizeof(struct image) + 8192];
	struct image i = make_image();
	struct elf_facts f = {0};

	i.segments[0].p_filesz = sizeof(file);
	i.dynamic[0].d_un.d_val = 0x10000 + sizeof(i);
	i.dynamic[1].d_un.d_val = 8192;
	memcpy(file, &i, sizeof(i));
	memset(file + sizeof(i), 'x', 8192);
	CHECK_INT(facts(file, sizeof(file), &f, NULL), -EBADMSG);
	file[sizeof(i) + 200] = '\0';
	CHECK_INT(facts(file, sizeof(file), &f, NULL), 0);
	CHECK_INT(strlen(f.soname), 199);
}

TEST(a_soname_may_end_with_the_file)
{
	static char file[sizeof(struct image) + 41];
	struct image i = make_image();
	struct elf_facts f = {0};

	i.segments[0].p_filesz = sizeof(i) + 4096;
	i.dynamic[0].d_un.d_val = 0x10000 + sizeof(i);
	i.dynamic[1].d_un.d_val = 4096;
	memcpy(file, &i, sizeof(i));
	memset(file + sizeof(i), 'x', 40);
	CHECK_INT(facts(file, sizeof(file), &f, NULL), 0);
	CHECK_INT(strlen(f.soname), 39);
}

TEST(the_note_of_a_section_is_found_when_its_owner_is_right)
{
	struct image i = make_image();
	struct str desc = {0};

	CHECK_INT(cuda_note(&i, sizeof(i), 64, &desc), 1);
	CHECK(str_is(desc, "{\"Driver\":1}"));
	CHECK_INT(cuda_note(&i, sizeof(i), 11, &desc), 0);
	i.note.owner[0] = 'M';
	CHECK_INT(cuda_note(&i, sizeof(i), 64, &desc), 0);
	i = make_image();
	i.sections[2].sh_type = SHT_PROGBITS;
	CHECK_INT(cuda_note(&i, sizeof(i), 64, &desc), 0);
	i.header.e_shnum = 0;
	CHECK_INT(cuda_note(&i, sizeof(i), 64, &desc), 0);
}

TEST(broken_sections_and_notes_are_refused)
{
	struct image i;
	struct str desc;

#define SPOIL(assignment)                                                                          \
	i = make_image();                                                                          \
	i.assignment;                                                                              \
	CHECK_INT(cuda_note(&i, sizeof(i), 64, &desc), -EBADMSG)

	SPOIL(header.e_shoff = UINT64_MAX);
	SPOIL(header.e_shnum = 65535);
	SPOIL(header.e_shstrndx = 3);
	SPOIL(sections[1].sh_offset = 1 << 20);
	SPOIL(sections[1].sh_size = UINT64_MAX);
	SPOIL(sections[2].sh_offset = UINT64_MAX);
	SPOIL(sections[2].sh_size = 8);
	SPOIL(note.header.n_namesz = UINT32_MAX);
	SPOIL(note.header.n_descsz = UINT32_MAX);
	SPOIL(note.header.n_descsz = 13);
#undef SPOIL
}

TEST(a_file_cut_anywhere_never_reads_outside)
{
	struct image i = make_image();
	struct elf_facts f;
	struct str desc;

	for (size_t n = 0; n < sizeof(i); n++) {
		char *exact = malloc(n > 0 ? n : 1);

		memcpy(exact, &i, n);
		CHECK(facts(exact, n, &f, NULL) <= 0);
		CHECK(cuda_note(exact, n, 64, &desc) <= 0);
		free(exact);
	}
}
