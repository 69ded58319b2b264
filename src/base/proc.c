/* SPDX-License-Identifier: Apache-2.0 */
#include "base/proc.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/mem.h"

#define MS 1000000ull

/* How long a killed child may take to end before it is taken to sit in the kernel. */
#define KILL_PATIENCE (500 * MS)

/* Where the child keeps the pipe on which it reports that it could not start. */
#define REPORT_FD 3

enum { OUT, ERR, REPORT, STREAMS };

struct child {
	pid_t pid; /* 0: none, or reaped */
	int pidfd; /* -1 before Linux 5.3: then the end of the child is looked for every 10 ms */
	int fds[STREAMS];
	struct strbuf text[STREAMS];
	uint64_t end_ns; /* 0: no deadline */
	struct sigaction sigchld;
	sigset_t mask;
};

/* What the child says when it cannot become the program. */
struct report {
	int code;
	char step[60];
};

static uint64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

/* 1 when it has ended (and can still be signalled as a group), 0 when it runs. */
static int has_ended(pid_t pid)
{
	siginfo_t info = {0};

	return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == pid;
}

/* Kills the group and waits a bounded time. The status, or -1 when it does not end. */
static int finish(struct child *c)
{
	uint64_t end = now_ns() + KILL_PATIENCE;
	int status = 0;

	/* Before the leader is reaped: until then nobody else can get the number of its group. */
	(void)kill(-c->pid, SIGKILL);
	while (!has_ended(c->pid)) {
		struct pollfd p = {.fd = c->pidfd, .events = POLLIN};

		if (now_ns() >= end)
			return -1;
		(void)poll(&p, 1, 10);
	}
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void child_done(struct child *c)
{
	if (c->pid > 0)
		(void)finish(c);
	closep(&c->pidfd);
	for (int i = 0; i < STREAMS; i++) {
		closep(&c->fds[i]);
		strbuf_done(&c->text[i]);
	}
	(void)sigaction(SIGCHLD, &c->sigchld, NULL);
}

int proc_die_with_parent(pid_t parent)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	return getppid() == parent ? 0 : -ESRCH;
}

int proc_drop_privileges(uid_t uid, gid_t gid, const char **ret_step)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};

	*ret_step = "give up supplementary groups";
	if (uid != geteuid() || gid != getegid()) {
		if (setgroups(0, NULL) < 0)
			return -errno;
		*ret_step = "change the group";
		if (setresgid(gid, gid, gid) < 0)
			return -errno;
		*ret_step = "change the user";
		if (setresuid(uid, uid, uid) < 0)
			return -errno;
	}
	/* With no_new_privs not even user 0 gets capabilities back from an exec. */
	*ret_step = "give up capabilities";
	if (syscall(SYS_capset, &header, none) < 0)
		return -errno;
	*ret_step = "set no_new_privs";
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* Closes every descriptor from first on. */
static int close_from(int first)
{
	struct dirent *entry;
	DIR *d;

	if (syscall(SYS_close_range, (unsigned)first, ~0u, 0) == 0)
		return 0;
	d = opendir("/proc/self/fd"); /* before Linux 5.9 */
	if (!d)
		return -1;
	while ((entry = readdir(d))) {
		uint32_t fd;

		if (str_to_u32(str_of(entry->d_name), &fd) == 0 && (int)fd >= first &&
		    (int)fd != dirfd(d))
			(void)close((int)fd);
	}
	return closedir(d);
}

/* In the child: ends it after telling the parent why. */
static _Noreturn void give_up(int report_fd, const char *step, int code)
{
	struct report r = {.code = code};

	(void)snprintf(r.step, sizeof(r.step), "%s", step);
	(void)!write(report_fd, &r, sizeof(r));
	_exit(127);
}

/* In the child: puts the four descriptors at 0 to 3 and closes all others. */
static int place_descriptors(const int from[4])
{
	int high[4];

	/* First out of the way: we may have been started with 0, 1 or 2 closed. */
	for (int i = 0; i < 4; i++) {
		high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 10);
		if (high[i] < 0)
			return -1;
	}
	for (int i = 0; i < 4; i++)
		if (dup2(high[i], i) < 0)
			return -1;
	if (fcntl(REPORT_FD, F_SETFD, FD_CLOEXEC) < 0)
		return -1;
	return close_from(REPORT_FD + 1);
}

