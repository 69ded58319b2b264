/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cli.h"

#include "base/log.h"
#include "test.h"

struct root {
	bool debug, quiet;
	const char *config;
};

static const struct cli_option root_options[] = {
	{"debug d", CLI_BOOL(struct root, debug), .env = "T_DEBUG T_OLD_DEBUG", .help = "Say more"},
	{"quiet", CLI_BOOL(struct root, quiet), .help = "Say less"},
	{"config", CLI_STRING(struct root, config), .value = "FILE", .help = "Read this file"},
};

struct copy {
	const char *output, *format;
	struct strv names, links;
	uint32_t jobs, mode;
	bool force;
};

static const struct cli_option copy_options[] = {
	{"output o", CLI_STRING(struct copy, output), .value = "FILE", .env = "T_OUTPUT"},
	{"format", CLI_STRING(struct copy, format), .choices = "json yaml", .initial = "yaml"},
	{"name names", CLI_LIST(struct copy, names), .initial = "index,uuid", .env = "T_NAMES"},
	{"link", CLI_ITEMS(struct copy, links), .value = "T::L"},
	{"jobs", CLI_U32(struct copy, jobs)},
	{"mode", CLI_OCTAL(struct copy, mode)},
	{"force", CLI_BOOL(struct copy, force), .hidden = true},
};

static const struct cli_option own_options[] = {
	{"config c", CLI_STRING(struct root, config), .value = "FILE"},
};

static const struct cli_option need_options[] = {
	{"mode", CLI_OCTAL(struct copy, mode), .required = true, .env = "T_MODE"},
};

static int run_nothing(const struct cli_call *call, struct err *e)
{
	(void)call;
	(void)e;
	return 0;
}

static int run_failing(const struct cli_call *call, struct err *e)
{
	(void)call;
	return err_set(e, EIO, "spoon: bent");
}

static const struct cli_command copy_command = {
	"copy cp",
	.summary = "Copy",
	CLI_OPTIONS(struct copy, copy_options),
	.arguments = "[FILE...]",
	.run = run_nothing,
};
static const struct cli_command own_command = {
	"own", .summary = "Own", CLI_OPTIONS(struct root, own_options), .run = run_nothing};
static const struct cli_command need_command = {
	"need", .summary = "Need", CLI_OPTIONS(struct copy, need_options), .run = run_nothing};
static const struct cli_command fail_command = {"fail", .summary = "Fail", .run = run_failing};
static const struct cli_command strict_command = {"strict", .summary = "Strict", .usage_status = 2,
						  .run = run_nothing};

#define INNER                                                                                      \
	CLI_COMMANDS(&copy_command, &own_command, &need_command, &fail_command, &strict_command)

static const struct cli_command cdi_command = {"cdi", .summary = "Work with files", INNER};
static const struct cli_command hook_command = {"hook", .summary = "Hooks", INNER,
						.ignores_unknown = true};

static const struct cli_command later_command = {"later", .hidden = true, .comes_later = true};

static const struct cli_program program = {
	.title = "Test Tool",
	.root = {"tool", .summary = "A tool", CLI_OPTIONS(struct root, root_options),
		 CLI_COMMANDS(&cdi_command, &hook_command, &later_command)},
	.usage_status = 1,
	.unknown_status = 3,
};

static struct arena arena;
static struct cli_call call;
static struct err e;

#define PARSE(...)                                                                                 \
	cli_parse(&arena, &program, (char *[]){(char *)"tool", __VA_ARGS__, NULL}, &call, &e)
#define MAIN(...) cli_main(&program, (char *[]){(char *)"tool", __VA_ARGS__, NULL})
#define A(text)	  ((char *)(text))

static const struct copy *copy(void)
{
	CHECK_STR(call.path[call.depth - 1]->names, "copy cp");
	return call.options;
}

