/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-reader.h"

#include <errno.h>

#include "base/cli.h"
#include "codec/semver.h"

/* The CDI version that an engine reads from a release on, up to its next row. */
struct release {
	char since[8];
	char reads[8];
};

#define MAX_RELEASES 5

static const struct {
	char name[12];
	struct release releases[MAX_RELEASES];
} table[] = {
	{"podman",
	 {{"4.1", "0.3.0"},
	  {"4.3", "0.5.0"},
	  {"4.8", "0.6.0"},
	  {"5.1", "0.7.0"},
	  {"5.3", "0.8.0"}}},
	{"docker", {{"25.0", "0.6.0"}, {"27.0", "0.7.0"}, {"27.4", "0.8.0"}, {"28.2", "1.0.0"}}},
	{"containerd",
	 {{"1.7", "0.5.0"},
	  {"1.7.17", "0.7.0"},
	  {"2.0", "0.8.0"},
	  {"2.1", "1.0.0"},
	  {"2.2.2", "1.1.0"}}},
	{"cri-o",
	 {{"1.23", "0.3.0"},
	  {"1.27", "0.5.0"},
	  {"1.29", "0.6.0"},
	  {"1.31", "0.7.0"},
	  {"1.33", "0.8.0"}}},
};

#define NEWEST "1.1.0"

static const char cdi_versions[][8] = {"0.3.0", "0.4.0", "0.5.0", "0.6.0",
				       "0.7.0", "0.8.0", "1.0.0", NEWEST};

static int compare(const char *a, const char *b)
{
	struct version x = {0}, y = {0};

	if (version_parse(str_of(a), &x) < 0 || version_parse(str_of(b), &y) < 0)
		return strcmp(a, b);
	return version_cmp(&x, &y);
}

static int unknown_engine(struct str engine, struct err *e)
{
	static const char names[] = "podman docker containerd cri-o cdi";
	struct cli_guess guess = {.word = engine};

	cli_guess_names(&guess, names);
	if (guess.best.n > 0)
		return err_set(e, EINVAL, "--for: unknown engine \"%.*s\", did you mean \"%.*s\"?",
			       STR_ARG(engine), STR_ARG(guess.best));
	return err_set(e, EINVAL, "--for: unknown engine \"%.*s\" (known: %s)", STR_ARG(engine),
		       names);
}

static int find_cdi_version(struct str text, const char **ret, struct err *e)
{
	for (size_t i = 0; i < COUNT_OF(cdi_versions); i++) {
		if (str_is(text, cdi_versions[i])) {
			*ret = cdi_versions[i];
			return 0;
		}
	}
	return err_set(e, EINVAL, "--for: cdi=%.*s is no CDI version (0.3.0 to " NEWEST ")",
		       STR_ARG(text));
}

static const struct release *releases_of(struct str engine)
{
	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (str_is(engine, table[i].name))
			return table[i].releases;
	return NULL;
}

static int find_release(struct str engine, const struct version *version, struct str text,
			const char **ret, struct err *e)
{
	const struct release *releases = releases_of(engine), *last = NULL;

	if (!releases)
		return unknown_engine(engine, e);
	for (size_t i = 0; i < MAX_RELEASES && releases[i].since[0]; i++) {
		struct version since;

		if (version_parse(str_of(releases[i].since), &since) == 0 &&
		    version_cmp(&since, version) <= 0)
			last = &releases[i];
	}
	if (!last)
		return err_set(e, EOPNOTSUPP,
			       "%.*s %.*s reads no CDI files: %s is the first that does",
			       STR_ARG(engine), STR_ARG(text), releases[0].since);
	*ret = last->reads;
	return 0;
}

