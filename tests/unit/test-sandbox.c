/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/proc.h"
#include "os/sandbox-filter.h"
#include "os/sandbox.h"
#include "os/sys.h"

#define SECOND UINT64_C(1000000000)

static struct arena arena;
static char dir[] = "/tmp/test-sandbox.XXXXXX";

static void remove_scratch(void)
{
	char command[64];

	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	(void)!system(command); /* NOLINT(cert-env33-c): a test */
}

static struct rootfs make_root(void)
{
	struct rootfs root = ROOTFS_INIT;
	char path[64];
	struct err e;
	FILE *f;

	CHECK(mkdtemp(dir));
	(void)atexit(remove_scratch);
	(void)snprintf(path, sizeof(path), "%s/file", dir);
	CHECK((f = fopen(path, "we")));
	(void)fputs("of the container", f);
	(void)fclose(f);
	(void)snprintf(path, sizeof(path), "%s/up", dir);
	CHECK_INT(symlink("/../../../../../../etc/passwd", path), 0);
	CHECK_OK(rootfs_open(dir, &root, &e), &e);
	return root;
}

static int run(struct sandbox s, struct str *ret, struct err *e)
{
	if (s.max_output == 0)
		s.max_output = 4096;
	if (s.deadline_ns == 0)
		s.deadline_ns = 10 * SECOND;
	s.purpose = "test";
	return sandbox_run(&arena, &s, ret, e);
}

static int read_file(const struct rootfs *root, const void *request, struct strbuf *out,
		     struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text;
	int r = rootfs_read(&a, root, request, 100, &text, e);

	if (r == 0)
		strbuf_add(out, text);
	return r;
}

static int many(const struct rootfs *root, const void *request, struct strbuf *out, struct err *e)
{
	(void)root, (void)e;
	for (size_t i = 0; i < *(const size_t *)request; i++)
		strbuf_addc(out, 'x');
	return 7;
}

static int spin(const struct rootfs *root, const void *request, struct strbuf *out, struct err *e)
{
	(void)root, (void)out, (void)e;
	while (*(volatile const int *)request == 0)
		;
	return 0;
}

TEST(the_child_reads_files_of_the_container_and_answers)
{
	struct rootfs root = make_root();
	struct str answer = {0};
	struct err e;

	CHECK_OK(run((struct sandbox){.root = &root, .work = read_file, .request = "/file"},
		     &answer, &e),
		 &e);
	CHECK(str_is(answer, "of the container"));
	rootfs_close(&root);
}

TEST(a_failure_arrives_with_its_text_and_nothing_else)
{
	struct rootfs root = make_root();
	struct str answer = {"untouched", 9};
	struct err e;

	CHECK_INT(run((struct sandbox){.root = &root, .work = read_file, .request = "/no\x1b[m"},
		      &answer, &e),
		  -ENOENT);
	CHECK(strstr(e.text, "/no\\x1b[m"));
	CHECK(str_is(answer, "untouched"));
	CHECK_INT(run((struct sandbox){.root = &root, .work = read_file, .request = "/up"}, &answer,
		      &e),
		  -ENOENT);
}

TEST(an_answer_may_fill_its_room_but_not_more)
{
	struct rootfs root = make_root();
	struct str answer = {0};
	size_t n = 4096;
	struct err e;

	CHECK_INT(run((struct sandbox){.root = &root, .work = many, .request = &n}, &answer, &e),
		  7);
	CHECK_INT(answer.n, 4096);
	n++;
	CHECK_INT(run((struct sandbox){.root = &root, .work = many, .request = &n}, &answer, &e),
		  -EFBIG);
}

TEST(the_deadline_is_kept)
{
	struct rootfs root = make_root();
	struct timespec from, to;
	struct str answer;
	struct err e;
	int flag = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	CHECK_INT(run((struct sandbox){.root = &root,
				       .work = spin,
				       .request = &flag,
				       .deadline_ns = SECOND / 5},
		      &answer, &e),
		  -ETIMEDOUT);
	(void)clock_gettime(CLOCK_MONOTONIC, &to);
	CHECK(to.tv_sec - from.tv_sec < 3);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
}

/* What an attacker would do who has taken over the child. */
enum attack {
	TRY_WRITE_ERROR,
	TRY_OPEN_WRITING,
	TRY_CREATE,
	TRY_SOCKET,
	TRY_FORK,
	TRY_EXEC,
	TRY_KILL_PARENT,
	TRY_MOUNT,
	TRY_MAP_CODE,
	TRY_MAP_FILE,
	TRY_CHROOT,
	TRY_UNSHARE,
	TRY_PTRACE,
	TRY_UNLINK,
	TRY_X32,
	TRY_END
};

