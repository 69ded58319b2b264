/* SPDX-License-Identifier: Apache-2.0 */

/*
 * dump FORMAT FILE…: what our readers make of files, one line each, for
 * comparison with other readers: "OK " and the tree as compact JSON, or "ERR "
 * and why not.
 */

#include <stdio.h>

#include "base/fs.h"
#include "codec/toml.h"
#include "codec/yaml.h"

static int parse(struct arena *a, char format, struct str text, const struct json **ret,
		 struct err *e)
{
	struct json *j = NULL;
	struct toml *t = NULL;
	int r;

	if (format == 't') {
		r = toml_parse(a, text, "in", &t, e);
		*ret = r == 0 ? toml_root(t) : NULL;
		return r;
	}
	r = format == 'y' ? yaml_parse(a, text, "in", NULL, &j, e)
			  : json_parse(a, text, "in", NULL, &j, e);
	*ret = j;
	return r;
}

int main(int argc, char **argv)
{
	for (int i = 2; i < argc; i++) {
		AUTO(arena_done) struct arena a = {0};
		AUTO(strbuf_done) struct strbuf out = {0};
		const struct json *j = NULL;
		struct str text = {0};
		struct err e;

		if (fs_read(&a, argv[i], 1u << 24, &text, &e) < 0 ||
		    parse(&a, argv[1][0], text, &j, &e) < 0) {
			strbuf_escape(&out, str_of(e.text));
			printf("ERR %s\n", out.p);
			continue;
		}
		json_write_compact(j, &out);
		printf("OK %s\n", out.p);
	}
	return 0;
}
