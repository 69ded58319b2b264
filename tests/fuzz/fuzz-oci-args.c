/* SPDX-License-Identifier: Apache-2.0 */

/* The command line of a low-level runtime: one argument per line. */

#include "base/mem.h"
#include "fuzz.h"
#include "oci/runtime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	auto_free char *text = mem_dup(data, n);
	char *argv[66] = {(char *)"wrapper"};
	struct oci_command c;
	int argc = 1;

	for (char *p = text, *line; argc < 65 && (line = strsep(&p, "\n"));)
		argv[argc++] = line;
	oci_command_parse(argc, argv, &c);

	/* A command is one of the arguments, never an option's value it made up. */
	if (c.name) {
		bool found = false;

		for (int i = 1; i < argc; i++)
			found = found || argv[i] == c.name;
		FUZZ_CHECK(found);
	}
	FUZZ_CHECK(!c.bundle || oci_command_creates(&c));
	return 0;
}
