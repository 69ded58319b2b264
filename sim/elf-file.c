/* SPDX-License-Identifier: Apache-2.0 */
#include "elf-file.h"

#include <elf.h>

/*
 * The file is one read-only executable segment (headers, notes, hash, symbols,
 * strings, code) and one writable segment with the dynamic section, which the
 * loader of older C libraries writes to. The second lies one ALIGN further in
 * memory than in the file, so that no page is both and the file stays small.
 */
enum { ALIGN = 0x10000, PROGRAM_BASE = 0x400000 };

enum section { S_NULL, S_ABI, S_CUDA, S_HASH, S_DYNSYM, S_DYNSTR, S_TEXT, S_DYNAMIC, S_NAMES, S_N };

static const char section_names[S_N][32] = {
	"",	 ".note.ABI-tag", ".note.cuda.fwd_compatibility",
	".hash", ".dynsym",	  ".dynstr",
	".text", ".dynamic",	  ".shstrtab",
};

struct part {
	struct strbuf bytes;
	uint64_t offset;
	uint32_t name; /* in .shstrtab */
};

struct maker {
	const struct elf_file *file;
	bool wide; /* 64 bit */
	struct part part[S_N];
	uint64_t end; /* of the parts */
};

static void put(struct strbuf *b, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		strbuf_addc(b, (char)(value >> (8 * i)));
}

static void put_zero(struct strbuf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		strbuf_addc(b, 0);
}

/* An address or a size, as wide as the class of the file. */
static void put_word(const struct maker *m, struct strbuf *b, uint64_t value)
{
	put(b, value, m->wide ? 8 : 4);
}

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static uint32_t add_string(struct strbuf *table, const char *s)
{
	uint32_t at = (uint32_t)table->n;

	strbuf_adds(table, s);
	strbuf_addc(table, 0);
	return at;
}

static bool is_wide(enum elf_file_machine machine)
{
	return machine == ELF_FILE_X86_64 || machine == ELF_FILE_AARCH64;
}

/* return 0; */
static void add_code(const struct maker *m, struct strbuf *b)
{
	switch (m->file->machine) {
	case ELF_FILE_X86_64:
	case ELF_FILE_I386:
		put(b, 0xc3c031, 3); /* xor eax,eax; ret */
		put(b, 0xcc, 1);
		return;
	case ELF_FILE_AARCH64:
		put(b, 0x52800000, 4); /* mov w0, #0 */
		put(b, 0xd65f03c0, 4); /* ret */
		return;
	case ELF_FILE_ARM:
		put(b, 0xe3a00000, 4); /* mov r0, #0 */
		put(b, 0xe12fff1e, 4); /* bx lr */
		return;
	}
}

static void add_note(struct strbuf *b, uint32_t type, const char *owner, struct str descriptor)
{
	size_t name = strlen(owner) + 1;

	put(b, name, 4);
	put(b, descriptor.n, 4);
	put(b, type, 4);
	strbuf_add(b, (struct str){owner, name});
	put_zero(b, round_up(name, 4) - name);
	strbuf_add(b, descriptor);
	put_zero(b, round_up(descriptor.n, 4) - descriptor.n);
}

static void add_notes(struct maker *m)
{
	AUTO(strbuf_done) struct strbuf tag = {0};
	const struct elf_file *f = m->file;

	if (f->abi_tag != 0) {
		put(&tag, ELF_NOTE_OS_LINUX, 4);
		put(&tag, f->abi_tag >> 16, 4);
		put(&tag, (f->abi_tag >> 8) & 0xff, 4);
		put(&tag, f->abi_tag & 0xff, 4);
		add_note(&m->part[S_ABI].bytes, NT_GNU_ABI_TAG, "GNU", strbuf_str(&tag));
	}
	if (f->cuda_note)
		add_note(&m->part[S_CUDA].bytes, 1, "NVIDIA Corporation", str_of(f->cuda_note));
}

/* One bucket: the loader walks the chain, which is short. */
static void add_hash(struct maker *m)
{
	struct strbuf *b = &m->part[S_HASH].bytes;
	size_t n = m->file->functions.n;

	put(b, 1, 4);
	put(b, n + 1, 4);
	put(b, n > 0 ? 1 : 0, 4);
	put(b, 0, 4);
	for (size_t i = 1; i <= n; i++)
		put(b, i < n ? i + 1 : 0, 4);
}

