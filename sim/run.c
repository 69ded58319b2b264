/* SPDX-License-Identifier: Apache-2.0 */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/path.h"
#include "name.h"
#include "place.h"
#include "platform.h"
#include "stage.h"

/* Status of a shell for a command that cannot be started. */
enum { NOT_FOUND = 127, NOT_STARTED = 126, SIGNALLED = 128 };

/* Those that somebody sends to a program to make it stop or think again. */
static const int passed_on[] = {SIGHUP,	 SIGINT,  SIGQUIT, SIGTERM,
				SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};

/* Signals come through a descriptor; *old is what a command gets back. */
static int open_signals(sigset_t *old, struct err *e)
{
	sigset_t set;
	int fd;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < COUNT_OF(passed_on); i++)
		(void)sigaddset(&set, passed_on[i]);
	if (sigprocmask(SIG_BLOCK, &set, old) < 0)
		return err_sys(e, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(e, "wait for signals") : fd;
}

static int to_status(int status)
{
	return WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reaps everything; true when the child was among it. */
static bool reap(pid_t child, int *ret)
{
	bool found = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == child) {
			*ret = to_status(status);
			found = true;
		}
	}
	return found;
}

/*
 * What a process sent is passed on. What the terminal sent (SI_KERNEL) the
 * child has received already, being in the same foreground group.
 */
static bool take_signals(int signals, pid_t child, int *ret)
{
	struct signalfd_siginfo info;
	bool over = false;

	while (read(signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			over |= reap(child, ret);
		else if (info.ssi_code <= 0)
			(void)kill(child, (int)info.ssi_signo);
	}
	return over;
}

struct watch {
	int signals;
	int parent;   /* end of a pipe that closes when the process outside dies; or -1 */
	int listener; /* of the simulation's name; or -1 */
	pid_t child;
};

/* Until the child is gone: its status. */
static int watch_child(const struct watch *w)
{
	struct pollfd fds[] = {
		{w->signals, POLLIN, 0}, {w->parent, 0, 0}, {w->listener, POLLIN, 0}};
	int status = 0;

	for (;;) {
		if (poll(fds, COUNT_OF(fds), -1) < 0 && errno != EINTR)
			return NOT_STARTED;
		if (fds[1].revents)
			_exit(SIGNALLED + SIGKILL);
		if (fds[2].revents)
			name_answer(w->listener, w->child);
		if (take_signals(w->signals, w->child, &status))
			return status;
	}
}

static void become(const char *const *argv, const sigset_t *mask)
{
	int status;

	(void)sigprocmask(SIG_SETMASK, mask, NULL);
	(void)execvp(argv[0], (char *const *)argv);
	status = errno == ENOENT ? NOT_FOUND : NOT_STARTED;
	(void)fprintf(stderr, "nvidia-gpu-sim: %s: %s\n", argv[0],
		      errno == ENOENT ? "command not found" : strerror(errno));
	_exit(status);
}

int run_child(const char *const *argv, struct err *e)
{
	struct watch w = {.parent = -1, .listener = -1};
	sigset_t mask;

	w.signals = open_signals(&mask, e);
	if (w.signals < 0)
		return w.signals;
	w.child = fork();
	if (w.child < 0)
		return err_sys(e, "start %s", argv[0]);
	if (w.child == 0) {
		/* Nobody is left to wait for it when we are killed. */
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		become(argv, &mask);
	}
	return watch_child(&w);
}

/* Programs of a driver outside of the usual places are found as on the machine it is taken from. */
static void extend_path(struct arena *a, const struct machine *m)
{
	static const char dir[] = "/usr/local/nvidia/bin";
	const char *path = getenv("PATH");

	if (m->driver.layout != MACHINE_LOCAL || (path && strstr(path, dir)))
		return;
	(void)setenv("PATH", path ? arena_printf(a, "%s:%s", path, dir) : dir, 1);
}

/* The machine's first process. */
static int live(struct arena *a, const struct run_options *o, struct watch *w, const sigset_t *mask)
{
	auto_close int program = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_free char *cwd = o->root ? NULL : realpath(".", NULL);
	struct content content;
	struct err e;
	int ret = platform_content(a, o->machine, &content, &e);

	if (ret == 0 && program < 0)
		ret = err_sys(&e, "open /proc/self/exe");
	if (ret == 0 && unshare(CLONE_NEWNS) < 0)
		ret = err_sys(&e, "make a mount namespace");
	if (ret == 0)
		ret = stage_enter(o->root, &e);
	if (ret == 0)
		ret = stage_build(a, &content, o->machine, program, &e);
	if (ret < 0) {
		(void)fprintf(stderr, "nvidia-gpu-sim: %s\n", e.text);
		return 1;
	}
	/* Still where the caller was, though other mounts lie there now. */
	if (cwd && chdir(cwd) < 0)
		(void)!chdir("/");
	extend_path(a, o->machine);
	w->child = fork();
	if (w->child == 0)
		become(o->argv, mask);
	if (w->child < 0) {
		(void)fprintf(stderr, "nvidia-gpu-sim: start %s: %s\n", o->argv[0],
			      strerror(errno));
		return NOT_STARTED;
	}
	return watch_child(w);
}

int run_machine(struct arena *a, const struct run_options *o, struct err *e)
{
	struct watch outside = {.parent = -1, .listener = -1}, inside = {.listener = -1};
	int alive[2], status;
	sigset_t mask;

	if (o->name) {
		outside.listener = name_listen(o->name, e);
		if (outside.listener < 0)
			return outside.listener;
	}
	outside.signals = open_signals(&mask, e);
	if (outside.signals < 0)
		return outside.signals;
	if (pipe2(alive, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	if (unshare(CLONE_NEWPID) < 0)
		return errno == EPERM ? err_set(e, EPERM,
						"simulating a machine needs root: run it with sudo")
				      : err_sys(e, "make a PID namespace");
	outside.child = fork();
	if (outside.child < 0)
		return err_sys(e, "start the machine");
	if (outside.child == 0) {
		(void)close(alive[1]);
		(void)prctl(PR_SET_NAME, "gpu-sim-init");
		inside.parent = alive[0];
		inside.signals = open_signals(&(sigset_t){0}, NULL);
		_exit(live(a, o, &inside, &mask));
	}
	(void)close(alive[0]);
	status = watch_child(&outside);
	return status;
}
