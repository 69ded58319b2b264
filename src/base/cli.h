/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cli: command lines from tables.
 *
 * A program is a tree of commands; a command is a row with its options, each a
 * row too. Parsing, environment twins, defaults, help, suggestions, manual
 * pages and completions all come from these rows. Values land in a struct of
 * the command's own, zeroed, filled before its function runs:
 *
 *	struct copy { bool force; const char *to; };
 *	static const struct cli_option copy_options[] = {
 *		{"force f", CLI_BOOL(struct copy, force), .help = "Replace what is there"},
 *		{"to", CLI_STRING(struct copy, to), .value = "FILE", .env = "COPY_TO"},
 *	};
 *	static const struct cli_command copy = {"copy cp", .summary = "Copy a file",
 *		CLI_OPTIONS(struct copy, copy_options), .run = run_copy};
 *
 * Accepted: --to X, --to=X, -to X, options after arguments, "--" before what
 * only looks like one. The options of a command are known in its sub-commands
 * too, unless one of those has the same name. The environment is asked only
 * when the option is absent; an empty variable counts as not set. The first use
 * of a list replaces its default. What cli stores borrows from argv, from the
 * environment and from the call's arena.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"

enum cli_kind {
	CLI_KIND_BOOL,	 /* --x, --x=true; 1 t T TRUE true True and their opposites */
	CLI_KIND_STRING, /* NULL when absent and without a default */
	CLI_KIND_LIST,	 /* every use adds values; commas separate, blanks around are dropped */
	CLI_KIND_ITEMS,	 /* every use adds one value, commas and all */
	CLI_KIND_U32,
	CLI_KIND_OCTAL,
};

struct cli_option {
	const char
		*names; /* without dashes, blanks between; the first is shown, others are aliases */
	enum cli_kind kind;
	size_t at;	       /* where the value goes in the command's struct */
	const char *value;     /* what to call it in help: "FILE" */
	const char *env;       /* variables, blanks between, asked in this order */
	const char *initial;   /* the value when absent */
	const char *otherwise; /* how help describes a default that the command works out */
	const char *choices; /* allowed values, blanks between; any case, stored as written here */
	const char *help;    /* one or two sentences without a full stop at the end */
	bool hidden, required;
};

/* The kind and place of an option; a member of another type does not compile. */
#define CLI_PLACE(type, member, want)                                                              \
	(offsetof(type, member) +                                                                  \
	 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((type *)0)->member), want)       \
				 ? 1                                                               \
				 : -1]))
#define CLI_BOOL(type, member) .kind = CLI_KIND_BOOL, .at = CLI_PLACE(type, member, bool)
#define CLI_STRING(type, member)                                                                   \
	.kind = CLI_KIND_STRING, .at = CLI_PLACE(type, member, const char *)
#define CLI_LIST(type, member)	.kind = CLI_KIND_LIST, .at = CLI_PLACE(type, member, struct strv)
#define CLI_ITEMS(type, member) .kind = CLI_KIND_ITEMS, .at = CLI_PLACE(type, member, struct strv)
#define CLI_U32(type, member)	.kind = CLI_KIND_U32, .at = CLI_PLACE(type, member, uint32_t)
#define CLI_OCTAL(type, member) .kind = CLI_KIND_OCTAL, .at = CLI_PLACE(type, member, uint32_t)

struct cli_call;

/* Does the work. The exit status, or a negative errno value with a text, which is logged. */
typedef int cli_run(const struct cli_call *call, struct err *e);

struct cli_command {
	const char *names;     /* as those of options */
	const char *summary;   /* one line, for the list of commands */
	const char *about;     /* more for its own help: paragraphs, "\n\n" between; may be NULL */
	const char *arguments; /* "[FILE...]"; NULL: what is given is ignored with a warning */
	size_t size;	       /* of its struct */
	const struct cli_option *options;
	size_t option_count;
	const struct cli_command *const *commands; /* up to NULL; NULL: none */
	cli_run *run;				   /* NULL: prints help */
	int usage_status;     /* exit status for wrong usage; 0: the program's */
	bool ignores_unknown; /* an unknown sub-command, or none, is a warning and success */
	bool hidden;
	bool comes_later; /* known to the original: refused with a word about it */
};

#define CLI_OPTIONS(type, table)                                                                   \
	.size = sizeof(type), .options = (table), .option_count = COUNT_OF(table)
#define CLI_COMMANDS(...)                                                                          \
	.commands = (const struct cli_command *const[])                                            \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

struct cli_program {
	const char *title;	 /* "NVIDIA Container Toolkit CLI" */
	struct cli_command root; /* names: the program's */
	int usage_status;	 /* wrong options and values */
	int unknown_status;	 /* an unknown command */
	void (*start)(
		const void *options); /* root's struct, before the command runs; may be NULL */
};

#define CLI_MAX_DEPTH 4

struct cli_call {
	struct arena *arena;
	const struct cli_program *program;
	size_t depth;				       /* commands in path */
	const struct cli_command *path[CLI_MAX_DEPTH]; /* from the root to the one that runs */
	void *values[CLI_MAX_DEPTH];		       /* their structs */
	const void *options;			       /* the last of them */
	struct strv arguments;
};

/* The whole life of a program: parse, help or version or run, errors. Returns the exit status. */
int cli_main(const struct cli_program *program, char **argv) MUST_USE;

enum cli_outcome { CLI_HELP = 1, CLI_VERSION, CLI_IGNORED };

/*
 * Fills call, which keeps pointers into arena and argv. 0, or one of the outcomes (CLI_IGNORED
 * leaves a text in e); -EINVAL wrong usage, -ENOENT unknown command, -ERANGE a
 * value outside its choices. call->path is valid in every case.
 */
int cli_parse(struct arena *a, const struct cli_program *program, char **argv,
	      struct cli_call *call, struct err *e) MUST_USE;

/* The help of the last command in call->path, 80 columns wide. */
void cli_help(const struct cli_call *call, struct strbuf *out);

/* Takes the next of several names with blanks between off *rest; false when there is none. */
bool cli_next_name(struct str *rest, struct str *ret);

/* Go's strconv.ParseBool; -EINVAL. */
int cli_bool(struct str text, bool *ret) MUST_USE;

/* Looks for the name that a mistyped word means; start with {.word = …}. best is empty when
 * nothing is near. */
struct cli_guess {
	struct str word, best;
	size_t distance;
};
void cli_guess_try(struct cli_guess *g, struct str name);
void cli_guess_names(struct cli_guess *g, const char *names); /* each of several */
