/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <sys/stat.h>

#include "tree.h"

static void enter_scratch(void)
{
	(void)tree_enter();
	log_clear();
}

static const char *content(const char *path)
{
	static char text[4096];
	FILE *f = fopen(path, "re");
	size_t n;

	CHECK(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	(void)fclose(f);
	return text;
}

TEST(control_characters_cannot_forge_a_line_or_move_a_terminal)
{
	struct err e;

	enter_scratch();
	CHECK_OK(log_add_file("t", LOG_TEXT, &e), &e);
	CHECK_OK(log_add_file("j", LOG_JSON, &e), &e);
	log_error("a\"\\\n\x1b[m\xc2\x9bm\xc3\xa9");
	CHECK(strstr(content("t"), "msg=\"a\\\"\\\\\\n\\u001b[m\\u009bm\xc3\xa9\"\n"));
	CHECK(strstr(content("j"), "\"msg\":\"a\\\"\\\\\\n\\u001b[m\\u009bm\xc3\xa9\","));
}

TEST(a_link_of_another_user_is_not_written_through)
{
	struct err e;

	if (geteuid() != 0)
		return;
	enter_scratch();
	CHECK_INT(symlink("mine", "link"), 0);
	CHECK_OK(log_add_file("link", LOG_TEXT, &e), &e);
	CHECK_INT(symlink("victim", "theirs"), 0);
	CHECK_INT(lchown("theirs", 12345, 12345), 0);
	CHECK_INT(log_add_file("theirs", LOG_TEXT, &e), -EPERM);
	CHECK(strstr(e.text, "symbolic link of user 12345"));
	log_error("x");
	CHECK(strstr(content("mine"), "msg=\"x\""));
	CHECK_INT(access("victim", F_OK), -1);
}

TEST(links_of_procfs_lead_to_what_they_are)
{
	int ends[2];
	struct err e;
	char path[32], text[256] = "";

	enter_scratch();
	CHECK_INT(pipe(ends), 0);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[1]);
	CHECK_OK(log_add_file(path, LOG_TEXT, &e), &e);
	log_error("x");
	CHECK(read(ends[0], text, sizeof(text) - 1) > 0);
	CHECK(strstr(text, "msg=\"x\""));
}

TEST(a_fifo_that_nobody_reads_is_not_waited_for)
{
	struct err e;

	enter_scratch();
	CHECK_INT(mkfifo("fifo", 0600), 0);
	CHECK_INT(log_add_file("fifo", LOG_TEXT, &e), -ENXIO);
}
