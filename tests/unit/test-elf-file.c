/* SPDX-License-Identifier: Apache-2.0 */
#include "elf-file.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "codec/elf.h"
#include "tree.h"

static void enter_scratch(void)
{
	(void)tree_enter();
}

static void store(const char *path, const struct strbuf *b, mode_t mode)
{
	struct err e;

	CHECK_OK(fs_write_atomic(path, strbuf_str(b), mode, FS_NO_SYNC, &e), &e);
}

TEST(the_loader_opens_a_made_library_and_its_function_returns_zero)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	struct elf_file f = {
		.machine = ELF_FILE_NATIVE, .soname = "libcuda.so.1", .abi_tag = 0x020363};
	int (*call)(void);
	void *handle;

	enter_scratch();
	vec_push(&f.needed, "libc.so.6");
	vec_push(&f.functions, "cuInit");
	vec_push(&f.functions, "cuDriverGetVersion");
	f.cuda_note = "{\"Format\":1}";
	elf_file_library(&f, &b);
	store("libcuda.so.580.159.04", &b, 0755);
	handle = dlopen("./libcuda.so.580.159.04", RTLD_NOW);
	if (!handle)
		FAIL("%s", dlerror());
	*(void **)&call = dlsym(handle, "cuDriverGetVersion");
	CHECK(call);
	CHECK_INT(call(), 0);
	CHECK(!dlsym(handle, "cuNothing"));
	vec_done(&f.needed);
	vec_done(&f.functions);
}

static void check_facts(enum elf_file_machine machine, enum elf_machine want, unsigned bits)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	AUTO(arena_done) struct arena a = {0};
	auto_close int fd = -1;
	struct elf_file f = {.machine = machine,
			     .soname = "libnvidia-tls.so.1",
			     .abi_tag = 2 << 16 | 3 << 8 | 99,
			     .cuda_note = "{\"Driver\":[580]}"};
	const struct elf_note_query query = {".note.cuda.fwd_compatibility", "NVIDIA Corporation",
					     4096};
	struct elf_source source;
	struct elf_facts facts;
	struct str note;
	struct err e;

	elf_file_library(&f, &b);
	store("x.so", &b, 0644);
	CHECK((fd = open("x.so", O_RDONLY | O_CLOEXEC)) >= 0);
	source = elf_source_fd(&fd, "x.so");
	CHECK_OK(elf_read(&a, &source, &facts, &e), &e);
	CHECK_INT(facts.machine, want);
	CHECK_INT(facts.bits, bits);
	CHECK_STR(facts.soname, "libnvidia-tls.so.1");
	CHECK(facts.is_shared);
	CHECK_INT(elf_note(&a, &source, &query, &note, &e), 1);
	CHECK(str_is(note, "{\"Driver\":[580]}"));
}

TEST(every_class_and_machine_carries_soname_and_notes)
{
	enter_scratch();
	check_facts(ELF_FILE_X86_64, ELF_X86_64, 64);
	check_facts(ELF_FILE_I386, ELF_I386, 32);
	check_facts(ELF_FILE_AARCH64, ELF_AARCH64, 64);
	check_facts(ELF_FILE_ARM, ELF_ARM, 32);
}

TEST(a_made_program_prints_its_text_and_succeeds)
{
	AUTO(strbuf_done) struct strbuf b = {0};
	char got[64] = "";
	FILE *f;

	enter_scratch();
	elf_file_program(ELF_FILE_NATIVE, STR("hello from nowhere\n"), &b);
	store("hello", &b, 0755);
	CHECK((f = popen("./hello", "r")));
	CHECK(fgets(got, sizeof(got), f));
	CHECK_STR(got, "hello from nowhere\n");
	CHECK_INT(pclose(f), 0);
}
