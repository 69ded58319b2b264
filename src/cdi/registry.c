/* SPDX-License-Identifier: Apache-2.0 */
#include "cdi/registry.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/cli.h"
#include "base/fs.h"
#include "base/mem.h"

/* security.md 3.6 */
#define MAX_FILES     1024
#define MAX_FILE_SIZE (4u << 20)
#define MAX_TOTAL     (64u << 20)

/* How many names a message lists. */
#define MAX_SHOWN 8

static const struct json_limits limits = {
	.max_size = MAX_FILE_SIZE,
	.max_string = 1u << 20,
	.max_nodes = 1000000,
	.max_depth = 32,
	.free_map = "annotations",
};

struct loader {
	struct arena *a;
	cdi_yaml_reader *yaml;
	bool trusted;
	size_t files, total;
	struct cdi_registry *r;
};

static void add_problem(struct loader *l, const char *path, const char *text)
{
	struct cdi_problem problem = {path, arena_strdup(l->a, text)};

	arena_push(l->a, &l->r->problems, problem);
}

static int read_document(struct loader *l, const char *path, struct json **ret, struct err *e)
{
	struct str text = {0};
	int r;

	if (l->trusted) {
		r = fs_check_trusted(path, e);
		if (r < 0)
			return r;
	}
	r = fs_read(l->a, path, MAX_FILE_SIZE, &text, e);
	if (r < 0)
		return r;
	l->total += text.n;
	if (l->total > MAX_TOTAL)
		return err_set(e, EFBIG, "%s: the CDI specs together are larger than %u MiB", path,
			       MAX_TOTAL >> 20);
	if (str_has_suffix(str_of(path), ".json"))
		return json_parse(l->a, text, path, &limits, ret, e);
	if (!l->yaml)
		return err_set(e, EOPNOTSUPP,
			       "%s: YAML cannot be read here; write the spec as JSON", path);
	return l->yaml(l->a, text, path, ret, e);
}

static void load_file(struct loader *l, const char *path, size_t priority)
{
	struct cdi_spec spec = {0};
	struct json *doc = NULL;
	struct err e = {0};
	struct stat st;
	int r;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return;
	if (++l->files > MAX_FILES) {
		if (l->files == MAX_FILES + 1)
			add_problem(
				l, path,
				"more than 1024 CDI specs; this one and later ones are left out");
		return;
	}
	r = read_document(l, path, &doc, &e);
	if (r == 0)
		r = cdi_spec_read(l->a, doc, path, &spec, &e);
	if (r < 0) {
		add_problem(l, path, e.text);
		return;
	}
	arena_push(l->a, &l->r->specs, spec);
	arena_push(l->a, &l->r->priorities, priority);
}

static void load_directory(struct loader *l, const char *dir, size_t priority)
{
	struct strv names = {0};
	struct err e = {0};
	int r = fs_list(l->a, dir, (size_t)MAX_FILES * 16, &names, &e);

	if (r == -ENOENT)
		return;
	if (r < 0)
		add_problem(l, dir, e.text);
	for (size_t i = 0; i < names.n; i++) {
		struct str name = str_of(names.v[i]);

		if (str_has_suffix(name, ".json") || str_has_suffix(name, ".yaml"))
			load_file(l, arena_printf(l->a, "%s/%s", dir, names.v[i]), priority);
	}
}

int cdi_registry_load(struct arena *a, const struct strv *dirs, cdi_yaml_reader *yaml, bool trusted,
		      struct cdi_registry *ret, struct err *e)
{
	struct cdi_registry r = {0};
	struct loader l = {.a = a, .yaml = yaml, .trusted = trusted, .r = &r};

	(void)e;
	for (size_t i = 0; i < dirs->n; i++) {
		arena_push(a, &r.dirs, dirs->v[i]);
		load_directory(&l, dirs->v[i], i);
	}
	*ret = r;
	return 0;
}

/* Where a name is defined with the highest priority, and the second such place. */
struct definition {
	const struct cdi_spec *spec, *rival;
	const struct cdi_device *device;
	size_t priority;
};

static const struct cdi_device *find_device(const struct cdi_spec *s, struct str name)
{
	for (size_t i = 0; i < s->devices.n; i++)
		if (str_is(name, s->devices.v[i].name))
			return &s->devices.v[i];
	return NULL;
}

static struct definition find(const struct cdi_registry *r, const struct cdi_name *name)
{
	struct definition d = {0};

	for (size_t i = 0; i < r->specs.n; i++) {
		const struct cdi_spec *s = &r->specs.v[i];
		const struct cdi_device *device =
			str_is(name->kind, s->kind) ? find_device(s, name->device) : NULL;

		if (!device || (d.spec && r->priorities.v[i] < d.priority))
			continue;
		if (d.spec && r->priorities.v[i] == d.priority)
			d.rival = s;
		else
			d = (struct definition){s, NULL, device, r->priorities.v[i]};
	}
	return d;
}

struct entry {
	const char *name;
	size_t priority;
};

static int compare_entries(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;
	int r = strcmp(a->name, b->name);

	return r != 0 ? r : (a->priority < b->priority) - (a->priority > b->priority);
}

