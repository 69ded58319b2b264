/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of the hooks: one argument per line. */

#include <string.h>

#include "app/cdi-hook.h"
#include "base/mem.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct cli_program program = {.title = "fuzz", .root = cdi_hook};
	auto_free char *text = mem_dup(data, n);
	AUTO(strbuf_done) struct strbuf help = {0};
	AUTO(arena_done) struct arena a = {0};
	char *argv[66] = {(char *)"hook"};
	struct cli_call call = {0};
	struct err e = {""};
	int argc = 1, r;

	for (char *p = text, *line; argc < 65 && (line = strsep(&p, "\n"));)
		argv[argc++] = line;
	r = cli_parse(&a, &program, argv, &call, &e);
	FUZZ_CHECK(r >= 0 || e.text[0] != '\0');
	FUZZ_CHECK(call.depth >= 1 && call.depth <= CLI_MAX_DEPTH && call.path[call.depth - 1]);
	if (r == CLI_HELP)
		cli_help(&call, &help);
	return 0;
}