static void add_symbol(const struct maker *m, struct strbuf *b, uint32_t name, uint64_t value)
{
	unsigned char info = name > 0 ? ELF32_ST_INFO(STB_GLOBAL, STT_FUNC) : 0;
	uint16_t section = name > 0 ? S_TEXT : 0;
	uint64_t size = name > 0 ? m->part[S_TEXT].bytes.n : 0;

	put(b, name, 4);
	if (m->wide) {
		put(b, info, 1);
		put(b, 0, 1);
		put(b, section, 2);
		put(b, value, 8);
		put(b, size, 8);
	} else {
		put(b, value, 4);
		put(b, size, 4);
		put(b, info, 1);
		put(b, 0, 1);
		put(b, section, 2);
	}
}

static size_t symbol_size(const struct maker *m)
{
	return m->wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static void add_dynamic_entry(struct maker *m, uint64_t tag, uint64_t value)
{
	put_word(m, &m->part[S_DYNAMIC].bytes, tag);
	put_word(m, &m->part[S_DYNAMIC].bytes, value);
}

/* Positions of the strings that the dynamic section names. */
struct names VEC(uint32_t);

static void add_strings(struct maker *m, struct names *needed, struct names *functions,
			uint32_t *soname)
{
	struct strbuf *b = &m->part[S_DYNSTR].bytes;

	strbuf_addc(b, 0);
	for (size_t i = 0; i < m->file->needed.n; i++)
		vec_push(needed, add_string(b, m->file->needed.v[i]));
	for (size_t i = 0; i < m->file->functions.n; i++)
		vec_push(functions, add_string(b, m->file->functions.v[i]));
	if (m->file->soname)
		*soname = add_string(b, m->file->soname);
}

static void add_dynamic(struct maker *m, uint32_t soname, const struct names *needed)
{
	for (size_t i = 0; i < needed->n; i++)
		add_dynamic_entry(m, DT_NEEDED, needed->v[i]);
	if (m->file->soname)
		add_dynamic_entry(m, DT_SONAME, soname);
	add_dynamic_entry(m, DT_HASH, m->part[S_HASH].offset);
	add_dynamic_entry(m, DT_STRTAB, m->part[S_DYNSTR].offset);
	add_dynamic_entry(m, DT_SYMTAB, m->part[S_DYNSYM].offset);
	add_dynamic_entry(m, DT_STRSZ, m->part[S_DYNSTR].bytes.n);
	add_dynamic_entry(m, DT_SYMENT, symbol_size(m));
	add_dynamic_entry(m, DT_NULL, 0);
}

enum { PROGRAM_HEADERS = 6 };

static uint64_t header_size(const struct maker *m)
{
	return m->wide ? sizeof(Elf64_Ehdr) + PROGRAM_HEADERS * sizeof(Elf64_Phdr)
		       : sizeof(Elf32_Ehdr) + PROGRAM_HEADERS * sizeof(Elf32_Phdr);
}

/* Gives every part its place in the file; sizes of parts not yet written are passed in. */
static void place_parts(struct maker *m, size_t symbols, size_t dynamic)
{
	uint64_t at = header_size(m);

	for (size_t i = S_ABI; i < S_N; i++) {
		size_t n = m->part[i].bytes.n;

		if (i == S_DYNSYM)
			n = symbols;
		else if (i == S_DYNAMIC)
			n = dynamic;
		at = round_up(at, 16);
		m->part[i].offset = at;
		at += n;
	}
	m->end = at;
}

/* Where a part lies in memory. */
static uint64_t address(const struct maker *m, enum section s)
{
	return m->part[s].offset + (s == S_DYNAMIC ? ALIGN : 0);
}

static void put_segment(const struct maker *m, struct strbuf *b, const uint64_t v[6])
{
	/* v: type, flags, offset, address, size, alignment */
	put(b, v[0], 4);
	if (m->wide)
		put(b, v[1], 4);
	put_word(m, b, v[2]);
	put_word(m, b, v[3]);
	put_word(m, b, v[3]);
	put_word(m, b, v[4]);
	put_word(m, b, v[4]);
	if (!m->wide)
		put(b, v[1], 4);
	put_word(m, b, v[5]);
}

static void put_header(const struct maker *m, struct strbuf *b, uint16_t type, uint64_t entry,
		       uint64_t sections)
{
	static const unsigned char magic[] = {0x7f, 'E', 'L', 'F'};
	bool arm = m->file->machine == ELF_FILE_ARM;

	strbuf_add(b, (struct str){(const char *)magic, sizeof(magic)});
	put(b, m->wide ? ELFCLASS64 : ELFCLASS32, 1);
	put(b, ELFDATA2LSB, 1);
	put(b, EV_CURRENT, 1);
	put_zero(b, 9);
	put(b, type, 2);
	put(b, m->file->machine, 2);
	put(b, EV_CURRENT, 4);
	put_word(m, b, entry);
	put_word(m, b, m->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr));
	put_word(m, b, sections);
	put(b, arm ? EF_ARM_EABI_VER5 | EF_ARM_ABI_FLOAT_HARD : 0, 4);
	put(b, m->wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr), 2);
	put(b, m->wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr), 2);
	put(b, PROGRAM_HEADERS, 2);
	put(b, sections ? (m->wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr)) : 0, 2);
	put(b, sections ? S_N : 0, 2);
	put(b, sections ? S_NAMES : 0, 2);
}

