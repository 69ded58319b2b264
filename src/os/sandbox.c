/* SPDX-License-Identifier: Apache-2.0 */
#include "os/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/log.h"
#include "base/proc.h"
#include "os/procfs.h"
#include "os/sandbox-filter.h"
#include "os/sys.h"

/* Inode of the first pid namespace (PROC_PID_INIT_INO of the kernel). */
#define INITIAL_PID_NAMESPACE 0xeffffffcU

#define CHILD_CPU_SECONDS 5
#define CHILD_MEMORY	  (512UL << 20)
#define CHILD_FILES	  64

/* What the child leaves at the beginning of the shared memory; its answer follows. */
struct report {
	int32_t finished; /* 1 when the rest was filled in */
	int32_t result;
	uint64_t size;
	struct err error;
};

struct child {
	pid_t pid;  /* 0 when there is none */
	int memory; /* memfd with the report and the answer */
	int alive;  /* its end of a pipe closes when the child is gone */
};

#define CHILD_INIT                                                                                 \
	{                                                                                          \
		.memory = -1, .alive = -1                                                          \
	}

/* What sits in the kernel and cannot be killed is left behind after a second. */
static void child_done(struct child *c)
{
	const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};

	if (c->pid > 0)
		(void)kill(c->pid, SIGKILL);
	for (int i = 0; c->pid > 0 && i < 100; i++) {
		if (waitpid(c->pid, NULL, WNOHANG) != 0)
			c->pid = 0;
		else
			(void)nanosleep(&pause, NULL);
	}
	closep(&c->memory);
	closep(&c->alive);
}

/* Before Linux 5.9, or behind a filter that does not know the call, one by one. */
static void close_between(unsigned first, unsigned last)
{
	struct rlimit most = {.rlim_cur = 1024};

	if (first > last || sys_close_range(first, last, 0) == 0)
		return;
	(void)getrlimit(RLIMIT_NOFILE, &most);
	for (unsigned fd = first; fd <= last && fd < most.rlim_cur && fd < 1u << 16; fd++)
		(void)close((int)fd);
}

/* Keeps what is named, in ascending order, of the descriptors above standard error. */
static void close_others(int (*keep)[3])
{
	unsigned from = STDERR_FILENO + 1;

	for (size_t i = 0; i < COUNT_OF(*keep); i++) {
		for (size_t k = i + 1; k < COUNT_OF(*keep); k++) {
			int swap = (*keep)[i];

			if ((*keep)[k] < swap) {
				(*keep)[i] = (*keep)[k];
				(*keep)[k] = swap;
			}
		}
		if ((unsigned)(*keep)[i] < from)
			continue;
		close_between(from, (unsigned)(*keep)[i] - 1);
		from = (unsigned)(*keep)[i] + 1;
	}
	close_between(from, ~0U);
}

static int limit(int what, rlim_t value)
{
	struct rlimit now, l = {value, value};

	if (getrlimit(what, &now) == 0 && now.rlim_max < value)
		l = (struct rlimit){now.rlim_max, now.rlim_max};
	return setrlimit(what, &l) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	int r = limit(RLIMIT_CPU, CHILD_CPU_SECONDS);

	if (r == 0)
		r = limit(RLIMIT_CORE, 0);
	if (r == 0)
		r = limit(RLIMIT_FSIZE, 0);
	if (r == 0)
		r = limit(RLIMIT_NPROC, 1);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, CHILD_FILES);
#if !SANITIZED /* the shadow takes terabytes of addresses */
	if (r == 0)
		r = limit(RLIMIT_AS, CHILD_MEMORY);
#endif
	return r;
}

/* From here on the child can read the container's files and nothing else. */
static int confine(const struct rootfs *root, int alive, struct err *e)
{
	int keep[] = {root->fd, procfs_fd(e), alive};
	const char *step = "";
	int r;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_sys(e, "tie its life to ours");
	if (keep[1] < 0)
		return keep[1];
	close_others(&keep);
	if (fchdir(root->fd) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(e, "make the container's root its own");
	r = set_limits();
	if (r < 0)
		return err_set(e, -r, "lower its limits: %s", strerror(-r));
	/* In a user namespace it may not be allowed; its groups are then those of the caller. */
	(void)!setgroups(0, NULL);
	r = proc_drop_privileges(geteuid(), getegid(), &step);
	if (r < 0)
		return err_set(e, -r, "%s: %s", step, strerror(-r));
	sandbox_files(root->fd);
	r = sandbox_filter();
	if (r < 0)
		return err_set(e, -r, "install a system call filter: %s", strerror(-r));
	return 0;
}

static _Noreturn void child_main(const struct sandbox *s, const struct child *c, int alive)
{
	size_t size = sizeof(struct report) + s->max_output;
	struct report *report = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, c->memory, 0);
	struct strbuf out = {0};
	struct err e = {""};
	int r;

	if (report == MAP_FAILED)
		_exit(1);
	log_clear(); /* what it has to say it says in its report */
	r = confine(s->root, alive, &e);
	if (r < 0)
		r = err_in(&e, -EPERM, "confine the child that has to %s", s->purpose);
	else
		r = s->work(s->root, s->request, &out, &e);
	if (r >= 0 && out.n > s->max_output)
		r = err_set(&e, EFBIG, "%s: the answer has more than %zu bytes", s->purpose,
			    s->max_output);
	report->result = r;
	report->error = e;
	if (r >= 0) {
		report->size = out.n;
		memcpy(report + 1, strbuf_str(&out).p, out.n);
	}
	report->finished = 1;
	_exit(0);
}

