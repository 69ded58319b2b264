/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/semver.h"

#include <errno.h>

#define MAX_FACTORS 256

int version_parse(struct str text, struct version *ret)
{
	struct version v = {0};
	struct str part;

	if (text.n > 0 && (text.p[0] == 'v' || text.p[0] == 'V'))
		text = str_sub(text, 1, text.n);
	if (text.n == 0)
		return -EINVAL;
	while (str_split(&text, '.', &part)) {
		if (v.parts == COUNT_OF(v.part) || str_to_u32(part, &v.part[v.parts]) < 0)
			return -EINVAL;
		v.parts++;
	}
	*ret = v;
	return 0;
}

int version_cmp(const struct version *a, const struct version *b)
{
	for (size_t i = 0; i < COUNT_OF(a->part); i++)
		if (a->part[i] != b->part[i])
			return a->part[i] < b->part[i] ? -1 : 1;
	return 0;
}

enum comparison { EQUAL, NOT_EQUAL, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL };

struct factor {
	struct str text; /* as written */
	struct str name, value;
	enum comparison comparison;
};

static int bad_factor(struct str text, const char *why, struct err *e)
{
	AUTO(strbuf_done) struct strbuf shown = {0};

	strbuf_escape(&shown, text);
	return err_set(e, EINVAL, "requirement \"%s\": %s", strbuf_str(&shown).p, why);
}

static bool is_operator(char c)
{
	return c == '<' || c == '>' || c == '=' || c == '!';
}

static int parse_factor(struct str text, struct factor *ret, struct err *e)
{
	static const struct {
		char text[3];
		enum comparison comparison;
	} operators[] = {
		{"=", EQUAL},	       {"==", EQUAL},  {"!=", NOT_EQUAL},	{"<", LESS},
		{"<=", LESS_OR_EQUAL}, {">", GREATER}, {">=", GREATER_OR_EQUAL}};
	size_t from = 0, to;
	struct str operator;

	while (from < text.n && !is_operator(text.p[from]))
		from++;
	to = from;
	while (to < text.n && is_operator(text.p[to]))
		to++;
	operator= str_sub(text, from, to);
	ret->text = text;
	ret->name = str_sub(text, 0, from);
	ret->value = str_sub(text, to, text.n);
	if (operator.n == 0)
		return bad_factor(text,
				  "there is no comparison in it; one of = != < <= > >= "
				  "stands between name and value",
				  e);
	if (ret->name.n == 0 || ret->value.n == 0)
		return bad_factor(text,
				  ret->name.n == 0 ? "no name before the comparison"
						   : "no value behind the comparison",
				  e);
	for (size_t i = 0; i < COUNT_OF(operators); i++) {
		if (str_is(operator, operators[i].text)) {
			ret->comparison = operators[i].comparison;
			return 0;
		}
	}
	return bad_factor(text, "unknown comparison; known are = != < <= > >=", e);
}

static enum requirement_result result_of(enum comparison comparison, int order)
{
	bool met = false;

	switch (comparison) {
	case EQUAL:
		met = order == 0;
		break;
	case NOT_EQUAL:
		met = order != 0;
		break;
	case LESS:
		met = order < 0;
		break;
	case LESS_OR_EQUAL:
		met = order <= 0;
		break;
	case GREATER:
		met = order > 0;
		break;
	case GREATER_OR_EQUAL:
		met = order >= 0;
		break;
	}
	return met ? REQUIREMENT_MET : REQUIREMENT_NOT_MET;
}

static int check_brand(const struct factor *f, struct str brand, struct err *e)
{
	if (f->comparison != EQUAL && f->comparison != NOT_EQUAL)
		return bad_factor(f->text, "a brand can only be compared with = and !=", e);
	if (brand.n == 0)
		return REQUIREMENT_UNKNOWN;
	return result_of(f->comparison, !str_eq_nocase(f->value, brand));
}

/* A result or -EINVAL. */
static int check_factor(const struct factor *f, const struct requirement_facts *facts,
			struct err *e)
{
	const struct {
		char name[8];
		struct str fact;
	} versions[] = {{"cuda", facts->cuda}, {"driver", facts->driver}, {"arch", facts->arch}};
	struct version wanted, have;

	if (str_is_nocase(f->name, "brand"))
		return check_brand(f, facts->brand, e);
	for (size_t i = 0; i < COUNT_OF(versions); i++) {
		if (!str_is_nocase(f->name, versions[i].name))
			continue;
		if (version_parse(f->value, &wanted) < 0)
			return bad_factor(f->text,
					  "the value is not a version: 1 to 4 numbers "
					  "between dots",
					  e);
		if (versions[i].fact.n == 0 || version_parse(versions[i].fact, &have) < 0)
			return REQUIREMENT_UNKNOWN;
		return result_of(f->comparison, version_cmp(&have, &wanted));
	}
	return REQUIREMENT_UNKNOWN;
}

/* One alternative: false as soon as a factor is, unknown when one was. */
static int check_alternative(struct str text, const struct requirement_facts *facts,
			     unsigned *factors, struct err *e)
{
	int result = REQUIREMENT_MET;
	struct str piece;

	while (str_split(&text, ',', &piece)) {
		struct factor f = {0};
		int r;

		if (piece.n == 0)
			continue;
		if (++*factors > MAX_FACTORS)
			return err_set(e, EINVAL, "a requirement with more than %d conditions",
				       MAX_FACTORS);
		r = parse_factor(piece, &f, e);
		if (r == 0)
			r = check_factor(&f, facts, e);
		if (r < 0 || r == REQUIREMENT_NOT_MET)
			return r;
		if (r == REQUIREMENT_UNKNOWN)
			result = r;
	}
	return result;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int requirement_check(struct str expression, const struct requirement_facts *facts, struct err *e)
{
	bool any = false, unknown = false;
	unsigned factors = 0;
	struct str piece;

	/* Tabs and line ends separate as blanks do. */
	while (expression.n > 0) {
		size_t n = 0;
		int r;

		while (n < expression.n && !is_blank(expression.p[n]))
			n++;
		piece = str_sub(expression, 0, n);
		expression = str_sub(expression, n + (n < expression.n), expression.n);
		if (piece.n == 0)
			continue;
		r = check_alternative(piece, facts, &factors, e);
		if (r < 0 || r == REQUIREMENT_MET)
			return r;
		any = true;
		unknown = unknown || r == REQUIREMENT_UNKNOWN;
	}
	if (!any)
		return REQUIREMENT_MET;
	return unknown ? REQUIREMENT_UNKNOWN : REQUIREMENT_NOT_MET;
}
