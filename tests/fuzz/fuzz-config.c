/* SPDX-License-Identifier: Apache-2.0 */

/* config.toml: every key, also of wrong types. */

#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "fuzz.h"

static char *path;

static void remove_file(void)
{
	(void)unlink(path);
	free(path);
}

static void make_file(void)
{
	path = mem_printf("/dev/shm/fuzz-config.%d", (int)getpid());
	(void)atexit(remove_file);
	log_clear();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	AUTO(arena_done) struct arena a = {0};
	struct config c;
	struct err e;

	if (!path)
		make_file();
	if (fs_write_atomic(path, fuzz_input(data, n), 0644, FS_NO_SYNC, &e) < 0)
		abort();
	if (config_load(&a, path, &c, &e) < 0)
		return 0;
	FUZZ_CHECK(c.runtime.mode && c.runtime.log_level && c.supported_driver_capabilities);
	config_log_warnings(&c);
	return 0;
}
