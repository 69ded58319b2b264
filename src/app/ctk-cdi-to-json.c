/* SPDX-License-Identifier: Apache-2.0 */

/*
 * ctk-cdi-to-json: a CDI specification in YAML on standard input becomes JSON on standard output,
 * for programs that have no YAML reader (app/yaml-cache.h). Names and
 * numbers are written as a reader of YAML takes them: "name: 0" is the string "0".
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "app/cdi-file.h"
#include "app/ctk.h"
#include "base/fs.h"

static int convert(struct arena *a, const char *name, struct strbuf *out, struct err *e)
{
	struct cdi_spec spec;
	struct json *doc;
	struct str text;
	int r = fs_read_fd(a, STDIN_FILENO, name, CDI_FILE_MAX, &text, e);

	if (r == 0)
		r = cdi_file_yaml(a, text, name, &doc, e);
	if (r == 0)
		r = cdi_spec_read(a, doc, name, &spec, e);
	if (r == 0)
		cdi_file_encode(&spec, CDI_FORMAT_JSON, out);
	return r;
}

static int run(const struct cli_call *call, struct err *e)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	const char *name = call->arguments.n > 0 ? call->arguments.v[0] : "standard input";

	/* The one who called puts the text into a message of its own: no time, no level. */
	if (convert(call->arena, name, &out, e) < 0) {
		(void)fprintf(stderr, "%s\n", e->text);
		return 1;
	}
	if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
		return err_sys(e, "write to standard output");
	return 0;
}

const struct cli_command ctk_cdi_to_json = {
	"to-json",
	.summary = "Turn a CDI specification from YAML into JSON",
	.arguments = "[NAME]",
	.run = run,
	.hidden = true,
};
