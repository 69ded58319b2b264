/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * elf: the few facts about a shared object that the stack needs.
 *
 * Reads through a callback in bounded pieces, so a 100 MiB library costs a few
 * kilobytes. 32 and 64 bit, little-endian. Nothing in the file is trusted: a
 * field that leads outside of what was said, or to more than 64 KiB of
 * headers, is -EBADMSG.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* Reads exactly n bytes at offset; negative errno when it cannot, -ENODATA at the end of the file.
 */
struct elf_source {
	int (*read)(void *context, uint64_t offset, void *to, size_t n);
	void *context;
	const char *name; /* for messages */
};

enum elf_machine { ELF_OTHER, ELF_X86_64, ELF_I386, ELF_AARCH64, ELF_ARM, ELF_PPC64 };

struct elf_facts {
	enum elf_machine machine;
	unsigned bits;	 /* 32 or 64 */
	bool is_shared;	 /* a shared object with a dynamic section: what a loader opens by name */
	bool has_interp; /* PT_INTERP: the kernel would start another program first */
	uint32_t flags;	 /* e_flags; ARM's say which float ABI */
	const char *soname; /* NULL when there is none; any text but an empty one */
};

/* -ENOEXEC: not a little-endian ELF file. */
int elf_read(struct arena *a, const struct elf_source *src, struct elf_facts *ret,
	     struct err *e) MUST_USE;

/*
 * The descriptor of the first note in the SHT_NOTE section of that name, when
 * its owner matches (trailing NULs ignored) and it has at most max bytes; 1 if
 * found, 0 if absent.
 */
struct elf_note_query {
	const char *section, *owner;
	size_t max;
};

int elf_note(struct arena *a, const struct elf_source *src, const struct elf_note_query *query,
	     struct str *ret, struct err *e) MUST_USE;

/* A source over a descriptor; *fd must outlive it. */
struct elf_source elf_source_fd(const int *fd, const char *name);
