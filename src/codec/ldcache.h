/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ldcache: the format of ld.so.cache (glibc 2.2 to 2.4x), read and written.
 *
 * Reads the old format, the old one with the new one behind it, and the new
 * one alone, including the extension area with glibc-hwcaps names; writes the
 * new one as ldconfig does, sorted so that the loader's binary search finds
 * every name. Offsets and sizes are never trusted.
 * (glibc: elf/cache.c, sysdeps/generic/dl-cache.h)
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

struct ldcache_entry {
	uint32_t flags; /* as in the file: LDCACHE_LIBC6 and the architecture bits */
	uint32_t osversion;
	uint64_t hwcap;	    /* legacy mask; with hwcaps, the ISA level << LDCACHE_ISA_SHIFT */
	const char *hwcaps; /* name of a glibc-hwcaps subdirectory, NULL without */
	const char *soname;
	const char *path;
};

struct ldcache VEC(struct ldcache_entry);

enum ldcache_arch {
	LDCACHE_ARCH_I386 = 0x0000,
	LDCACHE_ARCH_X86_64 = 0x0300,
	LDCACHE_ARCH_X32 = 0x0800,
	LDCACHE_ARCH_ARM_HF = 0x0900,
	LDCACHE_ARCH_AARCH64 = 0x0a00,
	LDCACHE_ARCH_ARM_SF = 0x0b00,
	LDCACHE_ARCH_PPC64LE = 0x0500,
	LDCACHE_LIBC6 = 0x0003,
	LDCACHE_TYPE_MASK = 0x00ff
};

#define LDCACHE_ISA_SHIFT 32
#define LDCACHE_MAX	  (64 * 1024 * 1024)

/*
 * Entries in the order of the file. Their text is borrowed from bytes.
 * -EBADMSG when it is not a cache or is damaged, -EFBIG beyond LDCACHE_MAX.
 */
int ldcache_parse(struct arena *a, struct str bytes, const char *name, struct ldcache *ret,
		  struct err *e) MUST_USE;

/* Whether bytes begin as a cache in the new format does and can hold the entries they announce. */
bool ldcache_has_header(struct str bytes);

/*
 * Adds the bytes of a cache with these entries and sorts them first; entries
 * that compare equal keep their order, and the loader takes the first.
 */
void ldcache_write(struct ldcache *cache, struct strbuf *out);

/* glibc's order of sonames, runs of digits by value; <0, 0, >0. A cache is sorted the other way
 * round. */
int ldcache_compare(const char *a, const char *b);
