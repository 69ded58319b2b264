/* SPDX-License-Identifier: Apache-2.0 */
#include "os/start.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "base/macro.h"
#include "os/sys.h"

extern char **environ;

enum { MAX_KEPT = 8, LAST_WORDS_SECONDS = 1 };

/* Before there is a log. */
static _Noreturn void refuse(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
	_exit(1);
}

/* runc 1.1 leaves its init socket, a log pipe and exec.fifo open for hooks. */
static void close_others(void)
{
	struct rlimit limit = {.rlim_cur = 1024};

	if (sys_close_range(3, ~0u, 0) == 0)
		return;
	/* Before kernel 5.9. */
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	for (int fd = 3; fd < 1 << 16 && (rlim_t)fd < limit.rlim_max; fd++)
		(void)close(fd);
}

/* Missing ones, and directories: a leaked directory of the host must not stay reachable. */
static void mend_standard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++) {
		struct stat st;
		int null;

		if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
			continue;
		(void)close(fd);
		null = open("/dev/null", O_RDWR); /* NOLINT: the lowest free number is fd */
		if (null != fd)
			refuse("cannot open /dev/null in place of a standard descriptor\n");
	}
}

/*
 * What exec(2) hands on: ignored signals and the mask. Only signals that something here depends
 * on: a child to be waited for, the deadline's, and the two that would end us where write() has
 * words for a closed pipe and a full file.
 */
static void reset_signals(void)
{
	sigset_t none;

	(void)signal(SIGCHLD, SIG_DFL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void lower(int resource, rlim_t most)
{
	const struct rlimit wanted = {most, most};
	struct rlimit before;

	/* Where it was lower already, with the right to raise it: back. */
	if (prlimit(0, (unsigned)resource, &wanted, &before) == 0 && before.rlim_max < most)
		(void)setrlimit(resource, &before);
}

static void keep_environment(const char *const *keep)
{
	static char *kept[MAX_KEPT + 1];
	size_t n = 0;

	for (; *keep && n < MAX_KEPT; keep++) {
		size_t length = strlen(*keep);

		for (char **entry = environ; entry && *entry; entry++) {
			if (strncmp(*entry, *keep, length) == 0 && (*entry)[length] == '=') {
				kept[n++] = *entry;
				break;
			}
		}
	}
	kept[n] = NULL;
	environ = kept;
}

static void last_words(int signal_number)
{
	static const char text[] =
		"gave up: this takes too long, is a file system not answering?\n";

	(void)signal_number;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(1);
}

/*
 * A process that waits for a FUSE or NFS server, or for whoever holds the other
 * end of its standard input, must not hold up the engine for ever. A parent
 * with a timer would do it with SIGKILL, for the price of a fork in every
 * container start. A timer that sends SIGKILL to ourselves does the same: it
 * ends every sleep but an uninterruptible one, which no parent could end
 * either, and nothing here or in the image can block or catch it. A second
 * earlier SIGALRM tries to say so; alone it would not do, for a caught signal
 * does not end a sleep that only a fatal one can (TASK_KILLABLE).
 */
static void live_for(unsigned seconds)
{
	const struct itimerval soft = {.it_value.tv_sec = seconds};
	const struct itimerspec hard = {.it_value.tv_sec = seconds + LAST_WORDS_SECONDS};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
	    timer_settime(timer, 0, &hard, NULL) < 0) {
		/* Without a timer for SIGKILL, SIGALRM's default action: fatal, without words. */
		(void)alarm(seconds);
		return;
	}
	(void)signal(SIGALRM, last_words);
	(void)setitimer(ITIMER_REAL, &soft, NULL);
}

void start_clean(const char *const *keep, unsigned seconds)
{
	close_others();
	mend_standard_descriptors();
	reset_signals();
	live_for(seconds);
	(void)umask(077);
	(void)prctl(PR_SET_DUMPABLE, 0);
	lower(RLIMIT_CORE, 0);
	lower(RLIMIT_NOFILE, 1024);
	lower(RLIMIT_FSIZE, 16 << 20);
	keep_environment(keep);
	if (chdir("/") < 0)
		refuse("cannot change to /\n");
}
