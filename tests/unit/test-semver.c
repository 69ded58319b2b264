/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/str.h"
#include "codec/semver.h"

static const struct requirement_facts h100 = {.cuda = {"12.4", 4},
					      .driver = {"550.54.14", 9},
					      .arch = {"9.0", 3},
					      .brand = {"Nvidia", 6}};

static int order(const char *a, const char *b)
{
	struct version x, y;

	CHECK_INT(version_parse(str_of(a), &x), 0);
	CHECK_INT(version_parse(str_of(b), &y), 0);
	return version_cmp(&x, &y);
}

static int check(const char *expression, const struct requirement_facts *facts)
{
	struct err e = {""};
	int r = requirement_check(str_of(expression), facts, &e);

	CHECK((r < 0) == (e.text[0] != '\0'));
	return r;
}

TEST(versions_compare_by_number_and_missing_parts_are_zero)
{
	CHECK(order("580.159.04", "580.95.05") > 0);
	CHECK(order("9.10", "9.9") > 0);
	CHECK(order("12", "12.0.0") == 0);
	CHECK(order("v12.4", "12.04") == 0);
	CHECK(order("1.2.3.4", "1.2.3.5") < 0);
	CHECK(order("0", "0.0.0.1") < 0);
}

TEST(what_is_not_a_version_is_refused)
{
	static const char *const bad[] = {"",	  "v",	 "12.", ".4",	      "1..2",	"1.2.3.4.5",
					  "12.x", "12 ", "-1",	"4294967296", "1.2-rc1"};
	struct version v;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		CHECK_INT(version_parse(str_of(bad[i]), &v), -EINVAL);
}

TEST(each_comparison_means_what_it_says)
{
	CHECK_INT(check("driver=550.54.14", &h100), REQUIREMENT_MET);
	CHECK_INT(check("driver==550.54.14", &h100), REQUIREMENT_MET);
	CHECK_INT(check("driver=550", &h100), REQUIREMENT_NOT_MET);
	CHECK_INT(check("driver>550", &h100), REQUIREMENT_MET);
	CHECK_INT(check("driver<=550", &h100), REQUIREMENT_NOT_MET);
	CHECK_INT(check("driver!=550", &h100), REQUIREMENT_MET);
	CHECK_INT(check("cuda>=12.4", &h100), REQUIREMENT_MET);
	CHECK_INT(check("cuda>=12.10", &h100), REQUIREMENT_NOT_MET);
	CHECK_INT(check("cuda<13", &h100), REQUIREMENT_MET);
	CHECK_INT(check("arch=9", &h100), REQUIREMENT_MET);
}

TEST(names_and_brands_have_no_case)
{
	CHECK_INT(check("CUDA>=12", &h100), REQUIREMENT_MET);
	CHECK_INT(check("brand=nvidia", &h100), REQUIREMENT_MET);
	CHECK_INT(check("Brand!=NVIDIA", &h100), REQUIREMENT_NOT_MET);
	CHECK_INT(check("brand=tesla", &h100), REQUIREMENT_NOT_MET);
}

TEST(commas_bind_tighter_than_blanks)
{
	CHECK_INT(check("cuda>=99 brand=nvidia,driver>=470,driver<600", &h100), REQUIREMENT_MET);
	CHECK_INT(check("cuda>=99 brand=nvidia,driver>=470,driver<471", &h100),
		  REQUIREMENT_NOT_MET);
	CHECK_INT(check("  cuda>=12,,driver>1,  ", &h100), REQUIREMENT_MET);
	CHECK_INT(check("", &h100), REQUIREMENT_MET);
	CHECK_INT(check("   ", &h100), REQUIREMENT_MET);
}

TEST(what_is_not_known_is_neither_met_nor_failed)
{
	static const struct requirement_facts cuda_only = {.cuda = {"12.4", 4}};

	CHECK_INT(check("driver>=470", &cuda_only), REQUIREMENT_UNKNOWN);
	CHECK_INT(check("brand=tesla", &cuda_only), REQUIREMENT_UNKNOWN);
	CHECK_INT(check("csv-mounts=all", &h100), REQUIREMENT_UNKNOWN);
	/* Known parts still decide where they can. */
	CHECK_INT(check("driver>=470,cuda>=99", &cuda_only), REQUIREMENT_NOT_MET);
	CHECK_INT(check("driver>=470 cuda>=12", &cuda_only), REQUIREMENT_MET);
	CHECK_INT(check("driver>=470 cuda>=99", &cuda_only), REQUIREMENT_UNKNOWN);
}

TEST(a_bad_factor_is_quoted)
{
	static const char *const bad[] = {"cuda",    "cuda>=",	  ">=12",	"cuda=>12",
					  "cuda!12", "cuda>=12x", "brand<tesla"};
	struct err e;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		CHECK_INT(check(bad[i], &h100), -EINVAL);
	CHECK_INT(requirement_check(STR("cuda>=99 cuda>=\x1b[2J"), &h100, &e), -EINVAL);
	CHECK_STR(e.text, "requirement \"cuda>=\\x1b[2J\": the value is not a version: 1 to 4 "
			  "numbers between dots");
}

TEST(evaluation_ends_with_the_first_alternative_that_is_met)
{
	CHECK_INT(check("cuda>=12 nonsense", &h100), REQUIREMENT_MET);
	CHECK_INT(check("cuda>=99,nonsense", &h100), REQUIREMENT_NOT_MET);
	CHECK_INT(check("cuda>=99 nonsense", &h100), -EINVAL);
}

TEST(more_than_256_conditions_are_refused)
{
	char text[257 * 8 + 1];

	for (size_t i = 0; i < 257; i++)
		memcpy(text + i * 8, "cuda>11,", 9);
	CHECK_INT(check(text, &h100), -EINVAL);
	text[(size_t)256 * 8] = '\0';
	CHECK_INT(check(text, &h100), REQUIREMENT_MET);
}
