/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cli.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"

struct parser {
	struct cli_call *call;
	bool *seen[CLI_MAX_DEPTH]; /* per option of each command in the path */
	char **argv;
	size_t next; /* in argv */
	struct err *e;
};

/* Where the text of a value came from, for messages: "--to" or "$COPY_TO". */
struct origin {
	const char *prefix;
	struct str name;
};

/* An option in the path, innermost command first. */
struct found {
	const struct cli_option *option;
	size_t level;
	size_t index;
};

bool cli_next_name(struct str *rest, struct str *ret)
{
	while (str_split(rest, ' ', ret))
		if (ret->n > 0)
			return true;
	return false;
}

static bool has_name(const char *names, struct str name)
{
	struct str rest = str_of(names), one;

	while (cli_next_name(&rest, &one))
		if (str_eq(one, name))
			return true;
	return false;
}

int cli_bool(struct str text, bool *ret)
{
	static const char words[][8] = {"1", "t", "T", "TRUE",	"true",	 "True",
					"0", "f", "F", "FALSE", "false", "False"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (str_is(text, words[i])) {
			*ret = i < COUNT_OF(words) / 2;
			return 0;
		}
	}
	return -EINVAL;
}

/* The choice that text means, as the table spells it; NULL when it is none of them. */
static const char *choice_of(struct arena *a, const struct cli_option *o, struct str text)
{
	struct str rest = str_of(o->choices), one;

	while (cli_next_name(&rest, &one)) {
		char *name = arena_str(a, one);

		if (str_is_nocase(text, name))
			return name;
	}
	return NULL;
}

static int not_a_choice(const struct cli_option *o, struct origin from, struct str text,
			struct err *e)
{
	AUTO(strbuf_done) struct strbuf list = {0};
	struct cli_guess guess = {.word = text};
	struct str rest = str_of(o->choices), one;

	cli_guess_names(&guess, o->choices);
	while (cli_next_name(&rest, &one))
		strbuf_printf(&list, "%s%.*s", list.n > 0 ? ", " : "", STR_ARG(one));
	if (guess.best.n > 0)
		return err_set(e, ERANGE,
			       "%s%.*s: unknown value \"%.*s\", did you mean \"%.*s\"? (known: %s)",
			       from.prefix, STR_ARG(from.name), STR_ARG(text), STR_ARG(guess.best),
			       list.p);
	return err_set(e, ERANGE, "%s%.*s: unknown value \"%.*s\" (known: %s)", from.prefix,
		       STR_ARG(from.name), STR_ARG(text), list.p);
}

static int add_item(struct parser *p, const struct cli_option *o, struct strv *list,
		    struct origin from, struct str text)
{
	struct arena *a = p->call->arena;
	const char *item = o->choices ? choice_of(a, o, text) : arena_str(a, text);

	if (!item)
		return not_a_choice(o, from, text, p->e);
	arena_push(a, list, item);
	return 0;
}

/* Empty pieces are kept: "--device-id=$EMPTY" must not turn into "everything". */
static int add_list(struct parser *p, const struct cli_option *o, struct strv *list,
		    struct origin from, struct str text)
{
	struct str rest = text, piece;

	while (str_split(&rest, ',', &piece)) {
		int r = add_item(p, o, list, from, str_trim(piece));

		if (r < 0)
			return r;
	}
	return 0;
}

static int bad_value(struct parser *p, struct origin from, struct str text, const char *want)
{
	return err_set(p->e, EINVAL, "invalid value \"%.*s\" for %s%.*s: %s", STR_ARG(text),
		       from.prefix, STR_ARG(from.name), want);
}

static int store_string(struct parser *p, const struct cli_option *o, const char **to,
			struct origin from, struct str text)
{
	struct arena *a = p->call->arena;

	*to = o->choices ? choice_of(a, o, text) : arena_str(a, text);
	return *to ? 0 : not_a_choice(o, from, text, p->e);
}

static int store(struct parser *p, const struct found *f, struct origin from, struct str text)
{
	void *to = (char *)p->call->values[f->level] + f->option->at;

	switch (f->option->kind) {
	case CLI_KIND_BOOL:
		if (cli_bool(text, to) < 0)
			return bad_value(p, from, text, "neither true nor false");
		return 0;
	case CLI_KIND_STRING:
		return store_string(p, f->option, to, from, text);
	case CLI_KIND_LIST:
		return add_list(p, f->option, to, from, text);
	case CLI_KIND_ITEMS:
		return add_item(p, f->option, to, from, text);
	case CLI_KIND_U32:
		if (str_to_u32(text, to) < 0)
			return bad_value(p, from, text, "not a number from 0 to 4294967295");
		return 0;
	case CLI_KIND_OCTAL:
		if (str_to_u32_base(text, 8, to) < 0)
			return bad_value(p, from, text, "not an octal number");
		return 0;
	}
	return err_set(p->e, EINVAL, "option %s has no kind", f->option->names);
}