static void default_signals(void)
{
	struct sigaction act = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &act, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* In the child, between fork and exec. */
static _Noreturn void become(const struct proc_options *o, const int from[4], pid_t parent)
{
	static char *const nothing[] = {NULL};
	const struct rlimit no_core = {0};
	const char *step;
	int r;

	(void)setpgid(0, 0);
	default_signals();
	if (place_descriptors(from) < 0)
		give_up(from[3], "set up descriptors", errno);
	if (chdir("/") < 0)
		give_up(REPORT_FD, "change to /", errno);
	(void)umask(077);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	if (o->drop_privileges) {
		r = proc_drop_privileges(o->uid, o->gid, &step);
		if (r < 0)
			give_up(REPORT_FD, step, -r);
	}
	r = proc_die_with_parent(parent);
	if (r < 0)
		give_up(REPORT_FD, "tie its life to ours", -r);
	(void)execve(o->path, (char *const *)o->argv, o->envp ? (char *const *)o->envp : nothing);
	give_up(REPORT_FD, "execute", errno);
}

/* A descriptor to read the input from; in memory, so that nobody has to write while reading. */
static int open_input(const struct proc_options *o, struct err *e)
{
	auto_close int fd = -1;
	struct str rest = o->input;

	if (rest.n == 0) {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? err_sys(e, "open /dev/null") : steal_fd(&fd);
	}
	fd = memfd_create("input", MFD_CLOEXEC);
	while (fd >= 0 && rest.n > 0) {
		ssize_t k = write(fd, rest.p, rest.n);

		if (k < 0 && errno != EINTR)
			break;
		rest = str_sub(rest, k > 0 ? (size_t)k : 0, rest.n);
	}
	if (fd < 0 || rest.n > 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "keep the input of %s in memory", o->path);
	return steal_fd(&fd);
}

/* The child's ends of the pipes: input, out, err, report. */
static void close_ends(int (*ends)[4])
{
	for (int i = 0; i < 4; i++)
		closep(&(*ends)[i]);
}

static int start(struct child *c, const struct proc_options *o, struct err *e)
{
	AUTO(close_ends) int ends[4] = {-1, -1, -1, -1};
	pid_t parent = getpid();
	sigset_t all;

	ends[0] = open_input(o, e);
	if (ends[0] < 0)
		return ends[0];
	for (int i = 0; i < STREAMS; i++) {
		int both[2];

		if (pipe2(both, O_CLOEXEC) < 0)
			return err_sys(e, "start %s: create a pipe", o->path);
		c->fds[i] = both[0];
		ends[i + 1] = both[1];
		if (fcntl(both[0], F_SETFL, O_NONBLOCK) < 0)
			return err_sys(e, "start %s: set up a pipe", o->path);
	}

	/* No handler of ours may run in the child. */
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &c->mask);
	c->pid = fork();
	if (c->pid == 0)
		become(o, ends, parent);
	(void)sigprocmask(SIG_SETMASK, &c->mask, NULL);
	if (c->pid < 0) {
		c->pid = 0;
		return err_sys(e, "start %s", o->path);
	}
	(void)setpgid(c->pid, c->pid); /* whoever comes first: a kill of the group must find it */
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	return 0;
}

/* Takes what is there. 1 while more may come, 0 at the end. */
static int take(struct child *c, int stream, size_t max, const char *path, struct err *e)
{
	static const char *const names[STREAMS] = {"stdout", "stderr", "the start pipe"};
	struct strbuf *b = &c->text[stream];

	for (;;) {
		size_t room = max + 1 - b->n < 16384 ? max + 1 - b->n : 16384;
		ssize_t k = read(c->fds[stream], strbuf_room(b, room), room);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN)
			return 1;
		if (k < 0)
			return err_sys(e, "read %s of %s", names[stream], path);
		if (k == 0)
			break;
		b->n += (size_t)k;
		if (b->n > max)
			return err_set(e, EFBIG, "%s wrote more than %zu bytes to %s", path, max,
				       names[stream]);
	}
	closep(&c->fds[stream]);
	c->fds[stream] = -1;
	return 0;
}

