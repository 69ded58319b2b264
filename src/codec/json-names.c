/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "base/mem.h"
#include "codec/json-internal.h"

/* Objects up to this size are checked for duplicates member by member, larger ones by sorting. */
#define FEW_MEMBERS 12

/*
 * The first character of s as Go folds it, and how many bytes it has: two
 * others fold to ASCII letters as well. s is not empty.
 */
static unsigned fold(struct str s, size_t *n)
{
	unsigned char c = (unsigned char)s.p[0];

	*n = 1;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 'a';
	if (c == 0xc5 && str_has_prefix(s, "\xc5\xbf")) {
		*n = 2;
		return 's';
	}
	if (c == 0xe2 && str_has_prefix(s, "\xe2\x84\xaa")) {
		*n = 3;
		return 'k';
	}
	return c;
}

int json_name_compare(struct str a, struct str b)
{
	size_t i = 0, k = 0, n = 0, m = 0;

	for (; i < a.n && k < b.n; i += n, k += m) {
		unsigned x = fold((struct str){a.p + i, a.n - i}, &n);
		unsigned y = fold((struct str){b.p + k, b.n - k}, &m);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return (i < a.n) - (k < b.n);
}

uint64_t json_name_hash(struct str name)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (size_t i = 0, n; i < name.n; i += n)
		hash = (hash ^ fold((struct str){name.p + i, name.n - i}, &n)) * 0x100000001b3u;
	return hash;
}

static bool same_name(const struct json *x, const struct json *y, bool exact)
{
	return exact ? str_eq(x->key, y->key) : json_name_compare(x->key, y->key) == 0;
}

struct keyed {
	uint64_t hash;
	size_t place;
	const struct json *member;
};

/*
 * Names that fold alike lie together, and of these the equal ones, in document
 * order. Without exact checking, the order among different spellings is not the
 * document's; the caller takes places into account.
 */
static int compare_keyed(const void *x, const void *y)
{
	const struct keyed *a = x, *b = y;
	int r;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	r = json_name_compare(a->member->key, b->member->key);
	if (r == 0)
		r = str_cmp(a->member->key, b->member->key);
	return r != 0 ? r : (a->place > b->place) - (a->place < b->place);
}

/* n log n whatever the names are: a hash table could be made to degenerate by choosing them. */
static int find_among_many(const struct json *object, bool exact, const struct json **ret_first,
			   const struct json **ret_again)
{
	auto_free struct keyed *list = mem_try(mem_array_size(object->count, sizeof(*list)));
	size_t n = 0, best = SIZE_MAX;

	if (!list)
		return -ENOMEM;
	json_each (member, object) {
		list[n] = (struct keyed){json_name_hash(member->key), n, member};
		n++;
	}
	qsort(list, n, sizeof(*list), compare_keyed);
	for (size_t i = 1; i < n; i++) {
		const struct keyed *x = &list[i - 1], *y = &list[i];

		if (!same_name(x->member, y->member, exact))
			continue;
		if (x->place > y->place) {
			x = y;
			y = &list[i - 1];
		}
		if (y->place < best) {
			best = y->place;
			*ret_first = x->member;
			*ret_again = y->member;
		}
	}
	return best < SIZE_MAX;
}

int json_find_duplicate(const struct json *object, bool exact, const struct json **ret_first,
			const struct json **ret_again)
{
	if (object->count > FEW_MEMBERS)
		return find_among_many(object, exact, ret_first, ret_again);
	json_each (again, object) {
		for (const struct json *first = object->first; first != again;
		     first = first->next) {
			if (same_name(first, again, exact)) {
				*ret_first = first;
				*ret_again = again;
				return 1;
			}
		}
	}
	return 0;
}

static struct str shown(struct str name)
{
	return str_sub(name, 0, 64);
}

const char *json_describe_duplicate(struct arena *a, const struct json *first,
				    const struct json *again)
{
	if (str_eq(first->key, again->key))
		return arena_printf(a, "duplicate name \"%.*s\" (first in line %u)",
				    STR_ARG(shown(again->key)), first->line);
	return arena_printf(a, "duplicate name \"%.*s\" (\"%.*s\" in line %u differs only in case)",
			    STR_ARG(shown(again->key)), STR_ARG(shown(first->key)), first->line);
}
