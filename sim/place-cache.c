/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/path.h"
#include "codec/elf.h"
#include "codec/ldcache.h"
#include "place.h"

enum { MAX_CACHE = 64 << 20 };

/* What ldconfig says of an entry: the architecture of the library. */
static uint32_t flags_of(const struct elf_facts *facts)
{
	static const struct {
		enum elf_machine machine;
		uint32_t arch;
	} table[] = {{ELF_X86_64, LDCACHE_ARCH_X86_64},
		     {ELF_AARCH64, LDCACHE_ARCH_AARCH64},
		     {ELF_ARM, LDCACHE_ARCH_ARM_HF},
		     {ELF_I386, LDCACHE_ARCH_I386}};

	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (facts->machine == table[i].machine)
			return LDCACHE_LIBC6 | table[i].arch;
	return LDCACHE_LIBC6;
}

static int read_bytes(void *context, uint64_t offset, void *to, size_t n)
{
	const struct str *bytes = context;

	if (offset > bytes->n || n > bytes->n - offset)
		return -ENODATA;
	memcpy(to, bytes->p + offset, n);
	return 0;
}

static const struct content_item *find_item(const struct content *content, const char *path)
{
	for (size_t i = 0; i < content->n; i++)
		if (strcmp(content->v[i].path, path) == 0)
			return &content->v[i];
	return NULL;
}

/* The file behind a name in a directory of libraries, through its links; NULL: not ours. */
static const struct content_item *resolve(const struct content *content,
					  const struct content_item *item)
{
	auto_free char *dir = path_dir(item->path);

	for (int depth = 0; item && item->kind == CONTENT_LINK && depth < 8; depth++) {
		auto_free char *target = mem_dup(item->data.p, item->data.n);
		auto_free char *next = path_join(dir, target);

		item = find_item(content, next);
	}
	return item && item->kind == CONTENT_FILE ? item : NULL;
}

/* ldconfig looks into the directories themselves, not below them. */
static bool is_searched(const char *path, const char *driver_root)
{
	static const char directories[][32] = {
		"/usr/lib/x86_64-linux-gnu",
		"/usr/lib/aarch64-linux-gnu",
		"/usr/lib/i386-linux-gnu",
		"/usr/lib/arm-linux-gnueabihf",
		"/usr/lib64",
		"/usr/lib",
		"/usr/local/nvidia/lib64",
	};
	auto_free char *dir = path_dir(path_strip_root(path, driver_root));

	if (!path_is_below(path, driver_root) || strncmp(path_base(path), "lib", 3) != 0 ||
	    !strstr(path_base(path), ".so"))
		return false;
	for (size_t i = 0; i < COUNT_OF(directories); i++)
		if (strcmp(dir, directories[i]) == 0)
			return true;
	return false;
}

/*
 * Debian's ldconfig comes to /lib/x86_64-linux-gnu first, and where /lib is a link
 * into /usr that is the name it writes down.
 */
static const char *listed_path(struct arena *a, const char *path, const char *driver_root)
{
	auto_free char *lib = path_join(driver_root, "/lib");
	const char *inside = path_strip_root(path, driver_root);
	struct stat st;

	if (str_has_prefix(str_of(inside), "/usr/lib/") && strstr(inside, "-linux-gnu") &&
	    lstat(lib, &st) == 0 && S_ISLNK(st.st_mode))
		inside += strlen("/usr");
	return arena_strdup(a, inside);
}

/*
 * ldconfig lists a library by its SONAME, from the link of that name when there
 * is one, and development links by their own name.
 */
static void add_library(struct arena *a, const struct content *content,
			const struct content_item *item, const char *driver_root,
			struct ldcache *cache)
{
	const struct content_item *file = resolve(content, item);
	const char *name = path_base(item->path);
	struct elf_source source;
	struct elf_facts facts;
	struct ldcache_entry entry = {0};

	if (!file || !is_searched(item->path, driver_root))
		return;
	source = (struct elf_source){read_bytes, (void *)&file->data, file->path};
	if (elf_read(a, &source, &facts, NULL) < 0 || !facts.soname)
		return;
	if (strcmp(name, facts.soname) != 0 && !str_has_suffix(str_of(name), ".so"))
		return;
	entry.flags = flags_of(&facts);
	entry.soname = name;
	entry.path = listed_path(a, item->path, driver_root);
	arena_push(a, cache, entry);
}

static bool is_ours(const struct content *content, const char *path)
{
	const struct content_item *item = find_item(content, path);

	return item && item->kind != CONTENT_DIR;
}

int place_loader_cache(struct arena *a, const struct content *content, const char *driver_root,
		       struct err *e)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	auto_free char *path = path_join(driver_root, "/etc/ld.so.cache");
	struct ldcache old = {0}, cache = {0};
	struct str bytes;
	int ret = fs_read(a, path, MAX_CACHE, &bytes, e);

	if (ret == 0)
		ret = ldcache_parse(a, bytes, path, &old, e);
	/* An image without a cache gets one that holds the driver alone. */
	if (ret < 0 && ret != -ENOENT)
		return ret;
	for (size_t i = 0; i < old.n; i++) {
		auto_free char *file = path_join(driver_root, old.v[i].path);

		if (!is_ours(content, file) && access(file, F_OK) == 0)
			arena_push(a, &cache, old.v[i]);
	}
	for (size_t i = 0; i < content->n; i++)
		add_library(a, content, &content->v[i], driver_root, &cache);
	ldcache_write(&cache, &out);
	return fs_write_atomic(path, strbuf_str(&out), 0644, FS_NO_SYNC, e);
}
