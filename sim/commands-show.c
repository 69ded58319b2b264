/* SPDX-License-Identifier: Apache-2.0 */
/* list, show, library: what there is, without a machine. */
#include <errno.h>
#include <stdio.h>

#include "base/fs.h"
#include "commands.h"
#include "elf-file.h"
#include "place.h"
#include "platform.h"

enum { USAGE = 2 };

static int run_list(const struct cli_call *call, struct err *e)
{
	struct strv names = {0};

	platform_names(call->arena, &names);
	for (size_t i = 0; i < names.n; i++) {
		struct machine machine;
		int ret = platform_load(call->arena, names.v[i], &machine, e);

		if (ret < 0)
			return ret;
		(void)printf("%-12s %s\n", names.v[i], machine.summary);
	}
	return 0;
}

const struct cli_command command_list = {
	"list",
	.summary = "List the platforms that come with the simulator",
	.run = run_list,
};

struct show_values {
	bool json;
};

static const struct cli_option show_options[] = {
	{"json", CLI_BOOL(struct show_values, json), .help = "Print the complete description"},
};

static void show_gpu(const struct machine_gpu *gpu)
{
	(void)printf("gpu %u: %s, %u MiB, %s, minor %u\n  %s%s%s\n", gpu->index, gpu->name,
		     gpu->memory_mib, gpu->pci, gpu->minor, gpu->uuid, gpu->lost ? ", lost" : "",
		     gpu->mig_enabled ? ", MIG" : "");
	for (size_t i = 0; i < gpu->migs.n; i++)
		(void)printf("  mig %u:%zu: %s, gi %u, ci %u\n    %s\n", gpu->index, i,
			     gpu->migs.v[i].profile, gpu->migs.v[i].gi, gpu->migs.v[i].ci,
			     gpu->migs.v[i].uuid);
}

static void show_fault(const struct machine_fault *fault)
{
	(void)printf("fault: %s", fault->call);
	if (fault->gpu >= 0)
		(void)printf(" of gpu %d", fault->gpu);
	if (fault->delay_ms > 0)
		(void)printf(", after %u ms", fault->delay_ms);
	if (fault->result > 0)
		(void)printf(", returns %u", fault->result);
	(void)printf("%s%s%s\n", fault->hang ? ", hangs" : "", fault->crash ? ", crashes" : "",
		     fault->missing ? ", is missing" : "");
}

static void show_machine(const struct machine *m)
{
	AUTO(strbuf_done) struct strbuf parts = {0};

	machine_part_names(m->driver.parts, &parts);
	(void)printf("%s%s%s\n", m->name, m->summary[0] != '\0' ? ": " : "", m->summary);
	(void)printf("driver: %s, CUDA %s, %s layout, root %s%s\n", m->driver.version,
		     m->driver.cuda, machine_layout_name(m->driver.layout), m->driver.root,
		     m->loaded ? "" : ", not loaded");
	(void)printf("parts: %s\n", parts.p ? parts.p : "");
	for (size_t i = 0; i < m->gpus.n; i++)
		show_gpu(&m->gpus.v[i]);
	if (m->switches.n > 0)
		(void)printf("nvswitches: %zu\n", m->switches.n);
	if (m->imex_channels.n > 0)
		(void)printf("imex channels: %zu\n", m->imex_channels.n);
	for (size_t i = 0; i < m->missing.n; i++)
		(void)printf("missing: %s\n", m->missing.v[i]);
	for (size_t i = 0; i < m->faults.n; i++)
		show_fault(&m->faults.v[i]);
}

static int run_show(const struct cli_call *call, struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	const struct show_values *v = call->options;
	struct machine machine;
	int ret;

	if (call->arguments.n == 0 && !platform_is_inside()) {
		(void)fprintf(
			stderr,
			"nvidia-gpu-sim: not inside a simulation: say which platform to show\n");
		return USAGE;
	}
	ret = platform_load(call->arena,
			    call->arguments.n > 0 ? call->arguments.v[0] : MACHINE_PATH, &machine,
			    e);
	if (ret < 0)
		return ret;
	if (!v->json) {
		show_machine(&machine);
		return 0;
	}
	machine_write(&machine, &text);
	(void)fwrite(text.p, 1, text.n, stdout);
	return 0;
}

const struct cli_command command_show = {
	"show",
	.summary = "Show a platform, or the machine that runs here",
	.arguments = "[NAME|FILE]",
	CLI_OPTIONS(struct show_values, show_options),
	.run = run_show,
};

struct library_values {
	const char *soname, *cuda_note;
	struct strv needed, functions;
	uint32_t bits;
	bool abi_tag;
};

static const struct cli_option library_options[] = {
	{"soname", CLI_STRING(struct library_values, soname), .value = "NAME",
	 .help = "DT_SONAME of the library"},
	{"needed", CLI_ITEMS(struct library_values, needed), .value = "NAME",
	 .help = "A library that it needs; may be given more than once"},
	{"function", CLI_ITEMS(struct library_values, functions), .value = "NAME",
	 .help = "A function that it exports and that returns 0; may be given more than once"},
	{"bits", CLI_U32(struct library_values, bits), .value = "32|64", .initial = "64",
	 .help = "Class of the file"},
	{"abi-tag", CLI_BOOL(struct library_values, abi_tag),
	 .help = "Add the note of libnvidia-tls: Linux 2.3.99"},
	{"cuda-note", CLI_STRING(struct library_values, cuda_note), .value = "JSON",
	 .help = "Add the note .note.cuda.fwd_compatibility with this content"},
};

static int run_library(const struct cli_call *call, struct err *e)
{
	AUTO(strbuf_done) struct strbuf bytes = {0};
	const struct library_values *v = call->options;
	const struct elf_file f = {
		.machine = v->bits == 32 ? ELF_FILE_NATIVE_32 : ELF_FILE_NATIVE,
		.soname = v->soname,
		.needed = v->needed,
		.functions = v->functions,
		.abi_tag = v->abi_tag ? 2 << 16 | 3 << 8 | 99 : 0,
		.cuda_note = v->cuda_note,
	};

	if (call->arguments.n != 1 || (v->bits != 32 && v->bits != 64)) {
		(void)fprintf(
			stderr,
			"nvidia-gpu-sim library: give one FILE to write, and 32 or 64 bits\n");
		return USAGE;
	}
	elf_file_library(&f, &bytes);
	return fs_write_atomic(call->arguments.v[0], strbuf_str(&bytes), 0755, FS_NO_SYNC, e);
}

const struct cli_command command_library = {
	"library",	     .summary = "Make a small shared library, for images in tests",
	.arguments = "FILE", CLI_OPTIONS(struct library_values, library_options),
	.run = run_library,
};
