/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include "test.h"

TEST(the_text_is_set_once_and_context_goes_before_it)
{
	struct err e;

	errno = EACCES;
	CHECK_INT(err_sys(&e, "open %s", "/dev/nvidia2"), -EACCES);
	CHECK_INT(err_in(&e, -EACCES, "device %d", 2), -EACCES);
	CHECK_STR(e.text, "device 2: open /dev/nvidia2: Permission denied");
	CHECK_INT(err_set(NULL, EIO, "nobody listens"), -EIO);
}

TEST(long_texts_are_cut_and_terminated)
{
	char long_text[3000];
	struct err e;

	memset(long_text, 'x', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	CHECK_INT(err_set(&e, EIO, "%s", long_text), -EIO);
	CHECK_INT(strlen(e.text), sizeof(e.text) - 1);
	CHECK_INT(err_in(&e, -EIO, "%s", long_text), -EIO);
	CHECK_INT(strlen(e.text), sizeof(e.text) - 1);
	CHECK(strstr(e.text, "x: x"));
}
