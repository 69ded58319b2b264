/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"

#include <assert.h>
#include <errno.h>

#include "base/mem.h"
#include "codec/json-internal.h"

struct json *json_get(const struct json *object, const char *key)
{
	if (!json_is(object, JSON_OBJECT))
		return NULL;
	for (struct json *j = object->first; j; j = j->next)
		if (str_is(j->key, key))
			return j;
	return NULL;
}

bool json_name_is(struct str name, const char *key)
{
	return json_name_compare(name, str_of(key)) == 0;
}

struct json *json_field(const struct json *object, const char *key)
{
	struct json *exact = json_get(object, key);

	if (exact || !json_is(object, JSON_OBJECT))
		return exact;
	for (struct json *j = object->first; j; j = j->next)
		if (json_name_is(j->key, key))
			return j;
	return NULL;
}

bool json_is(const struct json *j, enum json_type type)
{
	return j && j->type == type;
}

struct str json_str(const struct json *j)
{
	return json_is(j, JSON_STRING) ? j->text : (struct str){0};
}

bool json_bool(const struct json *j, bool otherwise)
{
	return json_is(j, JSON_BOOL) ? j->boolean : otherwise;
}

int json_u64(const struct json *j, uint64_t *ret)
{
	return json_is(j, JSON_NUMBER) && str_to_u64(j->text, ret) == 0 ? 0 : -EINVAL;
}

int json_i64(const struct json *j, int64_t *ret)
{
	return json_is(j, JSON_NUMBER) && str_to_i64(j->text, ret) == 0 ? 0 : -EINVAL;
}

struct json *json_new(struct arena *a, enum json_type type)
{
	struct json *j = arena_new(a, struct json);

	j->type = type;
	j->touched = true;
	return j;
}

static struct json *new_text(struct arena *a, enum json_type type, struct str text)
{
	struct json *j = json_new(a, type);

	j->text = (struct str){arena_str(a, text), text.n};
	return j;
}

struct json *json_new_str(struct arena *a, struct str text)
{
	return new_text(a, JSON_STRING, text);
}

struct json *json_new_bool(struct arena *a, bool value)
{
	struct json *j = json_new(a, JSON_BOOL);

	j->boolean = value;
	return j;
}

struct json *json_new_i64(struct arena *a, int64_t value)
{
	return json_new_number(a, str_of(arena_printf(a, "%lld", (long long)value)));
}

struct json *json_new_number(struct arena *a, struct str raw)
{
	return new_text(a, JSON_NUMBER, raw);
}

struct json *json_copy(struct arena *a, const struct json *j)
{
	struct json *copy = new_text(a, j->type, j->text);

	copy->boolean = j->boolean;
	copy->line = j->line;
	copy->column = j->column;
	json_each (child, j) {
		struct json *c = json_copy(a, child);

		c->key = (struct str){arena_str(a, child->key), child->key.n};
		json_link(copy, c);
	}
	return copy;
}

static void touch(struct json *j)
{
	for (; j && !j->touched; j = j->parent)
		j->touched = true;
}

/* Forgets the place in a source: a value that moves is written anew, it may come from elsewhere. */
static void forget_source(struct json *j)
{
	j->touched = true;
	j->lead = j->start = j->end = 0;
	j->source = (struct str){0};
	json_each (child, j)
		forget_source(child);
}

static void adopt(struct json *container, struct json *value)
{
	assert(!value->parent && value != container);
	if (value->end > 0 || !value->touched)
		forget_source(value);
	value->parent = container;
	value->next = NULL;
}

void json_link(struct json *container, struct json *child)
{
	child->parent = container;
	if (container->last)
		container->last->next = child;
	else
		container->first = child;
	container->last = child;
	container->count++;
}

void json_append(struct json *array, struct json *value)
{
	adopt(array, value);
	json_link(array, value);
	touch(array);
}

/* The link that points to child. */
static struct json **link_to(struct json *child)
{
	struct json **link = &child->parent->first;

	while (*link != child)
		link = &(*link)->next;
	return link;
}

void json_insert_before(struct json *child, struct json *value)
{
	struct json **link = link_to(child);

	adopt(child->parent, value);
	value->next = child;
	*link = value;
	value->parent->count++;
	touch(value->parent);
}