TEST(values_come_behind_a_blank_or_an_equals_sign_and_after_one_dash_or_two)
{
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--output"), A("a=b")), &e);
	CHECK_STR(copy()->output, "a=b");
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--output=a=b")), &e);
	CHECK_STR(copy()->output, "a=b");
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("-output"), A("x")), &e);
	CHECK_STR(copy()->output, "x");
	CHECK_OK(PARSE(A("cdi"), A("cp"), A("-o=x")), &e);
	CHECK_STR(copy()->output, "x");
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--output=")), &e);
	CHECK_STR(copy()->output, "");
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--output"), A("--force")), &e);
	CHECK_STR(copy()->output, "--force");
}

TEST(options_may_follow_arguments_and_two_dashes_end_them)
{
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("x"), A("--force"), A("-"), A("--"), A("--y")), &e);
	CHECK(copy()->force);
	CHECK_INT(call.arguments.n, 3);
	CHECK_STR(call.arguments.v[0], "x");
	CHECK_STR(call.arguments.v[1], "-");
	CHECK_STR(call.arguments.v[2], "--y");
}

TEST(outer_options_are_known_before_and_after_the_command)
{
	const struct root *root;

	CHECK_OK(PARSE(A("--debug"), A("cdi"), A("copy"), A("-quiet"), A("--config=f")), &e);
	root = call.values[0];
	CHECK(root->debug && root->quiet);
	CHECK_STR(root->config, "f");
}

TEST(an_inner_option_hides_an_outer_one_of_the_same_name)
{
	CHECK_OK(PARSE(A("--config=a"), A("cdi"), A("own"), A("--config=b")), &e);
	CHECK_STR(((const struct root *)call.values[0])->config, "a");
	CHECK_STR(((const struct root *)call.options)->config, "b");
}

TEST(lists_split_on_commas_keep_empty_pieces_and_replace_their_default_once)
{
	CHECK_OK(PARSE(A("cdi"), A("copy")), &e);
	CHECK_INT(copy()->names.n, 2);
	CHECK_STR(copy()->names.v[1], "uuid");
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--name=a, b"), A("--names"), A("c")), &e);
	CHECK_INT(copy()->names.n, 3);
	CHECK_STR(copy()->names.v[1], "b");
	CHECK_STR(copy()->names.v[2], "c");
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--name=")), &e);
	CHECK_INT(copy()->names.n, 1);
	CHECK_STR(copy()->names.v[0], "");
}

TEST(items_keep_their_commas)
{
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--link=a,b::/c"), A("--link"), A("d::/e")), &e);
	CHECK_INT(copy()->links.n, 2);
	CHECK_STR(copy()->links.v[0], "a,b::/c");
}

TEST(the_environment_counts_only_when_the_option_is_absent_and_the_variable_not_empty)
{
	CHECK_INT(setenv("T_OUTPUT", "env", 1), 0);
	CHECK_INT(setenv("T_NAMES", "x,y", 1), 0);
	CHECK_INT(setenv("T_DEBUG", "", 1), 0);
	CHECK_INT(setenv("T_OLD_DEBUG", "T", 1), 0);
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--name=z")), &e);
	CHECK_STR(copy()->output, "env");
	CHECK_INT(copy()->names.n, 1);
	CHECK(((const struct root *)call.values[0])->debug);
	CHECK_OK(PARSE(A("--debug=0"), A("cdi"), A("copy"), A("--output=arg")), &e);
	CHECK_STR(copy()->output, "arg");
	CHECK_INT(copy()->names.n, 2);
	CHECK(!((const struct root *)call.values[0])->debug);
}

TEST(a_bad_value_says_where_it_came_from)
{
	CHECK_INT(setenv("T_DEBUG", "perhaps", 1), 0);
	CHECK_INT(PARSE(A("cdi"), A("copy")), -EINVAL);
	CHECK_STR(e.text, "invalid value \"perhaps\" for $T_DEBUG: neither true nor false");
	CHECK_INT(PARSE(A("-d=2"), A("cdi"), A("copy")), -EINVAL);
	CHECK_STR(e.text, "invalid value \"2\" for -d: neither true nor false");
}

