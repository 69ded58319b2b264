/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "app/cdi-conflict.h"
#include "app/cdi-file.h"
#include "app/ctk.h"
#include "base/log.h"

struct options {
	struct strv dirs;
	bool json;
};

static const struct cli_option options[] = {
	{"spec-dir", CLI_LIST(struct options, dirs), .value = "DIRS",
	 .env = "NVIDIA_CTK_CDI_SPEC_DIRS", .initial = "/etc/cdi,/var/run/cdi",
	 .help = "Read specifications from these directories; of two that define a device, that of "
		 "the later directory counts"},
	{"json", CLI_BOOL(struct options, json),
	 .help = "Print an object: the devices' names, and what is wrong with files"},
};

/* Everything that keeps devices from being found, one line each. */
static void find_problems(struct arena *a, const struct cdi_registry *registry, struct strv *ret)
{
	struct cdi_definitions all = {0};

	for (size_t i = 0; i < registry->problems.n; i++)
		arena_push(a, ret, registry->problems.v[i].text);
	for (size_t i = 0; i < registry->specs.n; i++) {
		const struct cdi_spec *s = &registry->specs.v[i];

		for (size_t k = 0; k < s->devices.n; k++) {
			struct cdi_definition d = {s->kind, s->devices.v[k].name, s->path, 0,
						   registry->priorities.v[i]};

			arena_push(a, &all, d);
		}
	}
	cdi_conflicts(a, &all, ret);
}

static void add_array(struct strbuf *out, const char *name, const struct strv *list)
{
	strbuf_printf(out, "\"%s\":[", name);
	for (size_t i = 0; i < list->n; i++) {
		strbuf_adds(out, i > 0 ? "," : "");
		json_quote(out, str_of(list->v[i]));
	}
	strbuf_addc(out, ']');
}

static void print_json(const struct strv *names, const struct strv *problems)
{
	AUTO(strbuf_done) struct strbuf out = {0};

	strbuf_addc(&out, '{');
	add_array(&out, "devices", names);
	strbuf_addc(&out, ',');
	add_array(&out, "problems", problems);
	strbuf_addc(&out, '}');
	puts(out.p);
}

static int run(const struct cli_call *call, struct err *e)
{
	const struct options *o = call->options;
	struct cdi_registry registry = {0};
	struct strv names = {0}, problems = {0};
	int r = cdi_registry_load(call->arena, &o->dirs, cdi_file_yaml, false, &registry, e);

	if (r < 0)
		return r;
	cdi_registry_names(call->arena, &registry, &names);
	find_problems(call->arena, &registry, &problems);
	for (size_t i = 0; i < problems.n; i++)
		log_warn("%s", problems.v[i]);
	log_info("Found %zu CDI devices", names.n);
	if (o->json) {
		print_json(&names, &problems);
		return 0;
	}
	for (size_t i = 0; i < names.n; i++)
		puts(names.v[i]);
	return 0;
}

const struct cli_command ctk_cdi_list = {
	"list",
	.summary = "List the devices that CDI specifications define",
	.about = "Prints qualified names, one per line. A file that cannot be used is a "
		 "warning; see nvidia-ctk cdi validate.",
	CLI_OPTIONS(struct options, options),
	.run = run,
};