/*
 * Whether our network namespace is the machine's. In a container's pid
 * namespace process 1 says nothing about that, and the filter has to do.
 */
static bool in_host_network(void)
{
	int proc = procfs_fd(NULL);
	struct stat pid, net, host;

	return proc >= 0 && fstatat(proc, "thread-self/ns/pid", &pid, 0) == 0 &&
	       pid.st_ino == INITIAL_PID_NAMESPACE &&
	       fstatat(proc, "thread-self/ns/net", &net, 0) == 0 &&
	       fstatat(proc, "1/ns/net", &host, 0) == 0 && net.st_ino == host.st_ino;
}

/*
 * fork() into new namespaces: they cost 20 us, a network namespace 500. They
 * are the second line behind the filter: where they are not to be had, the
 * child does without.
 */
static pid_t fork_apart(void)
{
	unsigned long flags = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
			      (in_host_network() ? CLONE_NEWNET : 0);
	pid_t pid = (pid_t)syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	return pid >= 0 ? pid : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static int start(struct child *c, const struct sandbox *s, struct err *e)
{
	auto_close int alive = -1;
	int ends[2];

	/* Before the fork, so that the child has it after its root is another one. */
	if (procfs_fd(e) < 0)
		return -EPERM;
	c->memory = memfd_create("sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (c->memory < 0 ||
	    ftruncate(c->memory, (off_t)(sizeof(struct report) + s->max_output)) < 0)
		return err_sys(e, "%s: make memory to share", s->purpose);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, "%s: make a pipe", s->purpose);
	c->alive = ends[0];
	alive = ends[1];
	c->pid = fork_apart();
	if (c->pid < 0) {
		c->pid = 0;
		return err_sys(e, "%s: start a child", s->purpose);
	}
	if (c->pid == 0)
		child_main(s, c, alive);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for the child's end until the deadline. */
static int await(struct child *c, const struct sandbox *s, struct err *e)
{
	int64_t until = now_ms() + (int64_t)(s->deadline_ns / 1000000);
	struct pollfd p = {.fd = c->alive, .events = POLLIN};
	int status = 0, r;

	do {
		int64_t left = until - now_ms();

		r = left > 0 ? poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left) : 0;
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "%s: wait for the child", s->purpose);
	if (r == 0)
		return err_set(e, ETIMEDOUT,
			       "%s: not done after %llu seconds; something in it does not answer",
			       s->purpose, (unsigned long long)(s->deadline_ns / 1000000000));
	while (waitpid(c->pid, &status, 0) < 0) {
		if (errno != EINTR) {
			c->pid = 0;
			return err_sys(e, "%s: wait for the child", s->purpose);
		}
	}
	c->pid = 0;
	if (WIFSIGNALED(status))
		return err_set(e, EPERM,
			       "%s: the child that does it was killed by signal %d: it went "
			       "beyond what it may do or use",
			       s->purpose, WTERMSIG(status));
	if (status != 0)
		return err_set(e, EPERM, "%s: the child that does it ended early", s->purpose);
	return 0;
}

static int read_exactly(int fd, void *to, size_t n, off_t offset)
{
	size_t done = 0;

	while (done < n) {
		ssize_t k = pread(fd, (char *)to + done, n - done, offset + (off_t)done);

		if (k < 0 && errno != EINTR)
			return -errno;
		if (k == 0)
			return -EIO;
		if (k > 0)
			done += (size_t)k;
	}
	return 0;
}

/* Nobody else can write to it now; still, what it holds is only bytes. */
static int take(struct arena *a, const struct child *c, const struct sandbox *s, struct str *ret,
		struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct report report;
	char *answer = NULL;
	int r;

	if (fcntl(c->memory, F_ADD_SEALS,
		  F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return err_sys(e, "%s: seal the answer", s->purpose);
	r = read_exactly(c->memory, &report, sizeof(report), 0);
	if (r < 0)
		return err_set(e, -r, "%s: read the answer: %s", s->purpose, strerror(-r));
	if (report.finished != 1 || report.size > s->max_output || report.result < -4095)
		return err_set(e, EPERM, "%s: the child gave an answer that makes no sense",
			       s->purpose);
	if (report.result < 0) {
		report.error.text[sizeof(report.error.text) - 1] = '\0';
		strbuf_escape(&text, str_of(report.error.text));
		return err_set(e, -report.result, "%s", strbuf_str(&text).p);
	}
	answer = arena_alloc(a, report.size + 1);
	r = read_exactly(c->memory, answer, report.size, sizeof(report));
	if (r < 0)
		return err_set(e, -r, "%s: read the answer: %s", s->purpose, strerror(-r));
	*ret = (struct str){answer, report.size};
	return report.result;
}

int sandbox_run(struct arena *a, const struct sandbox *s, struct str *ret, struct err *e)
{
	AUTO(child_done) struct child c = CHILD_INIT;
	int r = start(&c, s, e);

	if (r == 0)
		r = await(&c, s, e);
	return r < 0 ? r : take(a, &c, s, ret, e);
}
