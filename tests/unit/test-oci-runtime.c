/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/runtime.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/str.h"
#include "test.h"

/* Words of a command line, separated by one blank. */
static struct oci_command parse(const char *line)
{
	static char text[512], *argv[32];
	struct oci_command c;
	int argc = 0;

	(void)snprintf(text, sizeof(text), "%s", line);
	for (char *p = text, *word; (word = strsep(&p, " "));)
		argv[argc++] = word;
	argv[argc] = NULL;
	oci_command_parse(argc, argv, &c);
	return c;
}

static const char *or_none(const char *s)
{
	return s ? s : "(none)";
}

TEST(sub_command_and_bundle_are_found_as_runc_finds_them)
{
	static const struct {
		const char *line, *name, *bundle;
	} cases[] = {
		{"x create --bundle D c1", "create", "D"},
		{"x create -b D c1", "create", "D"},
		{"x create -b=D c1", "create", "D"},
		{"x create -bundle D c1", "create", "D"},
		{"x create --bundle=D c1", "create", "D"},
		{"x create -b=/foo/=bar c1", "create", "/foo/=bar"},
		{"x create --bundle A --bundle B c1", "create", "B"},
		{"x create c1 --bundle D", "create", "D"},
		{"x create c1 -- --bundle D", "create", NULL},
		{"x create --bundle create c1", "create", "create"},
		{"x create --pid-file --bundle c1", "create", NULL},
		{"x create --pid-file P --console-socket S --bundle D c1", "create", "D"},
		{"x create --no-pivot --bundle D c1", "create", "D"},
		{"x create c1", "create", NULL},
		{"x run --bundle D id", "run", "D"},
		{"x run -d --bundle D id", "run", "D"},
		{"x delete --bundle create", "delete", NULL},
		{"x --root create state c1", "state", NULL},
		{"x --root=create state c1", "state", NULL},
		{"x exec c1 app create", "exec", NULL},
		{"x exec c1 app --version", "exec", NULL},
		{"x -b create", "create", NULL},
		{"x --log create --log-format json create --bundle D c1", "create", "D"},
		{"x --systemd-cgroup create --bundle D c1", "create", "D"},
		{"x --rootless auto create --bundle D c1", "create", "D"},
		{"x --rootless=true create --bundle D c1", "create", "D"},
		{"x --rootless create --bundle D c1", "create", "D"},
		{"x --new-option create --bundle D c1", "create", "D"},
		{"x --new-option value create --bundle D c1", "create", "D"},
		{"x --new-option --debug create --bundle D c1", "create", "D"},
		{"x -- create --bundle D c1", "create", "D"},
		{"x - create", "-", NULL},
		{"x", NULL, NULL},
		{"x --root", NULL, NULL},
		{"create --bundle D", NULL, NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct oci_command c = parse(cases[i].line);

		if (strcmp(or_none(c.name), or_none(cases[i].name)) != 0 ||
		    strcmp(or_none(c.bundle), or_none(cases[i].bundle)) != 0)
			FAIL("%s: %s %s", cases[i].line, or_none(c.name), or_none(c.bundle));
	}
}

TEST(a_bundle_option_without_value_is_noticed)
{
	CHECK(parse("x create --bundle").bundle_missing);
	CHECK(parse("x run -b").bundle_missing);
	CHECK(!parse("x create --bundle D").bundle_missing);
	CHECK(!parse("x create --bundle=").bundle_missing);
}

TEST(crun_may_name_the_spec)
{
	CHECK_STR(parse("x create --config /c.json c1").config, "/c.json");
	CHECK_STR(parse("x run -f /c.json c1").config, "/c.json");
	CHECK(!parse("x create c1").config);
	CHECK(!parse("x state -f /c.json").config);
}

TEST(global_switches_have_values)
{
	CHECK(parse("x --debug create").debug);
	CHECK(parse("x --debug=true create").debug);
	CHECK(!parse("x --debug=false create").debug);
	CHECK(!parse("x create --debug").debug);
	CHECK(parse("x --version").version);
	CHECK(parse("x -v").version);
	CHECK(!parse("x --version=false create").version);
	CHECK(!parse("x exec c1 sh --version").version);
}

TEST(log_options_are_global_only)
{
	struct oci_command c = parse("x --log /l --log-format=json create --log /no c1");

	CHECK_STR(c.log, "/l");
	CHECK_STR(c.log_format, "json");
	CHECK(!parse("x state c1 --log /l").log);
	CHECK(!parse("x --log").log);
}

static void make_program(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(fd >= 0);
	CHECK_INT(fchmod(fd, mode), 0);
	(void)close(fd);
}

/* A directory with good/runc, open/runc (world-writable), none/runc (not executable). */
static const char *enter_programs(void)
{
	static char dir[] = "/tmp/test-oci-runtime.XXXXXX";

	CHECK(mkdtemp(dir));
	CHECK_INT(chdir(dir), 0);
	CHECK(mkdir("good", 0755) == 0 && mkdir("open", 0755) == 0 && mkdir("none", 0755) == 0);
	make_program("good/the-runc", 0755);
	make_program("open/the-runc", 0755);
	make_program("none/the-runc", 0644);
	CHECK_INT(chmod("open", 01777), 0);
	return dir;
}

static void leave_programs(const char *dir)
{
	auto_free char *command = NULL;

	CHECK(asprintf(&command, "/bin/rm -r %s", dir) > 0);
	CHECK_INT(system(command), 0);
}

static void check_found(const char *dir, const char *path, const char *name, const char *want)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv candidates = {0};
	const char *found = "(none)";
	auto_free char *wanted = NULL;
	struct err e;

	arena_push(&a, &candidates, name);
	CHECK_INT(setenv("PATH", path, 1), 0);
	CHECK(asprintf(&wanted, "%s%s", want[0] == '/' ? dir : "", want) > 0);
	if (oci_runtime_find(&a, &candidates, &found, &e) < 0)
		found = "(none)";
	CHECK_STR(found, wanted);
}

