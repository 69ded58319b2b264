/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* make-elf: the smallest shared object that a loader cache takes, for tests. */

#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct elf_file {
	Elf64_Ehdr header;
	Elf64_Phdr segments[2];
	Elf64_Dyn dynamic[4];
	char strings[64];
	/* A CUDA compatibility note, when there is text for it. */
	struct {
		Elf64_Nhdr header;
		char owner[20];
		char text[128];
	} note;
	char section_names[64];
	Elf64_Shdr sections[3];
};

/* Makes path a library; soname may be empty, note NULL. */
static inline int elf_file_write(const char *path, const char *soname, const char *note)
{
	struct elf_file f = {
		.header = {.e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_phoff = offsetof(struct elf_file, segments),
			   .e_phentsize = sizeof(Elf64_Phdr),
			   .e_phnum = 2,
			   .e_shoff = offsetof(struct elf_file, sections),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = note ? 3 : 2,
			   .e_shstrndx = 1},
		.segments = {{.p_type = PT_LOAD, .p_filesz = sizeof(f)},
			     {.p_type = PT_DYNAMIC,
			      .p_offset = offsetof(struct elf_file, dynamic),
			      .p_filesz = sizeof(f.dynamic)}},
		.dynamic = {{DT_STRTAB, {offsetof(struct elf_file, strings)}},
			    {DT_STRSZ, {sizeof(f.strings)}},
			    {soname[0] ? DT_SONAME : DT_DEBUG, {1}}},
		.note = {{19, note ? (Elf64_Word)strlen(note) : 0, 1}, "NVIDIA Corporation", ""},
		.section_names = "\0.shstrtab\0.note.cuda.fwd_compatibility",
		.sections = {{0},
			     {.sh_name = 1,
			      .sh_type = SHT_STRTAB,
			      .sh_offset = offsetof(struct elf_file, section_names),
			      .sh_size = sizeof(f.section_names)},
			     {.sh_name = 11,
			      .sh_type = SHT_NOTE,
			      .sh_offset = offsetof(struct elf_file, note),
			      .sh_size = sizeof(f.note)}},
	};
	FILE *file = fopen(path, "we");
	size_t n;

	if (!file)
		return -1;
	memcpy(f.header.e_ident, "\177ELF\2\1\1", 7);
	(void)snprintf(f.strings + 1, sizeof(f.strings) - 1, "%s", soname);
	(void)snprintf(f.note.text, sizeof(f.note.text), "%s", note ? note : "");
	n = fwrite(&f, sizeof(f), 1, file);
	return fclose(file) == 0 && n == 1 ? 0 : -1;
}