static bool find_option(const struct cli_call *call, struct str name, struct found *ret)
{
	for (size_t level = call->depth; level-- > 0;) {
		const struct cli_command *c = call->path[level];

		for (size_t i = 0; i < c->option_count; i++) {
			if (has_name(c->options[i].names, name)) {
				*ret = (struct found){&c->options[i], level, i};
				return true;
			}
		}
	}
	return false;
}

static const struct cli_command *find_command(const struct cli_command *in, struct str name)
{
	for (const struct cli_command *const *c = in->commands; c && *c; c++)
		if (has_name((*c)->names, name))
			return *c;
	return NULL;
}

static const struct cli_command *current(const struct parser *p)
{
	return p->call->path[p->call->depth - 1];
}

static void enter(struct parser *p, const struct cli_command *c)
{
	struct cli_call *call = p->call;

	assert(call->depth < CLI_MAX_DEPTH);
	call->path[call->depth] = c;
	call->values[call->depth] = arena_alloc(call->arena, c->size);
	p->seen[call->depth] = arena_array(call->arena, bool, c->option_count);
	call->options = call->values[call->depth];
	call->depth++;
}

/* A later version may know what we do not: whether nothing after here is a command that we know. */
static bool is_from_the_future(const struct parser *p)
{
	const struct cli_command *c = current(p);

	if (!c->ignores_unknown)
		return false;
	for (size_t i = p->next; p->argv[i]; i++)
		if (find_command(c, str_of(p->argv[i])))
			return false;
	return true;
}

static int unknown_option(struct parser *p, const char *arg, struct str name)
{
	struct cli_guess guess = {.word = name};
	int r;

	for (size_t level = 0; level < p->call->depth; level++)
		for (size_t i = 0; i < p->call->path[level]->option_count; i++)
			if (!p->call->path[level]->options[i].hidden)
				cli_guess_names(&guess, p->call->path[level]->options[i].names);
	cli_guess_try(&guess, STR("help"));
	if (guess.best.n > 0)
		r = err_set(p->e, EINVAL, "unknown option %s, did you mean --%.*s?", arg,
			    STR_ARG(guess.best));
	else
		r = err_set(p->e, EINVAL, "unknown option %s", arg);
	if (!is_from_the_future(p))
		return r;
	(void)err_set(p->e, EINVAL, "unknown option %s is ignored: it may be of a newer version",
		      arg);
	return CLI_IGNORED;
}

static int take_option(struct parser *p, const char *arg)
{
	struct str text = str_of(arg + (arg[1] == '-' ? 2 : 1));
	size_t equals = str_find(text, '=');
	struct str name = str_sub(text, 0, equals), value = STR("true");
	struct found f;

	if (!find_option(p->call, name, &f)) {
		if (str_is(name, "help") || str_is(name, "h"))
			return CLI_HELP;
		if (p->call->depth == 1 && (str_is(name, "version") || str_is(name, "v")))
			return CLI_VERSION;
		return unknown_option(p, arg, name);
	}
	if (equals < text.n) {
		value = str_sub(text, equals + 1, text.n);
	} else if (f.option->kind != CLI_KIND_BOOL) {
		if (!p->argv[p->next])
			return err_set(p->e, EINVAL, "option %s needs a value", arg);
		value = str_of(p->argv[p->next++]);
	}
	p->seen[f.level][f.index] = true;
	return store(p, &f, (struct origin){arg[1] == '-' ? "--" : "-", name}, value);
}

/* "help cdi generate": the help of what follows. */
static int take_help(struct parser *p)
{
	const struct cli_command *c;

	while (p->argv[p->next] && (c = find_command(current(p), str_of(p->argv[p->next]))) &&
	       !c->comes_later) {
		enter(p, c);
		p->next++;
	}
	return CLI_HELP;
}

static int take_command(struct parser *p, const char *arg)
{
	const struct cli_command *here = current(p), *c = find_command(here, str_of(arg));
	struct cli_guess guess = {.word = str_of(arg)};

	if (c && c->comes_later)
		return err_set(p->e, ENOENT, "the command %s comes with a later release", c->names);
	if (c) {
		enter(p, c);
		return 0;
	}
	if (str_is(guess.word, "help") || str_is(guess.word, "h"))
		return take_help(p);
	if (here->ignores_unknown) {
		(void)err_set(p->e, ENOENT,
			      "unknown command \"%s\" is ignored: it may be of a newer version",
			      arg);
		return CLI_IGNORED;
	}
	for (const struct cli_command *const *other = here->commands; *other; other++)
		if (!(*other)->hidden)
			cli_guess_names(&guess, (*other)->names);
	if (guess.best.n > 0)
		return err_set(p->e, ENOENT, "No help topic for '%s', did you mean '%.*s'?", arg,
			       STR_ARG(guess.best));
	return err_set(p->e, ENOENT, "No help topic for '%s'", arg);
}

