/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-reader.h"

#include "test.h"

static struct arena a;
static struct err e;
static struct cdi_reader reader;

static int parse(const char *one, const char *two)
{
	const char *v[] = {one, two};
	struct strv list = {v, two ? 2 : 1, 2};

	return cdi_reader_parse(&a, &list, &reader, &e);
}

TEST(releases_of_engines_map_to_the_version_that_they_read)
{
	static const struct {
		const char *text, *version;
	} rows[] = {
		{"podman=4.3.1", "0.5.0"},	{"podman=4.9.3", "0.6.0"},
		{"podman=5.0.3", "0.6.0"},	{"podman=5.2", "0.7.0"},
		{"podman=v99", "0.8.0"},	{"docker=25.0.5", "0.6.0"},
		{"docker=28.3.0", "1.0.0"},	{"containerd=1.7.13", "0.5.0"},
		{"containerd=1.7.29", "0.7.0"}, {"containerd=2.1.4", "1.0.0"},
		{"cri-o=1.30.2", "0.6.0"},	{"crio=1.33", "0.8.0"},
		{"cdi=0.6.0", "0.6.0"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CHECK_OK(parse(rows[i].text, NULL), &e);
		CHECK_STR(reader.version, rows[i].version);
	}
}

TEST(the_least_capable_of_several_counts)
{
	CHECK_OK(parse("docker=28.3", "podman=4.9.3"), &e);
	CHECK_STR(reader.who, "podman 4.9.3");
	CHECK_STR(reader.version, "0.6.0");
}

TEST(without_an_engine_every_version_is_read)
{
	struct strv none = {0};

	CHECK_OK(cdi_reader_parse(&a, &none, &reader, &e), &e);
	CHECK(!reader.who);
	CHECK(cdi_reader_knows(&reader, "1.1.0"));
}

TEST(what_is_not_an_engine_and_a_version_is_refused)
{
	CHECK_INT(parse("podman", NULL), -EINVAL);
	CHECK_INT(parse("podman=new", NULL), -EINVAL);
	CHECK_INT(parse("pdoman=4.9", NULL), -EINVAL);
	CHECK_STR(e.text, "--for: unknown engine \"pdoman\", did you mean \"podman\"?");
	CHECK_INT(parse("lxc=5", NULL), -EINVAL);
	CHECK_INT(parse("cdi=0.9.0", NULL), -EINVAL);
	CHECK_INT(parse("docker=20.10.24", NULL), -EOPNOTSUPP);
	CHECK_STR(e.text, "docker 20.10.24 reads no CDI files: 25.0 is the first that does");
}

TEST(groups_and_annotations_are_left_out_for_readers_that_do_not_know_them)
{
	uint32_t gid[] = {44};
	struct cdi_annotation annotation[] = {{"k", "v"}};
	const char *env[] = {"A=b"};
	struct cdi_device device[] = {{.name = "gpu0",
				       .annotations = {annotation, 1, 1},
				       .edits = {.env = {env, 1, 1}, .gids = {gid, 1, 1}}}};
	struct cdi_spec spec = {.kind = "nvidia.com/gpu",
				.devices = {device, 1, 1},
				.edits = {.gids = {gid, 1, 1}}};

	CHECK_OK(parse("podman=5.2", NULL), &e);
	CHECK_OK(cdi_reader_fit(&reader, &spec, &e), &e);
	CHECK_STR(spec.version, "0.7.0");
	CHECK_INT(spec.edits.gids.n, 1);

	CHECK_OK(parse("podman=4.9.3", NULL), &e);
	CHECK_OK(cdi_reader_fit(&reader, &spec, &e), &e);
	CHECK_STR(spec.version, "0.6.0");
	CHECK_INT(spec.edits.gids.n + device[0].edits.gids.n, 0);
	CHECK_INT(device[0].annotations.n, 1);

	CHECK_OK(parse("podman=4.2", NULL), &e);
	CHECK_OK(cdi_reader_fit(&reader, &spec, &e), &e);
	CHECK_STR(spec.version, "0.3.0");
	CHECK_INT(device[0].annotations.n, 0);
}

TEST(what_cannot_be_left_out_is_an_error_that_says_what_to_do)
{
	const char *env[] = {"A=b"};
	struct cdi_device device[] = {{.name = "0", .edits = {.env = {env, 1, 1}}}};
	struct cdi_spec spec = {.kind = "nvidia.com/gpu", .devices = {device, 1, 1}};

	CHECK_OK(parse("podman=4.1.1", NULL), &e);
	CHECK_INT(cdi_reader_fit(&reader, &spec, &e), -EOPNOTSUPP);
	CHECK(strstr(e.text, "podman 4.1.1 reads CDI files up to 0.3.0"));
	CHECK(strstr(e.text, "--device-name-strategy=uuid"));
}

TEST(fields_have_the_version_that_brought_them)
{
	CHECK_STR(cdi_reader_version_of(STR("additionalGids"), STR("containerEdits")), "0.7.0");
	CHECK_STR(cdi_reader_version_of(STR("ADDITIONALGIDS"), STR("")), "0.7.0");
	CHECK_STR(cdi_reader_version_of(STR("hostPath"), STR("deviceNodes")), "0.5.0");
	CHECK(!cdi_reader_version_of(STR("hostPath"), STR("mounts")));
	CHECK(!cdi_reader_version_of(STR("type"), STR("deviceNodes")));
}
