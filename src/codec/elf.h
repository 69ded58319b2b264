/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * elf: the few facts about a shared object that the stack needs.
 *
 * Reads through a callback in bounded pieces, so a 100 MiB library costs a few
 * hundred bytes. 32 and 64 bit, little-endian. Hostile files are -EBADMSG.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* Reads exactly n bytes at offset; negative errno when it cannot. */
struct elf_source {
	int (*read)(void *context, uint64_t offset, void *to, size_t n);
	void *context;
	const char *name; /* for messages */
};

enum elf_machine { ELF_OTHER, ELF_X86_64, ELF_I386, ELF_AARCH64, ELF_ARM };

struct elf_facts {
	enum elf_machine machine;
	unsigned bits;	    /* 32 or 64 */
	const char *soname; /* NULL when there is none */
	bool has_interp;
	uint32_t abi_note_os, abi_note_version; /* NT_GNU_ABI_TAG: OS and kernel as (a << 16 | b <<
						   8 | c); 0 without */
};

/* -ENOEXEC: not an ELF file. */
int elf_read(struct arena *a, const struct elf_source *src, struct elf_facts *ret,
	     struct err *e) MUST_USE;

/*
 * The descriptor of the first note in the section of that name when its owner
 * matches (trailing NULs ignored), at most max bytes; 1 if found, 0 if absent.
 */
int elf_note(struct arena *a, const struct elf_source *src, const char *section, const char *owner,
	     size_t max, struct str *ret, struct err *e) MUST_USE;

/* A source over a descriptor; *fd must outlive it. */
struct elf_source elf_source_fd(const int *fd, const char *name);
