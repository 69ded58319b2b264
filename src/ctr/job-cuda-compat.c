/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/path.h"
#include "codec/elf.h"
#include "codec/json.h"
#include "codec/semver.h"
#include "ctr/job.h"
#include "ctr/ldconf.h"
#include "os/sandbox.h"

#define DEFAULT_ROOT "/usr/local/cuda/compat"
#define LIBRARY	     "libcuda.so."

/* Before LDCONF_DRIVER: of two libcuda.so.1 the loader takes the one that was listed first. */
#define COMPAT_FILE LDCONF_DIR "/00-compat.conf"
#define FIRST_LINE  "# CUDA compatibility libraries, chosen when the container starts.\n"

enum { MAX_ENTRIES = 65536, MAX_NOTE = 64 * 1024, MAX_TEXT = 16 * 1024, SECONDS = 10 };

/* What the child is told; a version with no parts is not known. */
struct question {
	const char *dir;
	struct version host_driver, host_cuda;
};

/* What the image's library says about itself. */
struct library {
	const char *path;
	struct version version;
	bool has_note;
	bool lists_driver;   /* the note allows the host's driver */
	struct version cuda; /* the note's CUDA version */
};

/*
 * The child. It answers with lines: "use <directory>" when the libraries are
 * to be used, "note <text>" for the log.
 */
struct child {
	struct arena a;
	const struct rootfs *root;
	const struct question *question;
	struct strbuf *out;
};

static void child_done(struct child *c)
{
	arena_done(&c->a);
}

static void note(struct child *c, const char *text)
{
	strbuf_adds(c->out, "note ");
	strbuf_escape(c->out, str_of(text));
	strbuf_addc(c->out, '\n');
}

/* libcuda.so.X.Y: a real library, not one of the links to it. */
static bool is_versioned(struct str name)
{
	struct str version = str_sub(name, sizeof(LIBRARY) - 1, name.n);

	return str_has_prefix(name, LIBRARY) && str_find(version, '.') < version.n;
}

/* The one versioned libcuda of the directory: 1 with its path, 0 when there is none or no one. */
static int find_library(struct child *c, struct library *ret)
{
	auto_close int dir = rootfs_open_dir(c->root, c->question->dir, NULL);
	struct rootfs_entries entries = {0};
	const char *found = NULL;
	struct err e = {""};

	if (dir < 0)
		return 0; /* most images have none */
	if (rootfs_read_dir(&c->a, dir, MAX_ENTRIES, &entries, &e) < 0) {
		note(c, e.text);
		return 0;
	}
	for (size_t i = 0; i < entries.n; i++) {
		auto_close int fd = -1;

		if (!is_versioned(str_of(entries.v[i].name)))
			continue;
		fd = rootfs_open_entry(dir, entries.v[i].name, NULL);
		if (fd < 0)
			continue; /* a link or no file */
		if (found) {
			note(c, arena_printf(&c->a, "%s holds more than one libcuda: %s and %s",
					     c->question->dir, found, entries.v[i].name));
			return 0;
		}
		found = entries.v[i].name;
	}
	if (!found)
		return 0;
	ret->path = arena_printf(&c->a, "%s/%s", c->question->dir, found);
	if (version_parse(str_of(found + sizeof(LIBRARY) - 1), &ret->version) < 0)
		note(c, arena_printf(&c->a, "%s: its name does not end with a version", ret->path));
	return 1;
}

/* {"CUDA Version": "12.8", "Driver": [535, 550], ...}; -errno when it says something else. */
static int read_note(struct child *c, struct str text, struct library *l, struct err *e)
{
	static const struct json_limits limits = {
		.max_size = MAX_NOTE, .max_string = 4096, .max_nodes = 4096, .max_depth = 8};
	struct json *note_text = NULL;
	int r = json_parse(&c->a, text, l->path, &limits, &note_text, e);

	if (r < 0)
		return r;
	if (!json_is(note_text, JSON_OBJECT) || !json_is(json_get(note_text, "Driver"), JSON_ARRAY))
		return err_set(e, EBADMSG, "%s: its compatibility note lists no drivers", l->path);
	json_each (major, json_get(note_text, "Driver")) {
		uint64_t value;

		if (json_u64(major, &value) == 0 && c->question->host_driver.parts > 0 &&
		    value == c->question->host_driver.part[0])
			l->lists_driver = true;
	}
	/* Without one it cannot be compared with the host's. */
	(void)!version_parse(json_str(json_get(note_text, "CUDA Version")), &l->cuda);
	l->has_note = true;
	return 0;
}

static int read_library(struct child *c, struct library *l, struct err *e)
{
	static const struct elf_note_query query = {".note.cuda.fwd_compatibility",
						    "NVIDIA Corporation", MAX_NOTE};
	auto_close int fd = rootfs_open_file(c->root, l->path, e);
	struct elf_source src = elf_source_fd(&fd, l->path);
	struct str text = {0};
	int r;

	if (fd < 0)
		return fd;
	r = elf_note(&c->a, &src, &query, &text, e);
	return r <= 0 ? r : read_note(c, text, l, e);
}