static int attack(const struct rootfs *root, const void *request, struct strbuf *out, struct err *e)
{
	char *const argv[] = {(char *)"/file", NULL};

	(void)out, (void)e;
	switch (*(const enum attack *)request) {
	case TRY_WRITE_ERROR:
		return (int)write(STDERR_FILENO, "", 0);
	case TRY_OPEN_WRITING:
		return openat(root->fd, "file", O_WRONLY);
	case TRY_CREATE:
		return openat(root->fd, "new", O_RDONLY | O_CREAT, 0644);
	case TRY_SOCKET:
		return socket(AF_INET, SOCK_STREAM, 0);
	case TRY_FORK:
		return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	case TRY_EXEC:
		return execv(argv[0], argv);
	case TRY_KILL_PARENT:
		return kill(getppid(), 0);
	case TRY_MOUNT:
		return mount("none", "/", "tmpfs", 0, NULL);
	case TRY_MAP_CODE:
		return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			    0) == MAP_FAILED;
	case TRY_MAP_FILE:
		return mmap(NULL, 4096, PROT_READ, MAP_SHARED, root->fd, 0) == MAP_FAILED;
	case TRY_CHROOT:
		return chroot("/");
	case TRY_UNSHARE:
		return (int)syscall(SYS_unshare, 0);
	case TRY_PTRACE:
		return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
	case TRY_UNLINK:
		return unlinkat(root->fd, "file", 0);
	case TRY_X32:
		return (int)syscall(0x40000000L + SYS_fstat, 0, 0);
	case TRY_END:
		break;
	}
	return 0;
}

TEST(a_child_that_was_taken_over_is_killed_at_its_first_forbidden_call)
{
	struct rootfs root = make_root();
	struct stat st;

	for (enum attack i = 0; i < TRY_END; i++) {
		struct str answer;
		struct err e = {""};
		int r = run((struct sandbox){.root = &root, .work = attack, .request = &i}, &answer,
			    &e);

		if (r != -EPERM || !strstr(e.text, "killed by signal 31"))
			FAIL("attack %d: %d, %s", (int)i, r, e.text);
	}
	CHECK_INT(fstatat(root.fd, "file", &st, 0), 0);
	CHECK_INT(fstatat(root.fd, "new", &st, 0), -1);
}

/* "/" of the host through descriptors, "..", absolute paths and /proc; with the calls it has. */
static int look_outside(const struct rootfs *root, const void *request, struct strbuf *out,
			struct err *e)
{
	static const char *const ways[] = {"/etc/passwd", "/../../etc/passwd", "etc/passwd",
					   "../../../etc/passwd"};
	struct stat st;

	(void)root, (void)e;
	for (int fd = -1; fd < 256; fd++) {
		for (size_t i = 0; i < COUNT_OF(ways); i++) {
			int from = fd < 0 ? AT_FDCWD : fd;

			if (openat(from, ways[i], O_RDONLY) >= 0)
				strbuf_printf(out, "opened %s from %d\n", ways[i], fd);
		}
		/* The descriptor that the parent left open without close-on-exec. */
		if (fd == *(const int *)request && fstat(fd, &st) == 0)
			strbuf_printf(out, "descriptor %d is open\n", fd);
	}
	return 0;
}

TEST(no_way_leads_out_of_the_container)
{
	struct rootfs root = make_root();
	int host = open("/", O_RDONLY); /* NOLINT(android-cloexec-open): leaked on purpose */
	int leaked = fcntl(host, F_DUPFD, 100);
	struct str answer = {0};
	struct err e;

	CHECK(leaked >= 0);
	CHECK_OK(run((struct sandbox){.root = &root, .work = look_outside, .request = &leaked},
		     &answer, &e),
		 &e);
	if (answer.n > 0)
		FAIL("%.*s", STR_ARG(answer));
}

/* Whether the filter lets a call through; its arguments make it fail in harmless ways. */
static bool passes(long nr, long second, long third, long fourth)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || sandbox_filter() < 0)
			_exit(1);
		(void)syscall(nr, -1L, second, third, fourth, -1L, -1L);
		_exit(0);
	}
	CHECK_INT(waitpid(pid, &status, 0), pid);
	/* SIGILL is what uretprobe(2), which no filter sees, has for whoever is not traced by it.
	 */
	if (WIFSIGNALED(status))
		CHECK(WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGILL);
	else
		CHECK(WEXITSTATUS(status) == 0 || nr == SYS_exit_group);
	return !WIFSIGNALED(status);
}

