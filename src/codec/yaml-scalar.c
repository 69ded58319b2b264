/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/yaml-internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* Room for any number that is not refused as too long to be one. */
#define MAX_NUMBER 64

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_any_of(struct str text, const char *const *words)
{
	for (; *words; words++)
		if (str_is(text, *words))
			return true;
	return false;
}

/* Words in lower case, with a capital, and in capitals. */
static bool resolve_word(struct str text, struct yaml_plain *ret)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"y",	  "Y",	  "yes", "Yes", "YES", "true",
					  "True", "TRUE", "on",	 "On",	"ON",  NULL};
	static const char *const no[] = {"n",	  "N",	   "no",  "No",	 "NO",	"false",
					 "False", "FALSE", "off", "Off", "OFF", NULL};
	static const char *const others[] = {".nan",  ".NaN",  ".NAN",	".inf",	 ".Inf",
					     ".INF",  "+.inf", "+.Inf", "+.INF", "-.inf",
					     "-.Inf", "-.INF", NULL};

	if (is_any_of(text, nulls))
		ret->type = JSON_NULL;
	else if (is_any_of(text, yes) || is_any_of(text, no))
		ret->type = JSON_BOOL;
	else if (is_any_of(text, others))
		ret->type = JSON_NUMBER;
	else
		return false;
	ret->boolean = ret->type == JSON_BOOL && is_any_of(text, yes);
	ret->refused = ret->type == JSON_NUMBER;
	return true;
}

static int parse_base(struct str digits, uint64_t *ret)
{
	char second = digits.n > 1 ? digits.p[1] : '\0';
	unsigned base = 10, skip = 0;
	uint64_t value = 0;

	if (digits.n > 1 && digits.p[0] == '0') {
		base = second == 'x' || second == 'X' ? 16 : second == 'b' || second == 'B' ? 2 : 8;
		skip = base != 8 || second == 'o' || second == 'O' ? 2 : 1;
	}
	digits = str_sub(digits, skip, digits.n);
	if (digits.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < digits.n; i++) {
		uint32_t digit;

		if (str_to_u32_base(str_sub(digits, i, i + 1), 16, &digit) < 0 || digit >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			return -ERANGE;
	}
	*ret = value;
	return 0;
}

static bool resolve_integer(struct str text, struct yaml_plain *ret)
{
	bool negative = text.p[0] == '-';
	uint64_t value;

	if (text.p[0] == '-' || text.p[0] == '+')
		text = str_sub(text, 1, text.n);
	if (parse_base(text, &value) < 0 || (negative && value > (uint64_t)INT64_MAX + 1))
		return false;
	ret->type = JSON_NUMBER;
	(void)snprintf(ret->number, sizeof(ret->number), "%s%" PRIu64,
		       negative && value > 0 ? "-" : "", value);
	return true;
}

static size_t take_digits(struct str *s)
{
	size_t n = 0;

	while (n < s->n && is_digit(s->p[n]))
		n++;
	*s = str_sub(*s, n, s->n);
	return n;
}

static bool take_any(struct str *s, const char *set)
{
	if (s->n == 0 || s->p[0] == '\0' || !strchr(set, s->p[0]))
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_float(struct str s)
{
	size_t whole, fraction = 0;

	(void)take_any(&s, "+-");
	whole = take_digits(&s);
	if (take_any(&s, "."))
		fraction = take_digits(&s);
	if (whole + fraction == 0)
		return false;
	if (take_any(&s, "eE")) {
		(void)take_any(&s, "+-");
		if (take_digits(&s) == 0)
			return false;
	}
	return s.n == 0;
}

/* Already a number of JSON's: no plus, digits on both sides of the point, no 0 before others. */
static bool is_json_number(struct str s)
{
	struct str first;

	(void)take_any(&s, "-");
	first = s;
	if (take_digits(&s) == 0 || (first.n - s.n > 1 && first.p[0] == '0'))
		return false;
	return !take_any(&s, ".") || take_digits(&s) > 0;
}

/* The shortest decimal text that gives the same double. */
static void shortest(double value, char *to, size_t size)
{
	for (int digits = 1; digits <= 17; digits++) {
		(void)snprintf(to, size, "%.*g", digits, value);
		if (strtod(to, NULL) == value)
			return;
	}
}

static bool resolve_float(const char *text, struct yaml_plain *ret)
{
	double value;

	if (!is_float(str_of(text)))
		return false;
	value = strtod(text, NULL);
	if (value - value != 0)
		return false; /* out of range: Go leaves it a string */
	ret->type = JSON_NUMBER;
	if (is_json_number(str_of(text)) && strlen(text) < sizeof(ret->number))
		(void)snprintf(ret->number, sizeof(ret->number), "%s", text);
	else
		shortest(value == 0 ? 0 : value, ret->number, sizeof(ret->number)); /* no -0 */
	return true;
}

struct yaml_plain yaml_resolve(struct str text)
{
	struct yaml_plain ret = {.type = JSON_STRING};
	char plain[MAX_NUMBER];
	struct str rest = text;
	size_t n = 0;

	if (resolve_word(text, &ret))
		return ret;
	if (text.n >= sizeof(plain) || !(is_digit(text.p[0]) || take_any(&rest, "+-.")))
		return ret;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '_')
			plain[n++] = text.p[i];
	plain[n] = '\0';
	if (!resolve_integer((struct str){plain, n}, &ret))
		(void)resolve_float(plain, &ret);
	return ret;
}

/* [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)? */
static bool is_base60(struct str s)
{
	unsigned groups = 0;

	(void)take_any(&s, "+-");
	if (take_digits(&s) == 0)
		return false;
	while (take_any(&s, "_0123456789"))
		;
	for (; take_any(&s, ":"); groups++) {
		struct str before = s;
		size_t n = take_digits(&s);

		if (n == 0 || n > 2 || (n == 2 && before.p[0] > '5'))
			return false;
	}
	if (take_any(&s, "."))
		while (take_any(&s, "_0123456789"))
			;
	return groups > 0 && s.n == 0;
}

/* 2001-12-14, 2001-12-14t21:59:43.10-05:00, 2001-12-14 21:59:43.10 and the like, by its shape. */
static bool is_date(struct str s)
{
	size_t n;

	if (take_digits(&s) != 4 || !take_any(&s, "-") || (n = take_digits(&s)) == 0 || n > 2)
		return false;
	if (!take_any(&s, "-") || (n = take_digits(&s)) == 0 || n > 2)
		return false;
	if (s.n == 0)
		return true;
	return take_any(&s, "Tt ") && take_digits(&s) > 0 && take_any(&s, ":") &&
	       take_digits(&s) > 0 && take_any(&s, ":") && take_digits(&s) > 0;
}

bool yaml_is_old_special(struct str text)
{
	return str_is(text, "<<") || is_base60(text) || is_date(text);
}
