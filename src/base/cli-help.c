/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/cli.h"
#include "base/mem.h"

/* Columns: text begins at HELP_COLUMN and ends before WIDTH. */
#define WIDTH	    80
#define HELP_COLUMN 26

static size_t column_of(const struct strbuf *out)
{
	size_t n = out->n;

	while (n > 0 && out->p[n - 1] != '\n')
		n--;
	return out->n - n;
}

static void pad_to(struct strbuf *out, size_t column)
{
	if (column_of(out) >= column)
		strbuf_addc(out, '\n');
	while (column_of(out) < column)
		strbuf_addc(out, ' ');
}

/* One word, on a new line where it would not fit. */
static void add_word(struct strbuf *out, size_t column, struct str word)
{
	size_t at = column_of(out);

	if (at > column && at + 1 + word.n <= WIDTH)
		strbuf_addc(out, ' ');
	else if (at != column)
		pad_to(out, column);
	strbuf_add(out, word);
}

static void add_words(struct strbuf *out, size_t column, const char *text)
{
	struct str rest = str_of(text), word;

	while (cli_next_name(&rest, &word))
		add_word(out, column, word);
}

/* Paragraphs; a line that begins with a blank is kept as it is. */
static void add_paragraphs(struct strbuf *out, const char *text)
{
	struct str rest = str_of(text), line;

	while (str_split(&rest, '\n', &line)) {
		if (str_has_prefix(line, " "))
			strbuf_add(out, line);
		while (!str_has_prefix(line, " ") && line.n > 0) {
			struct str word = str_sub(line, 0, str_find(line, ' '));

			add_word(out, 0, word);
			line = str_sub(line, word.n + 1, line.n);
		}
		strbuf_addc(out, '\n');
	}
}

static struct str first_name(const char *names)
{
	struct str s = str_of(names);

	return str_sub(s, 0, str_find(s, ' '));
}

/* "  -d, --debug" or "      --output FILE". */
static void add_option_names(struct strbuf *out, const struct cli_option *o)
{
	struct str rest = str_of(o->names), name, letter = {0};

	while (cli_next_name(&rest, &name))
		if (name.n == 1)
			letter = name;
	if (letter.n > 0)
		strbuf_printf(out, "  -%.*s, --%.*s", STR_ARG(letter),
			      STR_ARG(first_name(o->names)));
	else
		strbuf_printf(out, "      --%.*s", STR_ARG(first_name(o->names)));
	if (o->kind != CLI_KIND_BOOL)
		strbuf_printf(out, " %s", o->value ? o->value : "VALUE");
}

/* "what: a, b" on lines of its own. */
static void add_remark(struct strbuf *out, const char *what, const char *names, const char *dashes)
{
	struct str rest = str_of(names), name;

	pad_to(out, HELP_COLUMN);
	strbuf_printf(out, "%s:", what);
	while (cli_next_name(&rest, &name)) {
		AUTO(strbuf_done) struct strbuf word = {0};

		strbuf_printf(&word, "%s%.*s%s", dashes, STR_ARG(name), rest.n > 0 ? "," : "");
		add_word(out, HELP_COLUMN, strbuf_str(&word));
	}
}

static void add_default(struct strbuf *out, const struct cli_option *o)
{
	const char *text = o->otherwise ? o->otherwise : o->initial;

	if (!text)
		return;
	pad_to(out, HELP_COLUMN);
	strbuf_adds(out, "default:");
	add_words(out, HELP_COLUMN, text);
}

/* Names of more than one letter behind the first. */
static void add_aliases(struct strbuf *out, const struct cli_option *o)
{
	struct str rest = str_of(o->names), name;
	AUTO(strbuf_done) struct strbuf others = {0};

	(void)cli_next_name(&rest, &name);
	while (cli_next_name(&rest, &name))
		if (name.n > 1)
			strbuf_printf(&others, "%s%.*s", others.n > 0 ? " " : "", STR_ARG(name));
	if (others.n > 0)
		add_remark(out, "also", others.p, "--");
}

static void add_option(struct strbuf *out, const struct cli_option *o)
{
	add_option_names(out, o);
	pad_to(out, HELP_COLUMN);
	add_words(out, HELP_COLUMN, o->help ? o->help : "");
	if (o->choices)
		add_remark(out, "one of", o->choices, "");
	add_default(out, o);
	add_aliases(out, o);
	if (o->env)
		add_remark(out, "env", o->env, "");
	strbuf_addc(out, '\n');
}

static void add_help_option(struct strbuf *out, const char *names, const char *help)
{
	add_option(out, &(struct cli_option){names, CLI_KIND_BOOL, .help = help});
}

static void add_options(const struct cli_call *call, struct strbuf *out)
{
	const struct cli_command *c = call->path[call->depth - 1];

	strbuf_adds(out, "\nOptions:\n");
	for (size_t i = 0; i < c->option_count; i++)
		if (!c->options[i].hidden)
			add_option(out, &c->options[i]);
	add_help_option(out, "help h", "Show this help and exit");
	if (call->depth == 1)
		add_help_option(out, "version v", "Show the version and exit");
}

static void add_outer_options(const struct cli_call *call, struct strbuf *out)
{
	bool any = false;

	for (size_t level = call->depth - 1; level-- > 0;) {
		const struct cli_command *c = call->path[level];

		for (size_t i = 0; i < c->option_count; i++) {
			if (c->options[i].hidden)
				continue;
			if (!any)
				strbuf_adds(out, "\nOptions of every command:\n");
			any = true;
			add_option(out, &c->options[i]);
		}
	}
}

static void add_commands(const struct cli_command *c, struct strbuf *out)
{
	bool any = false;

	for (const struct cli_command *const *sub = c->commands; sub && *sub; sub++) {
		if ((*sub)->hidden)
			continue;
		if (!any)
			strbuf_adds(out, "\nCommands:\n");
		any = true;
		strbuf_printf(out, "  %.*s", STR_ARG(first_name((*sub)->names)));
		pad_to(out, HELP_COLUMN);
		add_words(out, HELP_COLUMN, (*sub)->summary);
		strbuf_addc(out, '\n');
	}
}

void cli_help(const struct cli_call *call, struct strbuf *out)
{
	const struct cli_command *c = call->path[call->depth - 1];

	strbuf_adds(out, "Usage:");
	for (size_t level = 0; level < call->depth; level++)
		strbuf_printf(out, " %.*s", STR_ARG(first_name(call->path[level]->names)));
	strbuf_adds(out, " [options]");
	if (c->commands)
		strbuf_adds(out, c->run ? " [command]" : " command");
	if (c->arguments)
		strbuf_printf(out, " %s", c->arguments);
	strbuf_printf(out, "\n\n%s\n", c->summary);
	if (c->about) {
		strbuf_addc(out, '\n');
		add_paragraphs(out, c->about);
	}
	add_commands(c, out);
	add_options(call, out);
	add_outer_options(call, out);
}