static int take_arguments(struct parser *p)
{
	bool options_ended = false;

	while (p->argv[p->next]) {
		const char *arg = p->argv[p->next++];
		int r = 0;

		if (!options_ended && strcmp(arg, "--") == 0)
			options_ended = true;
		else if (!options_ended && arg[0] == '-' && arg[1] != '\0')
			r = take_option(p, arg);
		else if (current(p)->commands)
			r = take_command(p, arg);
		else
			arena_push(p->call->arena, &p->call->arguments, arg);
		if (r != 0)
			return r;
	}
	return 0;
}

/* What the command line left open: the environment, then the default. */
static int complete_option(struct parser *p, const struct found *f)
{
	struct str names = str_of(f->option->env), name;

	while (cli_next_name(&names, &name)) {
		const char *text = secure_getenv(arena_str(p->call->arena, name));

		if (text && *text)
			return store(p, f, (struct origin){"$", name}, str_of(text));
	}
	if (f->option->required)
		return err_set(p->e, EINVAL, "option --%.*s is required",
			       (int)str_find(str_of(f->option->names), ' '), f->option->names);
	if (f->option->initial)
		return store(p, f, (struct origin){"default of --", str_of(f->option->names)},
			     str_of(f->option->initial));
	return 0;
}

static int complete(struct parser *p)
{
	for (size_t level = 0; level < p->call->depth; level++) {
		const struct cli_command *c = p->call->path[level];

		for (size_t i = 0; i < c->option_count; i++) {
			struct found f = {&c->options[i], level, i};
			int r = p->seen[level][i] ? 0 : complete_option(p, &f);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

int cli_parse(struct arena *a, const struct cli_program *program, char **argv,
	      struct cli_call *call, struct err *e)
{
	struct parser p = {.call = call, .argv = argv, .next = argv[0] ? 1 : 0, .e = e};
	int r;

	*call = (struct cli_call){.arena = a, .program = program};
	enter(&p, &program->root);
	r = take_arguments(&p);
	if (r != 0)
		return r;
	if (!current(&p)->run && current(&p)->ignores_unknown) {
		(void)err_set(e, ENOENT, "no command given: nothing is done, see --help");
		return CLI_IGNORED;
	}
	if (!current(&p)->run)
		return CLI_HELP;
	return complete(&p);
}

static void print_help(const struct cli_call *call)
{
	AUTO(strbuf_done) struct strbuf text = {0};

	cli_help(call, &text);
	(void)fputs(text.p, stdout);
	/* Before what standard error says next. */
	(void)fflush(stdout);
}

static int usage_status(const struct cli_call *call)
{
	int own = call->path[call->depth - 1]->usage_status;

	return own != 0 ? own : call->program->usage_status;
}

static int report_usage(const struct cli_call *call, int r, const struct err *e)
{
	switch (-r) {
	case ENOENT:
		(void)fprintf(stderr, "%s\n", e->text);
		return call->program->unknown_status;
	case EINVAL:
		(void)fprintf(stderr, "Incorrect Usage: %s\n\n", e->text);
		print_help(call);
		break;
	default:
		break;
	}
	log_error("%s", e->text);
	return usage_status(call);
}

static int run_command(const struct cli_call *call, struct err *e)
{
	const struct cli_command *c = call->path[call->depth - 1];
	int r;

	if (call->program->start)
		call->program->start(call->values[0]);
	if (!c->arguments && call->arguments.n > 0)
		log_warn("argument \"%s\" is ignored: %s takes none", call->arguments.v[0],
			 c->names);
	r = c->run(call, e);
	if (r >= 0)
		return r;
	log_error("%s", e->text);
	return 1;
}

int cli_main(const struct cli_program *program, char **argv)
{
	AUTO(arena_done) struct arena a = {0};
	struct cli_call call;
	struct err e = {0};
	int r = cli_parse(&a, program, argv, &call, &e);

	switch (r) {
	case 0:
		r = run_command(&call, &e);
		break;
	case CLI_HELP:
		print_help(&call);
		r = 0;
		break;
	case CLI_VERSION:
		printf("%s version %s\n", program->title, VERSION);
		r = 0;
		break;
	case CLI_IGNORED:
		log_warn("%s", e.text);
		r = 0;
		break;
	default:
		r = report_usage(&call, r, &e);
	}
	if ((fflush(stdout) != 0 || ferror(stdout)) && r == 0) {
		log_error("write to standard output: %s", strerror(errno));
		r = 1;
	}
	return r;
}
