/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * elf-file: makes small ELF files, so that the simulator needs no compiler.
 *
 * A shared object made here is loaded by glibc and musl, indexed by ldconfig
 * and read by readelf: SONAME, NEEDED entries, a symbol table whose functions
 * all return 0, and notes. A program prints one line and exits with status 0.
 */

#include <stdint.h>

#include "base/str.h"
#include "base/vec.h"

enum elf_file_machine {
	ELF_FILE_X86_64 = 62,
	ELF_FILE_I386 = 3,
	ELF_FILE_AARCH64 = 183,
	ELF_FILE_ARM = 40,
};

/* What this program was built for, and what that machine runs as a 32-bit guest. */
#if defined(__aarch64__)
#define ELF_FILE_NATIVE	   ELF_FILE_AARCH64
#define ELF_FILE_NATIVE_32 ELF_FILE_ARM
#else
#define ELF_FILE_NATIVE	   ELF_FILE_X86_64
#define ELF_FILE_NATIVE_32 ELF_FILE_I386
#endif

struct elf_file {
	enum elf_file_machine machine;
	const char *soname;    /* NULL: none */
	struct strv needed;    /* sonames */
	struct strv functions; /* exported names */
	uint32_t abi_tag;      /* kernel of .note.ABI-tag as a << 16 | b << 8 | c; 0: no note */
	const char *cuda_note; /* JSON of .note.cuda.fwd_compatibility; NULL: no note */
};

/* Adds the bytes of a shared object. */
void elf_file_library(const struct elf_file *f, struct strbuf *out);

/* Adds the bytes of a static program that writes text to its standard output. */
void elf_file_program(enum elf_file_machine machine, struct str text, struct strbuf *out);
