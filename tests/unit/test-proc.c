/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/fs.h"
#include "test.h"

#define MS 1000000ull

static const struct proc_options *shell(const char *script)
{
	static const char *argv[4];
	static struct proc_options o;

	argv[0] = "sh";
	argv[1] = "-c";
	argv[2] = script;
	o = (struct proc_options){.path = "/bin/sh", .argv = argv, .max_output = 4096};
	o.deadline_ns = 20000 * MS;
	return &o;
}

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static char scratch[] = "/tmp/test-proc.XXXXXX";

static const char *scratch_file(void)
{
	static char path[64];

	CHECK(mkdtemp(scratch));
	(void)snprintf(path, sizeof(path), "%s/pid", scratch);
	return path;
}

/* The pid that a shell left in the file; the file and its directory go away. */
static pid_t pid_in(const char *path)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text;
	uint32_t pid;
	struct err e;

	CHECK_OK(fs_read(&a, path, 64, &text, &e), &e);
	CHECK_INT(str_to_u32(str_trim(text), &pid), 0);
	(void)unlink(path);
	(void)rmdir(scratch);
	return (pid_t)pid;
}

TEST(output_and_status_of_a_program_are_returned)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_result got;
	struct err e;

	CHECK_OK(proc_run(&a, shell("echo out; echo err >&2; exit 3"), &got, &e), &e);
	CHECK_STR(got.out.p, "out\n");
	CHECK_STR(got.err.p, "err\n");
	CHECK_INT(got.status, 3);
	CHECK_OK(proc_run(&a, shell("kill -SEGV $$"), &got, &e), &e);
	CHECK_INT(got.status, 128 + SIGSEGV);
}

TEST(input_larger_than_a_pipe_reaches_the_program)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_options o = *shell("wc -c");
	struct proc_result got;
	struct err e;

	o.input = (struct str){arena_alloc(&a, 300000), 300000};
	CHECK_OK(proc_run(&a, &o, &got, &e), &e);
	CHECK_STR(got.out.p, "300000\n");
}

TEST(the_environment_is_empty_unless_given)
{
	static const char *const argv[] = {"env", NULL}, *const envp[] = {"A=1", NULL};
	AUTO(arena_done) struct arena a = {0};
	struct proc_options o = {.path = "/usr/bin/env", .argv = argv, .max_output = 4096};
	struct proc_result got;
	struct err e;

	CHECK_INT(setenv("LD_PRELOAD", "", 1), 0);
	CHECK_OK(proc_run(&a, &o, &got, &e), &e);
	CHECK_STR(got.out.p, "");
	o.envp = envp;
	CHECK_OK(proc_run(&a, &o, &got, &e), &e);
	CHECK_STR(got.out.p, "A=1\n");
}

TEST(no_descriptor_but_the_standard_three_is_passed_on)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_result got;
	struct err e;

	CHECK(open("/", O_RDONLY | O_DIRECTORY) >= 0); /* not close-on-exec, on purpose */
	CHECK(dup2(0, 77) >= 0);
	CHECK_OK(proc_run(&a, shell("ls /proc/$$/fd; true"), &got, &e), &e);
	CHECK_STR(got.out.p, "0\n1\n2\n");
}

TEST(a_program_starts_when_our_standard_descriptors_are_closed)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_result got;
	int saved = fcntl(2, F_DUPFD_CLOEXEC, 50);
	int r;

	(void)close(0);
	(void)close(1);
	(void)close(2);
	r = proc_run(&a, shell("cat; echo out; echo err >&2"), &got, NULL);
	CHECK(dup2(saved, 2) == 2);
	CHECK_INT(r, 0);
	CHECK_STR(got.out.p, "out\n");
	CHECK_STR(got.err.p, "err\n");
}

TEST(the_deadline_kills_the_whole_group)
{
	AUTO(arena_done) struct arena a = {0};
	const char *file = scratch_file();
	auto_free char *script = mem_printf("sleep 60 & echo $! > %s; wait", file);
	struct proc_options o = *shell(script);
	uint64_t start = now_ms();
	struct proc_result got;
	int status = 0;
	struct err e;
	pid_t pid;

	/* The orphan comes to us, so that its end can be seen. */
	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	o.deadline_ns = 300 * MS;
	CHECK_INT(proc_run(&a, &o, &got, &e), -ETIMEDOUT);
	CHECK_STR(e.text, "/bin/sh gave no answer in 0.3 s and was killed");
	CHECK(now_ms() - start < 5000);
	pid = pid_in(file);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WTERMSIG(status), SIGKILL);
}