TEST(numbers_are_whole_and_in_range)
{
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--jobs=7"), A("--mode"), A("0755")), &e);
	CHECK_INT(copy()->jobs, 7);
	CHECK_INT(copy()->mode, 0755);
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--jobs=4294967296")), -EINVAL);
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--jobs=-1")), -EINVAL);
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--mode=8")), -EINVAL);
	CHECK_STR(e.text, "invalid value \"8\" for --mode: not an octal number");
}

TEST(choices_are_matched_in_any_case_and_others_are_refused_with_a_guess)
{
	CHECK_OK(PARSE(A("cdi"), A("copy"), A("--format=JSON")), &e);
	CHECK_STR(copy()->format, "json");
	CHECK_OK(PARSE(A("cdi"), A("copy")), &e);
	CHECK_STR(copy()->format, "yaml");
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--format=yml")), -ERANGE);
	CHECK_STR(e.text,
		  "--format: unknown value \"yml\", did you mean \"yaml\"? (known: json, yaml)");
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--format=")), -ERANGE);
	CHECK_STR(e.text, "--format: unknown value \"\" (known: json, yaml)");
}

TEST(an_unknown_option_is_refused_with_a_guess_that_is_not_hidden)
{
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--ouptut=x")), -EINVAL);
	CHECK_STR(e.text, "unknown option --ouptut=x, did you mean --output?");
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--forse")), -EINVAL);
	CHECK_STR(e.text, "unknown option --forse");
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--qwerty")), -EINVAL);
	CHECK_STR(e.text, "unknown option --qwerty");
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--output")), -EINVAL);
	CHECK_STR(e.text, "option --output needs a value");
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("-df")), -EINVAL);
}

TEST(an_unknown_command_is_refused_with_a_guess)
{
	CHECK_INT(PARSE(A("cdi"), A("coyp")), -ENOENT);
	CHECK_STR(e.text, "No help topic for 'coyp', did you mean 'copy'?");
	CHECK_INT(PARSE(A("banana")), -ENOENT);
	CHECK_STR(e.text, "No help topic for 'banana'");
}

TEST(a_command_that_comes_later_says_so)
{
	CHECK_INT(PARSE(A("later"), A("--future=1")), -ENOENT);
	CHECK_STR(e.text, "the command later comes with a later release");
	CHECK_INT(PARSE(A("help"), A("later")), CLI_HELP);
	CHECK_INT(PARSE(A("latr")), -ENOENT);
	CHECK_STR(e.text, "No help topic for 'latr'");
}

TEST(a_required_option_may_come_from_the_environment)
{
	CHECK_INT(PARSE(A("cdi"), A("need")), -EINVAL);
	CHECK_STR(e.text, "option --mode is required");
	CHECK_INT(setenv("T_MODE", "644", 1), 0);
	CHECK_OK(PARSE(A("cdi"), A("need")), &e);
	CHECK_INT(((const struct copy *)call.options)->mode, 0644);
}

TEST(help_and_version_win_wherever_they_stand)
{
	CHECK_INT(PARSE(A("--help")), CLI_HELP);
	CHECK_INT(PARSE(A("cdi")), CLI_HELP);
	CHECK_INT(PARSE(A("cdi"), A("need"), A("-h")), CLI_HELP);
	CHECK_STR(call.path[call.depth - 1]->names, "need");
	CHECK_INT(PARSE(A("help"), A("cdi"), A("copy")), CLI_HELP);
	CHECK_STR(call.path[call.depth - 1]->names, "copy cp");
	CHECK_INT(PARSE(A("-v")), CLI_VERSION);
	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--version")), -EINVAL);
}