TEST(every_call_but_those_that_read_is_fatal)
{
	/* 335 and up to 423 are for traps that the kernel sets itself, and nothing at all. */
	static const long from[] = {0, 424}, to[] = {335, 600};
	static const long reading[] = {
		SYS_openat2,
		SYS_fstat,
		SYS_fstatfs,
		SYS_pread64,
		SYS_close,
		SYS_read,
		SYS_readlinkat,
		SYS_getdents64,
		SYS_newfstatat,
		SYS_statx,
		SYS_lseek,
		SYS_brk,
		SYS_munmap,
		SYS_mremap,
		SYS_madvise,
		SYS_getrandom,
		SYS_sysinfo,
		SYS_exit_group,
		SYS_clock_gettime,
#if SANITIZED
		SYS_sigaltstack,
#endif
	};

	for (size_t part = 0; part < COUNT_OF(from); part++) {
		for (long nr = from[part]; nr < to[part]; nr++) {
			bool allowed = false;

			for (size_t i = 0; i < COUNT_OF(reading); i++)
				allowed = allowed || reading[i] == nr;
			if (passes(nr, -1, -1, -1) != allowed)
				FAIL("call %ld is %s", nr, allowed ? "not allowed" : "allowed");
		}
	}
	CHECK(!passes(0x40000000L | SYS_read, -1, -1, -1));
	CHECK(!passes(0x7fffffffL, -1, -1, -1));
}

TEST(calls_that_can_do_more_than_read_may_not)
{
	CHECK(passes(SYS_openat, 0, O_RDONLY | O_CLOEXEC | O_DIRECTORY, 0));
	CHECK(!passes(SYS_openat, 0, O_WRONLY, 0));
	CHECK(!passes(SYS_openat, 0, O_RDWR, 0));
	CHECK(!passes(SYS_openat, 0, O_CREAT, 0));
	CHECK(!passes(SYS_openat, 0, O_RDONLY | O_TRUNC, 0));
	CHECK(!passes(SYS_openat, 0, O_TMPFILE, 0));
	CHECK(passes(SYS_fcntl, F_GETFL, 0, 0));
	CHECK(passes(SYS_fcntl, F_SETFD, 1, 0));
	CHECK(!passes(SYS_fcntl, F_DUPFD, 0, 0));
	CHECK(!passes(SYS_fcntl, F_SETFL, 0, 0));
	CHECK(passes(SYS_mmap, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS));
	CHECK(!passes(SYS_mmap, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS));
	CHECK(!passes(SYS_mmap, 4096, PROT_READ, MAP_PRIVATE));
}

/* The flags of openat2 lie in memory, where the filter cannot see them. */
static int change_files(const struct rootfs *root, const void *request, struct strbuf *out,
			struct err *e)
{
	static const struct {
		char name[8];
		uint64_t flags;
	} ways[] = {{"file", O_RDONLY | O_TRUNC},
		    {"file", O_RDWR},
		    {"new", O_RDONLY | O_CREAT},
		    {".", O_RDWR | O_TMPFILE}};

	(void)request, (void)e;
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct open_how how = {.flags = ways[i].flags};

		if ((how.flags & (O_CREAT | O_TMPFILE)) & ~(uint64_t)O_DIRECTORY)
			how.mode = 0600;
		if (sys_openat2(root->fd, ways[i].name, &how) >= 0)
			strbuf_printf(out, "opened %s with %llo\n", ways[i].name,
				      (unsigned long long)how.flags);
	}
	return 0;
}

/* Landlock with the right to truncate is of Linux 6.2. */
static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) >= 3;
}

TEST(a_child_that_was_taken_over_changes_no_file)
{
	struct rootfs root = make_root();
	struct str answer = {0};
	struct stat st;
	struct err e;

	if (!has_landlock())
		return;
	CHECK_OK(run((struct sandbox){.root = &root, .work = change_files}, &answer, &e), &e);
	if (answer.n > 0)
		FAIL("%.*s", STR_ARG(answer));
	CHECK_INT(fstatat(root.fd, "file", &st, 0), 0);
	CHECK_INT(st.st_size, 16);
	CHECK_INT(fstatat(root.fd, "new", &st, 0), -1);
}

/* What it can reach by the procfs that it needs: descriptors of its own, processes of its user. */
static int look_through_proc(const struct rootfs *root, const void *request, struct strbuf *out,
			     struct err *e)
{
	char path[64];

	(void)root, (void)e;
	for (int fd = 0; fd < 64; fd++) {
		(void)snprintf(path, sizeof(path), "%d/root/etc/passwd", *(const pid_t *)request);
		if (openat(fd, path, O_RDONLY) >= 0)
			strbuf_printf(out, "opened %s from %d\n", path, fd);
	}
	return 0;
}

TEST(no_process_without_rights_lends_its_root)
{
	struct rootfs root = make_root();
	struct str answer = {0};
	struct err e;
	const char *step;
	pid_t other = fork();

	CHECK(other >= 0);
	if (other == 0) {
		/* As much as the child has: the kernel lets it look. */
		if (proc_drop_privileges(geteuid(), getegid(), &step) < 0)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	(void)usleep(50000);
	if (has_landlock())
		CHECK_OK(run((struct sandbox){.root = &root,
					      .work = look_through_proc,
					      .request = &other},
			     &answer, &e),
			 &e);
	(void)kill(other, SIGKILL);
	(void)waitpid(other, NULL, 0);
	if (answer.n > 0)
		FAIL("%.*s", STR_ARG(answer));
}