TEST(what_the_program_leaves_running_is_killed_and_not_waited_for)
{
	AUTO(arena_done) struct arena a = {0};
	uint64_t start = now_ms();
	struct proc_result got;
	int status = 0;
	uint32_t pid;
	struct err e;

	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	/* It holds our pipes: their end would come after a minute. */
	CHECK_OK(proc_run(&a, shell("sleep 60 & echo $!"), &got, &e), &e);
	CHECK(now_ms() - start < 5000);
	CHECK_INT(str_to_u32(str_trim(got.out), &pid), 0);
	CHECK_INT(waitpid((pid_t)pid, &status, 0), pid);
	CHECK_INT(WTERMSIG(status), SIGKILL);
}

TEST(a_program_that_writes_too_much_is_killed)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_options o = *shell("exec yes");
	struct proc_result got;
	struct err e;

	o.max_output = 100000;
	CHECK_INT(proc_run(&a, &o, &got, &e), -EFBIG);
	CHECK_STR(e.text, "/bin/sh wrote more than 100000 bytes to stdout");
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
}

TEST(output_of_exactly_the_limit_is_accepted)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_options o = *shell("printf 12345");
	struct proc_result got;
	struct err e;

	o.max_output = 5;
	CHECK_OK(proc_run(&a, &o, &got, &e), &e);
	o.max_output = 4;
	CHECK_INT(proc_run(&a, &o, &got, &e), -EFBIG);
}

TEST(a_program_that_cannot_be_started_is_named)
{
	static const char *const argv[] = {"x", NULL};
	AUTO(arena_done) struct arena a = {0};
	struct proc_options o = {.path = "/nonexistent/x", .argv = argv};
	struct proc_result got;
	struct err e;

	CHECK_INT(proc_run(&a, &o, &got, &e), -ENOENT);
	CHECK_STR(e.text, "execute /nonexistent/x: No such file or directory");
	o.path = "/etc/passwd";
	CHECK_INT(proc_run(&a, &o, &got, &e), -EACCES);
}

TEST(an_ignored_sigchld_does_not_lose_the_status)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_result got;
	struct err e;

	(void)signal(SIGCHLD, SIG_IGN);
	(void)signal(SIGPIPE, SIG_IGN);
	CHECK_OK(proc_run(&a, shell("grep -E '^Sig(Ign|Blk)' /proc/self/status; exit 7"), &got, &e),
		 &e);
	CHECK_INT(got.status, 7);
	CHECK_STR(got.out.p, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	CHECK(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

TEST(privileges_are_dropped_for_good)
{
	AUTO(arena_done) struct arena a = {0};
	struct proc_options o =
		*shell("grep -E '^(Uid|Gid|Groups|CapPrm|CapEff|NoNewPrivs)' /proc/self/status");
	struct proc_result got;
	struct err e;

	if (geteuid() != 0)
		return;
	o.drop_privileges = true;
	o.uid = 65534;
	o.gid = 44;
	CHECK_OK(proc_run(&a, &o, &got, &e), &e);
	CHECK_STR(got.out.p, "Uid:\t65534\t65534\t65534\t65534\nGid:\t44\t44\t44\t44\nGroups:\t \n"
			     "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"
			     "NoNewPrivs:\t1\n");
	/* User 0 keeps its number and nothing else. */
	o.uid = 0;
	o.gid = getegid();
	CHECK_OK(proc_run(&a, &o, &got, &e), &e);
	CHECK(str_contains(got.out, "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n"));
}

TEST(the_program_dies_with_us)
{
	const char *file = scratch_file();
	auto_free char *script =
		mem_printf("echo $$ > %s.new; mv %s.new %s; exec sleep 60", file, file, file);
	int status = 0;
	pid_t middle, pid;

	CHECK_INT(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	middle = fork();
	if (middle == 0) {
		AUTO(arena_done) struct arena a = {0};
		struct proc_result got;

		_exit(proc_run(&a, shell(script), &got, NULL) < 0);
	}
	for (int i = 0; i < 1000 && access(file, F_OK) < 0; i++)
		(void)usleep(10000);
	CHECK_INT(kill(middle, SIGKILL), 0);
	CHECK_INT(waitpid(middle, &status, 0), middle);
	pid = pid_in(file);
	CHECK_INT(waitpid(pid, &status, 0), pid);
	CHECK_INT(WTERMSIG(status), SIGKILL);
}
