/* SPDX-License-Identifier: Apache-2.0 */

/* An ELF file, whole or damaged. */

#include "codec/elf.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct memory {
	const uint8_t *p;
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct memory m = {data, n};
	struct elf_source src = {read_memory, &m, "input"};
	struct elf_note_query query = {".note.cuda.fwd_compatibility", "NVIDIA Corporation", 4096};
	struct elf_facts facts = {0};
	struct str desc = {0};

	/* A SONAME is never empty, a note never longer than asked for. */
	if (elf_read(&a, &src, &facts, NULL) == 0 && facts.soname && facts.soname[0] == '\0')
		__builtin_trap();
	if (elf_note(&a, &src, &query, &desc, NULL) == 1 && desc.n > query.max)
		__builtin_trap();
	return 0;
}