static bool equal_scalars(const struct json *x, const struct json *y)
{
	if (x->type != y->type)
		return false;
	if (x->type == JSON_BOOL)
		return x->boolean == y->boolean;
	return (x->type != JSON_STRING && x->type != JSON_NUMBER) || str_eq(x->text, y->text);
}

void json_replace(struct json *child, struct json *value)
{
	struct json *parent = child->parent, **link = link_to(child);

	adopt(parent, value);
	value->key = child->key;
	value->lead = child->lead;
	value->start = child->start;
	value->end = child->end;
	value->next = child->next;
	*link = value;
	if (parent->last == child)
		parent->last = value;
	child->parent = NULL;
	child->next = NULL;

	if (!child->first && !value->first && equal_scalars(child, value)) {
		value->touched = child->touched;
		value->line = child->line;
		value->column = child->column;
	} else {
		touch(parent);
	}
}

void json_set(struct arena *a, struct json *object, const char *key, struct json *value)
{
	struct json *old = json_field(object, key);

	if (old == value && value)
		return;
	if (old) {
		json_replace(old, value);
		return;
	}
	value->key = (struct str){arena_strdup(a, key), strlen(key)};
	json_append(object, value);
}

void json_remove(struct json *child)
{
	struct json *parent = child->parent, *before = NULL;

	for (struct json *j = parent->first; j != child; j = j->next)
		before = j;
	if (before)
		before->next = child->next;
	else
		parent->first = child->next;
	if (parent->last == child)
		parent->last = before;
	parent->count--;
	child->parent = NULL;
	child->next = NULL;
	touch(parent);
}

struct json *json_need(struct arena *a, struct json *object, const char *key, enum json_type type)
{
	struct json *j = json_field(object, key);

	if (j && j->type != JSON_NULL)
		return j->type == type ? j : NULL;
	j = json_new(a, type);
	json_set(a, object, key, j);
	return j;
}

static void merge(struct json **to, struct json *const *from, size_t middle, size_t n,
		  bool (*before)(const struct json *x, const struct json *y))
{
	size_t left = 0, right = middle;

	for (size_t i = 0; i < n; i++) {
		if (left < middle && (right >= n || !before(from[right], from[left])))
			to[i] = from[left++];
		else
			to[i] = from[right++];
	}
}

void json_sort(struct json *array, bool (*before)(const struct json *x, const struct json *y))
{
	auto_free struct json **from = NULL, **to = NULL;
	size_t n = 0;
	bool sorted = true;

	for (const struct json *j = array->first; j && j->next; j = j->next)
		sorted = sorted && !before(j->next, j);
	if (sorted)
		return;

	from = mem_alloc(mem_array_size(array->count, sizeof(*from)));
	to = mem_alloc(mem_array_size(array->count, sizeof(*to)));
	for (struct json *j = array->first; j; j = j->next)
		from[n++] = j;
	for (size_t width = 1; width < n; width *= 2) {
		struct json **swap = from;

		for (size_t i = 0; i < n; i += 2 * width) {
			size_t size = n - i < 2 * width ? n - i : 2 * width;

			merge(to + i, from + i, width < size ? width : size, size, before);
		}
		from = to;
		to = swap;
	}
	for (size_t i = 0; i < n; i++)
		from[i]->next = i + 1 < n ? from[i + 1] : NULL;
	array->first = from[0];
	array->last = from[n - 1];
	touch(array);
}

/* Members usually have the same order on both sides: the next one is looked at first. */
static bool equal_members(const struct json *x, const struct json *y)
{
	const struct json *guess = y->first;

	json_each (member, x) {
		const struct json *other = guess;

		if (!other || !str_eq(other->key, member->key)) {
			other = y->first;
			while (other && !str_eq(other->key, member->key))
				other = other->next;
		}
		if (!other || !json_equal(member, other))
			return false;
		guess = other->next;
	}
	return true;
}

bool json_equal(const struct json *x, const struct json *y)
{
	if (x->type != y->type || x->count != y->count)
		return false;
	if (x->type == JSON_OBJECT)
		return equal_members(x, y);
	if (x->type != JSON_ARRAY)
		return equal_scalars(x, y);
	for (const struct json *i = x->first, *k = y->first; i; i = i->next, k = k->next)
		if (!json_equal(i, k))
			return false;
	return true;
}

bool json_changed(const struct json *root)
{
	return root->touched;
}