TEST(a_group_of_hooks_ignores_what_a_later_version_may_know)
{
	CHECK_INT(PARSE(A("hook")), CLI_IGNORED);
	CHECK_STR(e.text, "no command given: nothing is done, see --help");
	CHECK_INT(PARSE(A("hook"), A("future"), A("--flag=1")), CLI_IGNORED);
	CHECK_STR(e.text, "unknown command \"future\" is ignored: it may be of a newer version");
	CHECK_INT(PARSE(A("hook"), A("--future"), A("x")), CLI_IGNORED);
	CHECK_INT(PARSE(A("hook"), A("--future"), A("copy")), -EINVAL);
	CHECK_INT(PARSE(A("hook"), A("copy"), A("--future")), -EINVAL);
}

TEST(an_empty_argument_vector_is_like_none)
{
	CHECK_INT(cli_parse(&arena, &program, (char *[]){NULL}, &call, &e), CLI_HELP);
}

TEST(exit_statuses_tell_failure_wrong_usage_and_unknown_commands_apart)
{
	log_clear();
	CHECK(freopen("/dev/null", "w", stdout) && freopen("/dev/null", "w", stderr));
	if (MAIN(A("cdi"), A("copy")) != 0 || MAIN(A("cdi"), A("fail")) != 1 ||
	    MAIN(A("cdi"), A("copy"), A("--bad")) != 1 || MAIN(A("bad")) != 3 ||
	    MAIN(A("cdi"), A("strict"), A("--bad")) != 2 || MAIN(A("hook"), A("bad")) != 0 ||
	    MAIN(A("--version")) != 0 || MAIN(A("cdi"), A("copy"), A("--format=x")) != 1)
		_exit(1);
}

TEST(a_full_disk_behind_standard_output_is_a_failure)
{
	log_clear();
	CHECK(freopen("/dev/full", "w", stdout));
	CHECK_INT(MAIN(A("--version")), 1);
}

static const char *help(void)
{
	static struct strbuf out;

	strbuf_reset(&out);
	cli_help(&call, &out);
	return out.p;
}

TEST(help_shows_each_option_once_within_80_columns)
{
	struct str rest, line;

	CHECK_INT(PARSE(A("cdi"), A("copy"), A("--help")), CLI_HELP);
	CHECK(strstr(help(), "Usage: tool cdi copy [options] [FILE...]\n"));
	CHECK(strstr(help(), "  -o, --output FILE "));
	CHECK(strstr(help(), "env: T_OUTPUT\n"));
	CHECK(strstr(help(), "one of: json, yaml\n"));
	CHECK(strstr(help(), "default: yaml\n"));
	CHECK(strstr(help(), "env: T_DEBUG, T_OLD_DEBUG\n"));
	CHECK(strstr(help(), "also: --names\n"));
	CHECK(strstr(help(), "  -d, --debug "));
	CHECK(!strstr(help(), "force"));
	rest = str_of(help());
	while (str_split(&rest, '\n', &line))
		CHECK(line.n <= 80);
}

TEST(help_of_a_group_lists_its_commands)
{
	CHECK_INT(PARSE(A("cdi")), CLI_HELP);
	CHECK(strstr(help(), "Usage: tool cdi [options] command\n"));
	CHECK(strstr(help(), "\n  copy                    Copy\n"));
}

TEST(a_guess_knows_swapped_letters_and_beginnings)
{
	static const struct {
		const char *word, *best;
	} rows[] = {{"genrate", "generate"},
		    {"gneerate", "generate"},
		    {"gen", "generate"},
		    {"lsit", "list"},
		    {"xx", ""},
		    {"", ""},
		    {"validated", "validate"}};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct cli_guess g = {.word = str_of(rows[i].word)};

		cli_guess_names(&g, "generate list validate g");
		if (!str_is(g.best, rows[i].best))
			FAIL("%s: %.*s", rows[i].word, STR_ARG(g.best));
	}
}