static int parse_one(struct arena *a, struct str text, struct cdi_reader *ret, struct err *e)
{
	size_t equals = str_find(text, '=');
	struct str engine = str_sub(text, 0, equals), number = str_sub(text, equals + 1, text.n);
	struct version version;
	int r;

	if (equals == text.n)
		return err_set(e, EINVAL,
			       "--for: \"%.*s\" is not ENGINE=VERSION, as in podman=4.9.3",
			       STR_ARG(text));
	if (version_parse(number, &version) < 0)
		return err_set(e, EINVAL, "--for: \"%.*s\" is not a version, as in podman=4.9.3",
			       STR_ARG(number));
	if (str_is(engine, "crio"))
		engine = STR("cri-o");
	if (str_is(engine, "cdi"))
		r = find_cdi_version(number, &ret->version, e);
	else
		r = find_release(engine, &version, number, &ret->version, e);
	if (r < 0)
		return r;
	ret->who = arena_printf(a, "%.*s %.*s", STR_ARG(engine), STR_ARG(number));
	ret->option = arena_printf(a, "--for=%.*s=%.*s", STR_ARG(engine), STR_ARG(number));
	return 0;
}

int cdi_reader_parse(struct arena *a, const struct strv *engines, struct cdi_reader *ret,
		     struct err *e)
{
	struct cdi_reader least = {.version = NEWEST};

	for (size_t i = 0; i < engines->n; i++) {
		struct cdi_reader one = {0};
		int r = parse_one(a, str_of(engines->v[i]), &one, e);

		if (r < 0)
			return r;
		if (!least.who || compare(one.version, least.version) < 0)
			least = one;
	}
	*ret = least;
	return 0;
}

bool cdi_reader_knows(const struct cdi_reader *r, const char *version)
{
	return compare(version, r->version) <= 0;
}

const char *cdi_reader_version_of(struct str key, struct str inside)
{
	static const struct {
		char key[16], inside[16], version[8];
	} fields[] = {
		{"type", "mounts", "0.4.0"},	   {"hostPath", "deviceNodes", "0.5.0"},
		{"annotations", "", "0.6.0"},	   {"additionalGids", "", "0.7.0"},
		{"intelRdt", "", "0.7.0"},	   {"netDevices", "", "1.1.0"},
		{"schemata", "intelRdt", "1.1.0"}, {"enableMonitoring", "intelRdt", "1.1.0"},
	};

	for (size_t i = 0; i < COUNT_OF(fields); i++)
		if (str_is_nocase(key, fields[i].key) &&
		    (!fields[i].inside[0] || str_is_nocase(inside, fields[i].inside)))
			return fields[i].version;
	return NULL;
}

static void leave_out(const struct cdi_reader *r, struct cdi_edits *edits)
{
	if (!cdi_reader_knows(r, "0.7.0"))
		edits->gids = (struct cdi_gids){0};
}

/* What makes a spec need at least 0.5.0 or 0.6.0 and cannot be left out. */
static const char *cure_for(const char *needed)
{
	if (strcmp(needed, "0.5.0") == 0)
		return "device names that begin with a digit or nodes under another root; name "
		       "devices with --device-name-strategy=uuid or type-index";
	if (strcmp(needed, "0.6.0") == 0)
		return "a class with a dot; choose another --class";
	return "its content";
}

int cdi_reader_fit(const struct cdi_reader *r, struct cdi_spec *spec, struct err *e)
{
	leave_out(r, &spec->edits);
	if (!cdi_reader_knows(r, "0.6.0"))
		spec->annotations = (struct cdi_annotations){0};
	for (size_t i = 0; i < spec->devices.n; i++) {
		leave_out(r, &spec->devices.v[i].edits);
		if (!cdi_reader_knows(r, "0.6.0"))
			spec->devices.v[i].annotations = (struct cdi_annotations){0};
	}
	spec->version = cdi_spec_minimum_version(spec);
	if (cdi_reader_knows(r, spec->version))
		return 0;
	return err_set(e, EOPNOTSUPP, "%s reads CDI files up to %s, %s needs %s for %s", r->who,
		       r->version, spec->kind, spec->version, cure_for(spec->version));
}
