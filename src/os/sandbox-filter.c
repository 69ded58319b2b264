/* SPDX-License-Identifier: Apache-2.0 */
#include "os/sandbox-filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "no system call numbers for this machine"
#endif

/* What x32 programs add to their numbers: the same calls by another name. */
#define X32_BIT 0x40000000u

/* What a tracer makes of a call that it cancels; the kernel answers ENOSYS. */
#define NO_CALL 0xffffffffu

/* The low half of an argument: every flag looked at here lies in it (little-endian). */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + (n) * sizeof(__u64))

#define KILL	  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
#define PASS	  BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(at)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define ALLOW(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), PASS

/* Allowed when argument n has none of the bits; 4 instructions are skipped for other calls. */
#define ALLOW_WITHOUT(nr, n, bits)                                                                 \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 4), LOAD(ARGUMENT(n)),                        \
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (bits), 0, 1), KILL, PASS

#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY))

/*
 * openat2 passes its flags in memory, where no filter can see them: what it
 * opens for writing still cannot be written to, because no call that writes is
 * here. mmap is for the allocator: memory of its own, never code, never a file.
 */
static const struct sock_filter filter[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 1, 0),
	KILL,
	LOAD(offsetof(struct seccomp_data, nr)),
	ALLOW(NO_CALL),
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
	KILL,
	ALLOW(SYS_openat2),
	ALLOW(SYS_fstat),
	ALLOW(SYS_fstatfs), /* rootfs_walk(), for links of procfs */
	ALLOW(SYS_pread64),
	ALLOW(SYS_close),
	ALLOW(SYS_read),
	ALLOW(SYS_readlinkat),
	ALLOW(SYS_getdents64),
	ALLOW(SYS_newfstatat),
	ALLOW(SYS_statx),
	ALLOW(SYS_lseek),
	ALLOW(SYS_brk),
	ALLOW(SYS_munmap),
	ALLOW(SYS_mremap),
	ALLOW(SYS_madvise),
	ALLOW(SYS_getrandom),
	ALLOW(SYS_sysinfo), /* glibc's qsort() */
	ALLOW(SYS_clock_gettime),
	ALLOW(SYS_exit_group),
#if SANITIZED
	ALLOW(SYS_sigaltstack),
#endif
	ALLOW_WITHOUT(SYS_openat, 2, WRITING),
	/* What fdopendir() asks for and sets. */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fcntl, 0, 5),
	LOAD(ARGUMENT(1)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_GETFL, 2, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, F_SETFD, 1, 0),
	KILL,
	PASS,
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 6),
	LOAD(ARGUMENT(2)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 2, 0),
	LOAD(ARGUMENT(3)),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 1, 0),
	KILL,
	PASS,
	KILL,
};

int sandbox_filter(void)
{
	struct sock_fprog program = {
		.len = COUNT_OF(filter),
		/* The kernel copies it. */
		.filter = (struct sock_filter *)(uintptr_t)filter,
	};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

/* Of Linux 6.2. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define READING (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)

/* All rights of Linux 5.13. */
#define ALL_RIGHTS ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static int new_ruleset(uint64_t rights)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = rights};

	return (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
}

/*
 * openat2 could create and truncate; and the procfs that the child needs has the root of every
 * process in it that has no more rights than the child.
 */
void sandbox_files(int root)
{
	const struct landlock_path_beneath_attr rule = {.allowed_access = READING,
							.parent_fd = root};
	auto_close int rules = new_ruleset(ALL_RIGHTS | LANDLOCK_ACCESS_FS_TRUNCATE);

	if (rules < 0 && errno == EINVAL)
		rules = new_ruleset(ALL_RIGHTS);
	if (rules >= 0 &&
	    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0)
		(void)syscall(SYS_landlock_restrict_self, rules, 0);
}
