/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "tree.h"

static struct arena a;
static struct err e;

static void enter_scratch(void)
{
	(void)tree_enter();
}

TEST(names_end_as_readers_want_them)
{
	static const struct {
		const char *given, *yaml, *json;
	} rows[] = {
		{"x", "x.yaml", "x.json"},
		{"x.yaml", "x.yaml", "x.yaml"},
		{"x.json", "x.json", "x.json"},
		{"x.yml", "x.yaml", "x.yaml"},
		{"x.conf", "x.conf.yaml", "x.conf.json"},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		CHECK_STR(cdi_file_name(&a, rows[i].given, CDI_FORMAT_YAML), rows[i].yaml);
		CHECK_STR(cdi_file_name(&a, rows[i].given, CDI_FORMAT_JSON), rows[i].json);
	}
}

TEST(a_file_that_is_so_already_is_not_touched)
{
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	struct stat st;

	enter_scratch();
	CHECK_INT(cdi_file_write("made/here/x.yaml", STR("a"), &e), 0);
	CHECK_INT(stat("made/here/x.yaml", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0644);

	CHECK_INT(utimensat(AT_FDCWD, "made/here/x.yaml", old, 0), 0);
	CHECK_INT(cdi_file_write("made/here/x.yaml", STR("a"), &e), 1);
	CHECK_INT(stat("made/here/x.yaml", &st), 0);
	CHECK_INT(st.st_mtim.tv_sec, 1);

	CHECK_INT(cdi_file_write("made/here/x.yaml", STR("b"), &e), 0);
	CHECK_INT(chmod("made/here/x.yaml", 0600), 0);
	CHECK_INT(cdi_file_write("made/here/x.yaml", STR("b"), &e), 0);
	CHECK_INT(stat("made/here/x.yaml", &st), 0);
	CHECK_INT(st.st_mode & 07777, 0644);
}

TEST(what_was_encoded_is_read_back_in_both_formats)
{
	const char *env[] = {"A=b"};
	struct cdi_device device[] = {{.name = "1:0", .edits = {.env = {env, 1, 1}}}};
	struct cdi_spec spec = {
		.version = "0.5.0", .kind = "acme.com/gpu", .devices = {device, 1, 1}};
	static const char *const names[] = {"x.yaml", "x.json"};

	enter_scratch();
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO(strbuf_done) struct strbuf text = {0};
		enum cdi_format format = CDI_FORMAT_YAML;
		struct cdi_spec back;
		struct json *doc;

		CHECK(cdi_file_format_of(names[i], &format));
		cdi_file_encode(&spec, format, &text);
		CHECK_INT(text.p[0], i == 0 ? '-' : '{');
		CHECK_OK(cdi_file_write(names[i], strbuf_str(&text), &e), &e);
		CHECK_OK(cdi_file_read(&a, names[i], &doc, &e), &e);
		CHECK_OK(cdi_spec_read(&a, doc, names[i], &back, &e), &e);
		CHECK_STR(back.devices.v[0].name, "1:0");
		CHECK_STR(back.devices.v[0].edits.env.v[0], "A=b");
	}
}

TEST(a_broken_file_is_named_with_the_line)
{
	struct json *doc;

	enter_scratch();
	CHECK_OK(fs_write_atomic("x.json", STR("{\n1}"), 0644, FS_NO_SYNC, &e), &e);
	CHECK_INT(cdi_file_read(&a, "x.json", &doc, &e), -EBADMSG);
	CHECK(strstr(e.text, "x.json:2:"));
	CHECK_OK(fs_write_atomic("x.yaml", STR("a: b\n  c: d\n"), 0644, FS_NO_SYNC, &e), &e);
	CHECK_INT(cdi_file_read(&a, "x.yaml", &doc, &e), -EBADMSG);
	CHECK(strstr(e.text, "x.yaml:2:"));
}
