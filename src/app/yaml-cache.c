/* SPDX-License-Identifier: Apache-2.0 */
#include "app/yaml-cache.h"

#include <errno.h>

#include "app/self.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/str.h"
#include "nv/fingerprint.h"

#define JSON_MAX    ((size_t)16 << 20)
#define DEADLINE_NS (10ull * 1000 * 1000 * 1000)
#define SYSTEM_DIR  "/run/nvidia-container-toolkit"

static const struct json_limits limits = {
	.max_size = JSON_MAX, .max_string = 1u << 20, .max_nodes = 1000000, .max_depth = 32};

/* Where answers are kept, or NULL. */
static const char *cache_dir(struct arena *a)
{
	const char *home = secure_getenv("XDG_RUNTIME_DIR");

	if (geteuid() == 0)
		return SYSTEM_DIR;
	return home && home[0] == '/' ? arena_printf(a, "%s/nvidia-container-toolkit", home) : NULL;
}

/* FNV-1a: two specs with one hash are told apart by the line that a kept file begins with. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h;
}

/*
 * The line: format, what the spec holds, its path. Times and inode numbers would not do: the file
 * may have been replaced since it was read, and the answer would stand for the new one for ever.
 * Paths with a newline are not kept.
 */
static const char *identity(struct arena *a, struct str text, const char *path)
{
	char digest[NV_DIGEST_SIZE];
	struct nv_digest d;

	if (strchr(path, '\n'))
		return NULL;
	nv_digest_init(&d);
	nv_digest_add(&d, text.p, text.n);
	nv_digest_print(&d, digest);
	return arena_printf(a, "2 %zu %s %s\n", text.n, digest, path);
}

/* Whether the kept answer is still the answer: 1 and the tree, or 0. */
static int read_kept(struct arena *a, const char *kept, const char *id, const char *path,
		     struct json **ret)
{
	struct str text;
	struct err bad;

	if (fs_read(a, kept, JSON_MAX, &text, NULL) < 0 || !str_has_prefix(text, id))
		return 0;
	if (fs_check_trusted(kept, &bad) < 0) {
		log_warn("%s", bad.text);
		return 0;
	}
	text = str_sub(text, strlen(id), text.n);
	return json_parse(a, text, path, &limits, ret, NULL) == 0;
}

static void keep(const char *kept, const char *id, struct str json)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	auto_free char *dir = mem_strdup(kept);
	struct err bad;

	*strrchr(dir, '/') = '\0';
	strbuf_adds(&text, id);
	strbuf_add(&text, json);
	if (fs_mkdir_p(dir, 0755, &bad) < 0 ||
	    fs_write_atomic(kept, strbuf_str(&text), 0644, FS_NO_SYNC, &bad) < 0)
		log_debug("%s", bad.text);
}

/* The last line that the program wrote, its name and time before the words left out. */
static struct str last_line(struct str text)
{
	struct str rest = str_trim(text), line = rest;

	while (str_split(&rest, '\n', &line))
		;
	return line;
}

static int convert(struct arena *a, struct str text, const char *path, struct str *ret,
		   struct err *e)
{
	const char *program;
	struct proc_result result;
	int r = self_program(a, "nvidia-ctk", &program, e);
	const char *const argv[] = {"nvidia-ctk", "cdi", "to-json", path, NULL};
	struct proc_options o = {
		.argv = argv, .input = text, .deadline_ns = DEADLINE_NS, .max_output = JSON_MAX};

	if (r < 0)
		return err_in(e, r, "%s is YAML, which nvidia-ctk reads", path);
	o.path = program;
	r = proc_run(a, &o, &result, e);
	if (r < 0)
		return err_in(e, r, "read %s by nvidia-ctk", path);
	if (result.status != 0) {
		struct str words = last_line(result.err);

		return err_set(e, EBADMSG, "read %s by nvidia-ctk: %.*s", path, STR_ARG(words));
	}
	*ret = result.out;
	return 0;
}

int yaml_cache_read(struct arena *a, struct str text, const char *path, struct json **ret,
		    struct err *e)
{
	const char *dir = cache_dir(a), *id = dir ? identity(a, text, path) : NULL;
	const char *kept =
		id ? arena_printf(a, "%s/cdi-%016llx.json", dir, (unsigned long long)hash(path))
		   : NULL;
	struct str json = {0};
	int r;

	if (kept && read_kept(a, kept, id, path, ret))
		return 0;
	r = convert(a, text, path, &json, e);
	if (r == 0)
		r = json_parse(a, json, path, &limits, ret, e);
	if (r == 0 && kept)
		keep(kept, id, json);
	return r;
}
