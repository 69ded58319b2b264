/* SPDX-License-Identifier: Apache-2.0 */
#include "image.h"

#include "ctr/ldconf.h"

static struct arena arena;

/* The directories with blanks between, and "|" where the driver's come. */
static const char *dirs(const struct container *c)
{
	static struct strbuf b;
	struct ldconf conf;

	strbuf_reset(&b);
	strbuf_adds(&b, "");
	ldconf_read(&arena, &c->root, &conf);
	for (size_t i = 0; i <= conf.dirs.n; i++) {
		if (i == conf.driver_at)
			strbuf_adds(&b, "| ");
		if (i < conf.dirs.n)
			strbuf_printf(&b, "%s ", conf.dirs.v[i]);
	}
	return b.p;
}

static size_t notes(const struct container *c, const char *part)
{
	struct ldconf conf;
	size_t n = 0;

	ldconf_read(&arena, &c->root, &conf);
	for (size_t i = 0; i < conf.notes.n; i++)
		n += strstr(conf.notes.v[i], part) != NULL;
	return n;
}

TEST(an_image_without_configuration_names_no_directory)
{
	struct container c = image_enter();
	struct ldconf conf;

	CHECK_STR(dirs(&c), "| ");
	ldconf_read(&arena, &c.root, &conf);
	CHECK(!conf.exists);
	CHECK_INT(conf.notes.n, 0);
}

TEST(lines_are_read_by_the_rules_of_ldconfig)
{
	struct container c = image_enter();

	image_file("/etc/ld.so.conf", "# a comment\n\n  /opt/a/  # behind\n\t/opt//b\n"
				      "/opt/c=libc5\nhwcap 0 nosegneg\nrelative\n/last");
	CHECK_STR(dirs(&c), "| /opt/a /opt/b /opt/c /last ");
	CHECK_INT(notes(&c, "\"relative\" is not a directory's absolute path"), 1);
}

TEST(includes_are_sorted_and_the_drivers_file_has_its_place)
{
	struct container c = image_enter();

	image_file("/etc/ld.so.conf", "/first\ninclude ld.so.conf.d/*.conf\n/last\n");
	image_file("/etc/ld.so.conf.d/00-compat.conf", "/compat\n");
	image_file("/etc/ld.so.conf.d/zz.conf", "/zz\n");
	image_file("/etc/ld.so.conf.d/libc.conf", "/usr/local/lib\n");
	image_file("/etc/ld.so.conf.d/not-a-conf", "/never\n");
	image_file("/etc/ld.so.conf.d/.hidden.conf", "/never\n");
	CHECK_STR(dirs(&c), "/first /compat | /usr/local/lib /zz /last ");
	/* What an earlier start wrote there is not the image's. */
	image_file("/etc/ld.so.conf.d/00-nvcr.conf", "/old/driver\n");
	CHECK_STR(dirs(&c), "/first /compat | /usr/local/lib /zz /last ");
}

TEST(patterns_may_stand_in_any_component)
{
	struct container c = image_enter();

	image_file("/etc/ld.so.conf", "include /opt/*/conf/[ab].conf /etc/none/*.conf\n");
	image_file("/opt/y/conf/b.conf", "/y/b\n");
	image_file("/opt/x/conf/a.conf", "/x/a\n");
	image_file("/opt/x/conf/c.conf", "/x/c\n");
	CHECK_STR(dirs(&c), "| /x/a /y/b ");
}

TEST(links_are_followed_inside_the_image_only)
{
	struct container c = image_enter();

	image_file("/etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n");
	image_link("../../../../../../can", "/etc/ld.so.conf.d");
	CHECK_STR(dirs(&c), "| ");
	image_file("/can/x.conf", "/inside\n");
	CHECK_STR(dirs(&c), "| /inside ");
	image_check_canary();
}

TEST(includes_that_lead_in_a_circle_end)
{
	struct container c = image_enter();

	image_file("/etc/ld.so.conf", "/a\ninclude /etc/ld.so.conf /etc/ld.so.conf\n");
	CHECK(notes(&c, "includes more than 8 deep") > 0);
	CHECK_INT(notes(&c, "more than 256 files"), 0);
	image_file("/etc/ld.so.conf", "include /etc/ld.so.conf /etc/ld.so.conf /etc/ld.so.conf\n");
	CHECK_INT(notes(&c, "more than 256 files"), 1);
}

TEST(what_is_no_file_is_left_out_without_waiting_for_it)
{
	struct container c = image_enter();

	image_file("/etc/ld.so.conf", "include /etc/d/*.conf\n/after\n");
	CHECK_INT(mkfifo(image_path("/etc/d/fifo.conf"), 0644), 0);
	CHECK_INT(mkdir(image_path("/etc/d/dir.conf"), 0755), 0);
	image_link("loop.conf", "/etc/d/loop.conf");
	CHECK_STR(dirs(&c), "| /after ");
	CHECK_INT(notes(&c, "is not a regular file"), 2);
}

TEST(a_file_beyond_1_mib_is_left_out)
{
	struct container c = image_enter();

	image_file("/etc/ld.so.conf", "/a\n");
	CHECK_INT(truncate(image_path("/etc/ld.so.conf"), (1 << 20) + 1), 0);
	CHECK_STR(dirs(&c), "| ");
	CHECK_INT(notes(&c, "larger than"), 1);
}

TEST(names_that_would_break_a_configuration_are_refused)
{
	static const char *const bad[] = {"",	  "lib",  "/a\nb",  "/a#b",
					  "/a=b", "/a:b", "/a\x7f", "/a "};

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		CHECK(!ldconf_is_name(bad[i]));
	CHECK(ldconf_is_name("/usr/lib/x86_64-linux-gnu"));
	CHECK(ldconf_is_name("/opt/with blank/\xc3\xa4"));
}