static int take_all(struct child *c, const struct proc_options *o, struct err *e)
{
	for (int i = 0; i < STREAMS; i++) {
		size_t max = i == REPORT ? sizeof(struct report) : o->max_output;
		int r = c->fds[i] < 0 ? 0 : take(c, i, max, o->path, e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Milliseconds to wait; 0 when the deadline has passed. */
static int patience(const struct child *c)
{
	uint64_t now = now_ns(), left;
	int most = c->pidfd < 0 ? 10 : -1;

	if (c->end_ns == 0)
		return most;
	if (now >= c->end_ns)
		return 0;
	left = (c->end_ns - now + MS - 1) / MS;
	if (most > 0 && left > (uint64_t)most)
		return most;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/* Listens until the child has ended. */
static int listen_to(struct child *c, const struct proc_options *o, struct err *e)
{
	for (;;) {
		struct pollfd set[STREAMS + 1] = {{.fd = c->pidfd, .events = POLLIN}};
		bool ended;
		int wait, r;

		for (int i = 0; i < STREAMS; i++)
			set[i + 1] = (struct pollfd){.fd = c->fds[i], .events = POLLIN};
		wait = patience(c);
		if (poll(set, STREAMS + 1, wait) < 0 && errno != EINTR)
			return err_sys(e, "wait for %s", o->path);
		/* Asked before reading: what it wrote before its end is then read in this turn. */
		ended = has_ended(c->pid);
		r = take_all(c, o, e);
		if (r < 0 || ended)
			return r;
		if (wait == 0)
			break;
	}
	if (finish(c) < 0) {
		(void)err_set(e, ETIMEDOUT,
			      "%s gave no answer in %.3g s and hangs in the kernel: process %d "
			      "cannot be killed",
			      o->path, (double)o->deadline_ns / 1e9, (int)c->pid);
		c->pid = 0; /* left to its fate */
		return -ETIMEDOUT;
	}
	return err_set(e, ETIMEDOUT, "%s gave no answer in %.3g s and was killed", o->path,
		       (double)o->deadline_ns / 1e9);
}

static int check_report(const struct child *c, const struct proc_options *o, struct err *e)
{
	struct report r = {0};

	if (c->text[REPORT].n != sizeof(r))
		return 0;
	memcpy(&r, c->text[REPORT].p, sizeof(r));
	r.step[sizeof(r.step) - 1] = '\0';
	return err_set(e, r.code, "%s %s: %s", r.step, o->path, strerror(r.code));
}

int proc_run(struct arena *a, const struct proc_options *o, struct proc_result *ret, struct err *e)
{
	AUTO(child_done) struct child c = {.pidfd = -1, .fds = {-1, -1, -1}};
	struct sigaction act = {.sa_handler = SIG_DFL};
	int r, status;

	assert(o->path[0] == '/' && o->argv[0] != NULL && o->max_output < SIZE_MAX / 2);
	/* Whoever started us may have left SIGCHLD ignored: then children vanish without a status.
	 */
	(void)sigaction(SIGCHLD, &act, &c.sigchld);
	c.end_ns = o->deadline_ns > 0 ? now_ns() + o->deadline_ns : 0;

	r = start(&c, o, e);
	if (r < 0)
		return r;
	r = listen_to(&c, o, e);
	if (r < 0)
		return r;
	status = finish(&c);
	r = check_report(&c, o, e);
	if (r < 0)
		return r;
	*ret = (struct proc_result){
		.status = status,
		.out = {arena_str(a, strbuf_str(&c.text[OUT])), c.text[OUT].n},
		.err = {arena_str(a, strbuf_str(&c.text[ERR])), c.text[ERR].n},
	};
	return 0;
}