static bool is_newer(const struct version *a, const struct version *than)
{
	return a->parts > 0 && than->parts > 0 && version_cmp(a, than) > 0;
}

/* ctk-cdi.md 5.5 */
static bool is_wanted(const struct question *q, const struct library *l)
{
	bool know_drivers = l->version.parts > 0 && q->host_driver.parts > 0;

	if (l->has_note && know_drivers)
		return l->lists_driver && is_newer(&l->version, &q->host_driver);
	if (l->has_note)
		return is_newer(&l->cuda, &q->host_cuda);
	return q->host_cuda.parts == 0 && know_drivers &&
	       l->version.part[0] > q->host_driver.part[0];
}

static int scan(const struct rootfs *root, const void *request, struct strbuf *out, struct err *e)
{
	AUTO(child_done)
	struct child c = {.root = root, .question = request, .out = out};
	struct library library = {0};
	auto_close int dir = -1;
	const char *name = NULL;
	struct err why = {""};

	if (find_library(&c, &library) == 0)
		return 0;
	if (read_library(&c, &library, &why) < 0) {
		note(&c, why.text);
		return 0;
	}
	if (!is_wanted(c.question, &library))
		return 0;
	/* The loader's configuration takes the directory itself, not a link to it. */
	dir = rootfs_resolve(root, c.question->dir, e);
	if (dir < 0)
		return dir;
	if (rootfs_path_of(&c.a, root, dir, &name, e) < 0)
		return -EBADMSG;
	strbuf_printf(out, "use %s\n", name);
	return 0;
}

/* The parent. */

static int set_version(const char *text, const char *what, struct version *ret)
{
	*ret = (struct version){0};
	if (!text || text[0] == '\0')
		return 0;
	if (version_parse(str_of(text), ret) < 0)
		log_warn("CUDA compatibility: the %s \"%s\" is not a version, ignored", what, text);
	return ret->parts > 0;
}

static int ask_child(struct arena *a, const struct container *c, const struct question *q,
		     const char **ret, struct err *e)
{
	struct sandbox s = {.root = &c->root,
			    .purpose = "look at the image's CUDA compatibility libraries",
			    .max_output = MAX_TEXT,
			    .deadline_ns = SECONDS * UINT64_C(1000000000),
			    .work = scan,
			    .request = q};
	struct str rest = {0}, line, word;
	int r = sandbox_run(a, &s, &rest, e);

	if (r < 0)
		return r;
	while (str_split(&rest, '\n', &line)) {
		if (line.n == 0)
			continue;
		(void)str_split(&line, ' ', &word);
		if (str_is(word, "note"))
			log_warn("CUDA compatibility: not used: %.*s", STR_ARG(line));
		else if (str_is(word, "use") && !*ret)
			*ret = arena_str(a, line);
		else
			return err_set(e, EBADMSG,
				       "%s: the child gave an answer that makes no "
				       "sense",
				       s.purpose);
	}
	return 0;
}

/* False when there is nothing; what cannot be looked up is the child's to judge. */
static bool is_there(const struct container *c, const char *dir)
{
	auto_close int fd = rootfs_resolve(&c->root, dir, NULL);

	return fd != -ENOENT;
}

/* Writes our file when it differs; without a directory, only what an earlier start left. */
static int write_file(struct arena *a, const struct container *c, const char *dir, struct err *e)
{
	const char *text = dir ? arena_printf(a, FIRST_LINE "%s\n", dir) : FIRST_LINE;
	struct str old = {0};
	bool exists = rootfs_read(a, &c->root, COMPAT_FILE, MAX_TEXT, &old, NULL) == 0;

	if (exists && str_is(old, text))
		return 0;
	if (!dir && (!exists || !str_has_prefix(old, FIRST_LINE)))
		return 0;
	return rootfs_write(&c->root, COMPAT_FILE, str_of(text), 0644, e);
}

int job_cuda_compat(const struct container *c, const struct job_compat *o, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	struct question q = {.dir = o->compat_root ? o->compat_root : DEFAULT_ROOT};
	int known = set_version(o->host_driver_version, "host's driver version", &q.host_driver);
	const char *dir = NULL;
	int r = 0;

	known += set_version(o->host_cuda_version, "host's CUDA version", &q.host_cuda);
	if (known == 0)
		return 0;
	if (!ldconf_is_name(q.dir))
		return err_set(
			e, EINVAL,
			"CUDA compatibility directory \"%s\" is not an absolute path without "
			"control bytes, #, = and :",
			q.dir);
	/* Most images have no such directory: that is told by a lookup, without a child. */
	if (is_there(c, q.dir))
		r = ask_child(&a, c, &q, &dir, e);
	if (r < 0)
		return err_in(e, r, "CUDA compatibility");
	/* A name that cannot be written down as it is cannot be used. */
	if (dir && !ldconf_is_name(dir)) {
		log_warn("CUDA compatibility: not used: the loader's configuration cannot name "
			 "the directory %s",
			 dir);
		dir = NULL;
	}
	r = write_file(&a, c, dir, e);
	return r < 0 ? err_in(e, r, "CUDA compatibility") : 0;
}