void cdi_registry_names(struct arena *a, const struct cdi_registry *r, struct strv *ret)
{
	struct VEC(struct entry) list = {0};
	struct strv names = {0};

	for (size_t i = 0; i < r->specs.n; i++) {
		const struct cdi_spec *s = &r->specs.v[i];

		for (size_t k = 0; k < s->devices.n; k++) {
			struct entry entry = {
				arena_printf(a, "%s=%s", s->kind, s->devices.v[k].name),
				r->priorities.v[i]};

			vec_push(&list, entry);
		}
	}
	if (list.n > 0)
		qsort(list.v, list.n, sizeof(*list.v), compare_entries);
	/* Of one name the highest priority comes first; two of it are a conflict. */
	for (size_t i = 0, next; i < list.n; i = next) {
		for (next = i + 1; next < list.n && strcmp(list.v[next].name, list.v[i].name) == 0;)
			next++;
		if (next == i + 1 || list.v[i + 1].priority != list.v[i].priority)
			arena_push(a, &names, list.v[i].name);
	}
	vec_done(&list);
	*ret = names;
}

static bool has_kind(const struct cdi_registry *r, struct str kind)
{
	for (size_t i = 0; i < r->specs.n; i++)
		if (str_is(kind, r->specs.v[i].kind))
			return true;
	return false;
}

/* "kind has 0, 1, all", the name that was perhaps meant, and which files have them. */
static void explain_device(const struct cdi_registry *r, const struct cdi_name *name,
			   struct strbuf *out)
{
	struct cli_guess guess = {.word = name->device};
	size_t shown = 0, left_out = 0;

	strbuf_printf(out, "no such device; %.*s has", STR_ARG(name->kind));
	for (size_t i = 0; i < r->specs.n; i++) {
		const struct cdi_spec *s = &r->specs.v[i];

		for (size_t k = 0; str_is(name->kind, s->kind) && k < s->devices.n; k++) {
			cli_guess_try(&guess, str_of(s->devices.v[k].name));
			if (shown < MAX_SHOWN)
				strbuf_printf(out, "%s %s", shown > 0 ? "," : "",
					      s->devices.v[k].name);
			else
				left_out++;
			shown++;
		}
	}
	if (left_out > 0)
		strbuf_printf(out, " and %zu more", left_out);
	if (guess.best.n > 0)
		strbuf_printf(out, " (did you mean %.*s?)", STR_ARG(guess.best));
}

static void explain_kind(const struct cdi_registry *r, const struct cdi_name *name,
			 struct strbuf *out)
{
	strbuf_printf(out, "no CDI spec for %.*s in", STR_ARG(name->kind));
	for (size_t i = 0; i < r->dirs.n; i++)
		strbuf_printf(out, "%s %s", i > 0 ? "," : "", r->dirs.v[i]);
	if (r->dirs.n == 0)
		strbuf_adds(out, " any directory (none is configured)");
	else if (r->problems.n == 0 && str_has_prefix(name->kind, "nvidia.com/"))
		strbuf_printf(out, " (nvidia-ctk cdi generate --output=%s/nvidia.yaml makes one)",
			      r->dirs.v[r->dirs.n - 1]);
}

static void explain(const struct cdi_registry *r, const char *name, struct strbuf *out)
{
	struct cdi_name parsed;
	struct definition d;

	if (cdi_name_parse(str_of(name), &parsed) < 0) {
		strbuf_adds(out, "not of the form vendor/class=device");
		return;
	}
	d = find(r, &parsed);
	if (d.rival)
		strbuf_printf(out, "defined by both %s and %s; remove one", d.spec->path,
			      d.rival->path);
	else if (has_kind(r, parsed.kind))
		explain_device(r, &parsed, out);
	else
		explain_kind(r, &parsed, out);
}

static bool resolves(const struct cdi_registry *r, const char *name, struct definition *ret)
{
	struct cdi_name parsed;

	if (cdi_name_parse(str_of(name), &parsed) < 0)
		return false;
	*ret = find(r, &parsed);
	return ret->spec && !ret->rival;
}

/* Names first, since a reader may stop there; then for each why, and the files that could not be
 * read. */
static int fail_unresolvable(const struct cdi_registry *r, const struct strv *names, struct err *e)
{
	AUTO(strbuf_done) struct strbuf list = {0}, why = {0};
	struct definition d;

	for (size_t i = 0; i < names->n; i++) {
		if (resolves(r, names->v[i], &d))
			continue;
		strbuf_printf(&list, "%s %s", list.n > 0 ? "," : "", names->v[i]);
		strbuf_printf(&why, "%s%s: ", why.n > 0 ? "; " : "", names->v[i]);
		explain(r, names->v[i], &why);
	}
	for (size_t i = 0; i < r->problems.n; i++)
		strbuf_printf(&why, "; not read: %s", r->problems.v[i].text);
	return err_set(e, ENOENT, "unresolvable CDI devices%s: %s", list.p, why.p);
}

static bool is_first(const struct cdi_founds *list, const struct cdi_spec *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].spec == s)
			return false;
	return true;
}

int cdi_registry_resolve(struct arena *a, const struct cdi_registry *r, const struct strv *names,
			 struct cdi_founds *ret, struct err *e)
{
	struct cdi_founds list = {0};
	struct definition d = {0};

	for (size_t i = 0; i < names->n; i++) {
		struct cdi_found found;

		if (!resolves(r, names->v[i], &d))
			return fail_unresolvable(r, names, e);
		found = (struct cdi_found){d.spec, d.device, is_first(&list, d.spec)};
		arena_push(a, &list, found);
	}
	*ret = list;
	return 0;
}

void cdi_found_edits(struct arena *a, const struct cdi_found *found, struct cdi_edits *to)
{
	if (found->first)
		cdi_edits_add(a, to, &found->spec->edits);
	cdi_edits_add(a, to, &found->device->edits);
}