static void put_segments(const struct maker *m, struct strbuf *b)
{
	const struct part *abi = &m->part[S_ABI], *cuda = &m->part[S_CUDA];
	const struct part *dynamic = &m->part[S_DYNAMIC];
	const uint64_t size = dynamic->bytes.n, at = address(m, S_DYNAMIC);

	put_segment(m, b, (uint64_t[]){PT_LOAD, PF_R | PF_X, 0, 0, dynamic->offset, ALIGN});
	put_segment(m, b, (uint64_t[]){PT_LOAD, PF_R | PF_W, dynamic->offset, at, size, ALIGN});
	put_segment(m, b, (uint64_t[]){PT_DYNAMIC, PF_R | PF_W, dynamic->offset, at, size, 8});
	put_segment(m, b,
		    (uint64_t[]){abi->bytes.n ? PT_NOTE : PT_NULL, PF_R, abi->offset, abi->offset,
				 abi->bytes.n, 4});
	put_segment(m, b,
		    (uint64_t[]){cuda->bytes.n ? PT_NOTE : PT_NULL, PF_R, cuda->offset,
				 cuda->offset, cuda->bytes.n, 4});
	put_segment(m, b, (uint64_t[]){PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 16});
}

static void put_section(const struct maker *m, struct strbuf *b, enum section s)
{
	static const struct {
		uint32_t type, flags, link, info, align;
	} of[S_N] = {
		[S_NULL] = {0},
		[S_ABI] = {SHT_NOTE, SHF_ALLOC, 0, 0, 4},
		[S_CUDA] = {SHT_NOTE, SHF_ALLOC, 0, 0, 4},
		[S_HASH] = {SHT_HASH, SHF_ALLOC, S_DYNSYM, 0, 8},
		[S_DYNSYM] = {SHT_DYNSYM, SHF_ALLOC, S_DYNSTR, 1, 8},
		[S_DYNSTR] = {SHT_STRTAB, SHF_ALLOC, 0, 0, 1},
		[S_TEXT] = {SHT_PROGBITS, SHF_ALLOC | SHF_EXECINSTR, 0, 0, 16},
		[S_DYNAMIC] = {SHT_DYNAMIC, SHF_ALLOC | SHF_WRITE, S_DYNSTR, 0, 8},
		[S_NAMES] = {SHT_STRTAB, 0, 0, 0, 1},
	};
	const struct part *part = &m->part[s];
	bool absent = s == S_NULL || part->bytes.n == 0;
	uint64_t entry = 0;

	if (s == S_DYNSYM)
		entry = symbol_size(m);
	else if (s == S_DYNAMIC)
		entry = m->wide ? sizeof(Elf64_Dyn) : sizeof(Elf32_Dyn);
	else if (s == S_HASH)
		entry = 4;
	put(b, absent ? 0 : part->name, 4);
	put(b, absent ? SHT_NULL : of[s].type, 4);
	put_word(m, b, absent ? 0 : of[s].flags);
	put_word(m, b, absent || s == S_NAMES ? 0 : address(m, s));
	put_word(m, b, absent ? 0 : part->offset);
	put_word(m, b, absent ? 0 : part->bytes.n);
	put(b, absent ? 0 : of[s].link, 4);
	put(b, absent ? 0 : of[s].info, 4);
	put_word(m, b, absent ? 0 : of[s].align);
	put_word(m, b, absent ? 0 : entry);
}