TEST(path_is_searched_without_its_unsafe_elements)
{
	AUTO(arena_done) struct arena a = {0};
	const char *dir = enter_programs();
	char *all = arena_printf(&a, "%s/none:%s/open:%s/good", dir, dir, dir);

	check_found(dir, all, "the-runc", "/good/the-runc");
	check_found(dir, arena_printf(&a, "%s/open", dir), "the-runc", "(none)");
	check_found(dir, "good", "the-runc", "(none)");
	check_found(dir, "", "the-runc", "(none)");
	check_found(dir, "", "good/the-runc", "good/the-runc");
	check_found(dir, "", "none/the-runc", "(none)");
	CHECK_INT(chmod("good/the-runc", 0757), 0);
	check_found(dir, all, "the-runc", "(none)");
	check_found(dir, "", "good/the-runc", "(none)");
	CHECK_INT(chmod("good/the-runc", 0755), 0);
	check_found(dir, "", "./good", "(none)");
	check_found(dir, all, "the-*", "(none)");
	leave_programs(dir);
}

TEST(the_running_program_is_passed_over)
{
	const char *dir = enter_programs();
	char self[4096] = "";

	CHECK(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	CHECK_INT(symlink(self, "good/loop"), 0);
	check_found(dir, "", "good/loop", "(none)");
	leave_programs(dir);
}

TEST(a_failed_search_lists_the_candidates)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv candidates = {0};
	const char *found;
	struct err e;

	CHECK_INT(oci_runtime_find(&a, &candidates, &found, &e), -ENOENT);
	CHECK(strstr(e.text, "nvidia-container-runtime.runtimes"));
	arena_push(&a, &candidates, "no-such-runc");
	arena_push(&a, &candidates, "/no/such/crun");
	CHECK_INT(oci_runtime_find(&a, &candidates, &found, &e), -ENOENT);
	CHECK(strstr(e.text, "none of no-such-runc, /no/such/crun is"));
}

TEST(the_program_becomes_the_runtime)
{
	char *const argv[] = {(char *)"wrapper", (char *)"-c", (char *)"test \"$0\" = /bin/sh",
			      NULL};
	char *const bad[] = {(char *)"wrapper", NULL};
	struct err e;

	CHECK_INT(oci_runtime_exec("/no/such", bad, &e), -ENOENT);
	CHECK(strstr(e.text, "execute /no/such: "));
	CHECK_INT(oci_runtime_exec("/bin/sh", argv, &e), 0);
}
