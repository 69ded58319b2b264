/* SPDX-License-Identifier: Apache-2.0 */

/* An image's ld.so.conf, and behind a byte 0xff a file of its ld.so.conf.d. */

#include "ctr/ldconf.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char lab[] = "/tmp/fuzz-ldconf.XXXXXX";
static struct rootfs root = ROOTFS_INIT;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static void remove_lab(void)
{
	(void)nftw(lab, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void make_lab(void)
{
	if (!mkdtemp(lab) || rootfs_open(lab, &root, NULL) < 0 ||
	    mkdirat(root.fd, "etc", 0755) < 0 || mkdirat(root.fd, "etc/ld.so.conf.d", 0755) < 0)
		abort();
	(void)atexit(remove_lab);
}

static void write_file(const char *path, struct str text)
{
	auto_close int fd = openat(root.fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct str rest = {(const char *)data, n}, first = {"", 0};
	struct ldconf conf;

	if (root.fd < 0)
		make_lab();
	(void)str_split(&rest, '\xff', &first);
	write_file("etc/ld.so.conf", first);
	write_file("etc/ld.so.conf.d/x.conf", rest.p ? rest : (struct str){"", 0});
	ldconf_read(&a, &root, &conf);
	if (!conf.exists || conf.driver_at > conf.dirs.n)
		__builtin_trap();
	/* Whatever was written there, only names come out that can be written again. */
	for (size_t i = 0; i < conf.dirs.n; i++)
		if (!ldconf_is_name(conf.dirs.v[i]))
			__builtin_trap();
	return 0;
}
