/* SPDX-License-Identifier: Apache-2.0 */
#include "os/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "test.h"

static const char *const keep[] = {"NVIDIA_CTK_DEBUG", "NVIDIA_CTK_QUIET", NULL};

TEST(only_the_named_variables_stay)
{
	CHECK_INT(setenv("NVIDIA_CTK_DEBUG", "true", 1), 0);
	CHECK_INT(setenv("LD_PRELOAD", "/x.so", 1), 0);
	CHECK_INT(setenv("NVIDIA_CTK_DEBUGGER", "x", 1), 0);
	start_clean(keep, 60);
	CHECK_STR(getenv("NVIDIA_CTK_DEBUG"), "true");
	CHECK(!getenv("LD_PRELOAD"));
	CHECK(!getenv("NVIDIA_CTK_DEBUGGER"));
	CHECK(!getenv("PATH"));
}

TEST(inherited_descriptors_are_closed_and_missing_ones_are_null)
{
	struct stat st;
	int dir = open("/", O_RDONLY);

	CHECK_INT(dup2(dir, 200), 200);
	CHECK_INT(dup2(dir, 1), 1);
	CHECK_INT(close(0), 0);
	start_clean(keep, 60);
	CHECK_INT(fcntl(dir, F_GETFD), -1);
	CHECK_INT(fcntl(200, F_GETFD), -1);
	for (int fd = 0; fd < 2; fd++) {
		CHECK_INT(fstat(fd, &st), 0);
		CHECK(S_ISCHR(st.st_mode));
	}
}

TEST(signals_limits_and_the_working_directory_are_our_own)
{
	struct rlimit limit;
	char cwd[16];
	sigset_t set;

	CHECK_INT(chdir("/tmp"), 0);
	(void)signal(SIGCHLD, SIG_IGN);
	(void)sigfillset(&set);
	CHECK_INT(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	start_clean(keep, 60);
	CHECK(signal(SIGCHLD, SIG_DFL) == SIG_DFL);
	CHECK_INT(sigprocmask(SIG_BLOCK, NULL, &set), 0);
	CHECK_INT(sigismember(&set, SIGALRM), 0);
	CHECK_INT(getrlimit(RLIMIT_CORE, &limit), 0);
	CHECK_INT(limit.rlim_max, 0);
	CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
	CHECK_INT(limit.rlim_max, 16 << 20);
	CHECK_INT(umask(0), 077);
	CHECK_INT(prctl(PR_GET_DUMPABLE), 0);
	CHECK_STR(getcwd(cwd, sizeof(cwd)), "/");
}

static int run_child(bool block)
{
	struct timespec nap = {.tv_sec = 20};
	sigset_t all;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		start_clean(keep, 1);
		(void)close(2);
		if (block) {
			(void)sigfillset(&all);
			(void)sigprocmask(SIG_SETMASK, &all, NULL);
		}
		(void)nanosleep(&nap, NULL);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

TEST(the_deadline_ends_a_sleep_with_words)
{
	CHECK_INT(WEXITSTATUS(run_child(false)), 1);
}

TEST(the_deadline_cannot_be_blocked)
{
	int status = run_child(true);

	CHECK(WIFSIGNALED(status));
	CHECK_INT(WTERMSIG(status), SIGKILL);
}