static void put_all(struct maker *m, struct strbuf *out)
{
	size_t start = out->n;
	uint64_t sections = round_up(m->end, 8);

	put_header(m, out, ET_DYN, 0, sections);
	put_segments(m, out);
	for (size_t i = S_ABI; i < S_N; i++) {
		put_zero(out, m->part[i].offset - (out->n - start));
		strbuf_add(out, strbuf_str(&m->part[i].bytes));
	}
	put_zero(out, sections - (out->n - start));
	for (size_t i = 0; i < S_N; i++)
		put_section(m, out, (enum section)i);
}

void elf_file_library(const struct elf_file *f, struct strbuf *out)
{
	struct maker m = {.file = f, .wide = is_wide(f->machine)};
	struct names needed = {0}, functions = {0};
	uint32_t soname = 0;
	size_t entries = f->needed.n + (f->soname ? 1 : 0) + 6;

	add_notes(&m);
	add_hash(&m);
	add_strings(&m, &needed, &functions, &soname);
	add_code(&m, &m.part[S_TEXT].bytes);
	strbuf_addc(&m.part[S_NAMES].bytes, 0);
	for (size_t i = S_ABI; i < S_N; i++)
		m.part[i].name = add_string(&m.part[S_NAMES].bytes, section_names[i]);

	place_parts(&m, (f->functions.n + 1) * symbol_size(&m), entries * (m.wide ? 16 : 8));
	add_symbol(&m, &m.part[S_DYNSYM].bytes, 0, 0);
	for (size_t i = 0; i < functions.n; i++)
		add_symbol(&m, &m.part[S_DYNSYM].bytes, functions.v[i], m.part[S_TEXT].offset);
	add_dynamic(&m, soname, &needed);
	put_all(&m, out);

	for (size_t i = 0; i < S_N; i++)
		strbuf_done(&m.part[i].bytes);
	vec_done(&needed);
	vec_done(&functions);
}

/* write(1, text, n); exit(0), with the text behind the code. */
static void add_print(enum elf_file_machine machine, struct strbuf *b, size_t n)
{
	static const char x86[] = "\xb8\x01\x00\x00\x00"	 /* mov eax, 1 (write) */
				  "\xbf\x01\x00\x00\x00"	 /* mov edi, 1 */
				  "\x48\x8d\x35\x13\x00\x00\x00" /* lea rsi, [rip + 19] */
				  "\xba";			 /* mov edx, n */
	static const char x86_end[] = "\x0f\x05"		 /* syscall */
				      "\xb8\x3c\x00\x00\x00"	 /* mov eax, 60 (exit) */
				      "\x31\xff"		 /* xor edi, edi */
				      "\x0f\x05"		 /* syscall */
				      "\xcc\xcc\xcc";

	if (machine == ELF_FILE_X86_64) {
		strbuf_add(b, (struct str){x86, sizeof(x86) - 1});
		put(b, n, 4);
		strbuf_add(b, (struct str){x86_end, sizeof(x86_end) - 1});
		return;
	}
	put(b, 0xd2800020, 4);			   /* mov x0, #1 */
	put(b, 0x100000e1, 4);			   /* adr x1, . + 28 */
	put(b, 0xd2800002 | (n & 0xffff) << 5, 4); /* mov x2, n */
	put(b, 0xd2800808, 4);			   /* mov x8, #64 (write) */
	put(b, 0xd4000001, 4);			   /* svc 0 */
	put(b, 0xd2800000, 4);			   /* mov x0, #0 */
	put(b, 0xd2800ba8, 4);			   /* mov x8, #93 (exit) */
	put(b, 0xd4000001, 4);			   /* svc 0 */
}

void elf_file_program(enum elf_file_machine machine, struct str text, struct strbuf *out)
{
	const struct elf_file f = {.machine = machine};
	const struct maker m = {.file = &f, .wide = true};
	AUTO(strbuf_done) struct strbuf code = {0};
	const uint64_t size = header_size(&m);

	add_print(machine, &code, text.n);
	strbuf_add(&code, text);
	put_header(&m, out, ET_EXEC, PROGRAM_BASE + size, 0);
	put_segment(&m, out,
		    (uint64_t[]){PT_LOAD, PF_R | PF_X, 0, PROGRAM_BASE, size + code.n, ALIGN});
	put_segment(&m, out, (uint64_t[]){PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 16});
	for (int i = 2; i < PROGRAM_HEADERS; i++)
		put_segment(&m, out, (uint64_t[]){PT_NULL, 0, 0, 0, 0, 0});
	strbuf_add(out, strbuf_str(&code));
}
