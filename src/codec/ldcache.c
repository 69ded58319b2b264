/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/ldcache.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OLD_MAGIC "ld.so-1.7.0" /* with its NUL 12 bytes, then the count */
#define NEW_MAGIC "glibc-ld.so.cache1.1"

enum {
	OLD_HEADER = 16,
	OLD_ENTRY = 12,
	NEW_HEADER = 48,
	NEW_ENTRY = 24,
	NEW_ALIGN = 8,
	EXTENSION_HEADER = 8,
	EXTENSION_SECTION = 16,
};

#define EXTENSION_MAGIC 0xeaa42174U
#define TAG_GENERATOR	0U
#define TAG_HWCAPS	1U
#define MAX_SECTIONS	64U

/* Bit 62 says that the low half is an index into the hwcaps names; bits 32 to 41 are an ISA level.
 */
#define HWCAP_EXTENSION (UINT64_C(1) << 62)
#define HWCAP_ISA_MASK	(UINT64_C(0x3ff) << LDCACHE_ISA_SHIFT)

/* The endianness field of the flags byte; 0 was never set (before glibc 2.33). */
#define ENDIAN_MASK   3
#define ENDIAN_LITTLE 2

struct parser {
	struct str file;
	struct str strings; /* what offsets of text count from */
	size_t hwcaps, hwcaps_n;
	const char *name;
	struct err *e;
};

static uint32_t get32(struct str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;

	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t get64(struct str s, size_t at)
{
	return get32(s, at) | (uint64_t)get32(s, at + 4) << 32;
}

static int damaged(const struct parser *p, const char *what)
{
	return err_set(p->e, EBADMSG, "%s: damaged loader cache: %s", p->name, what);
}

/* Text inside the file that ends inside the file. */
static int text_at(const struct parser *p, uint32_t offset, const char **ret)
{
	if (offset >= p->strings.n || !memchr(p->strings.p + offset, '\0', p->strings.n - offset))
		return damaged(p, "a name lies outside of the file");
	*ret = p->strings.p + offset;
	return 0;
}

static int hwcaps_name(const struct parser *p, uint64_t hwcap, const char **ret)
{
	uint32_t index = (uint32_t)hwcap;

	if (index >= p->hwcaps_n)
		return damaged(p, "an entry names a hardware capability that is not listed");
	return text_at(p, get32(p->file, p->hwcaps + (size_t)index * 4), ret);
}

/* The extension area: a directory of sections, of which the list of hwcaps names matters here. */
static int parse_extensions(struct parser *p, uint32_t offset)
{
	size_t n;

	if (offset == 0)
		return 0;
	if (offset % 4 != 0 || offset > p->file.n || p->file.n - offset < EXTENSION_HEADER ||
	    get32(p->file, offset) != EXTENSION_MAGIC)
		return damaged(p, "its extensions are not where its header says");
	n = get32(p->file, offset + 4);
	if (n > MAX_SECTIONS || (p->file.n - offset - EXTENSION_HEADER) / EXTENSION_SECTION < n)
		return damaged(p, "its extensions do not fit");
	for (size_t i = 0; i < n; i++) {
		size_t at = offset + EXTENSION_HEADER + i * EXTENSION_SECTION;
		uint32_t start = get32(p->file, at + 8), size = get32(p->file, at + 12);

		if (start > p->file.n || size > p->file.n - start)
			return damaged(p, "an extension lies outside of the file");
		if (get32(p->file, at) == TAG_HWCAPS) {
			if (start % 4 != 0 || size % 4 != 0)
				return damaged(p, "its list of hardware capabilities is cut");
			p->hwcaps = start;
			p->hwcaps_n = size / 4;
		}
	}
	return 0;
}

/* The new format at an offset of the file, checked to be there. */
static int parse_new(struct arena *a, struct parser *p, size_t start, struct ldcache *ret)
{
	struct str s = str_sub(p->file, start, p->file.n);
	uint32_t n = get32(s, 20);
	unsigned endian = (unsigned char)s.p[28] & ENDIAN_MASK;
	int r;

	if (endian != 0 && endian != ENDIAN_LITTLE)
		return damaged(p, "it is of a big-endian machine");
	if (n > (s.n - NEW_HEADER) / NEW_ENTRY)
		return damaged(p, "it has fewer entries than its header says");
	p->strings = s;
	r = parse_extensions(p, get32(s, 32));
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < n; i++) {
		size_t at = NEW_HEADER + (size_t)i * NEW_ENTRY;
		struct ldcache_entry entry = {.flags = get32(s, at),
					      .osversion = get32(s, at + 12),
					      .hwcap = get64(s, at + 16)};

		r = text_at(p, get32(s, at + 4), &entry.soname);
		if (r == 0)
			r = text_at(p, get32(s, at + 8), &entry.path);
		if (r == 0 && (entry.hwcap & ~HWCAP_ISA_MASK) >> 32 == HWCAP_EXTENSION >> 32) {
			r = hwcaps_name(p, entry.hwcap, &entry.hwcaps);
			entry.hwcap &= HWCAP_ISA_MASK;
		}
		if (r < 0)
			return r;
		arena_push(a, ret, entry);
	}
	return 0;
}

static bool new_at(struct str file, size_t at)
{
	return at <= file.n && file.n - at >= NEW_HEADER &&
	       memcmp(file.p + at, NEW_MAGIC, sizeof(NEW_MAGIC) - 1) == 0;
}

bool ldcache_has_header(struct str bytes)
{
	return new_at(bytes, 0) && get32(bytes, 20) <= (bytes.n - NEW_HEADER) / NEW_ENTRY;
}

int ldcache_parse(struct arena *a, struct str bytes, const char *name, struct ldcache *ret,
		  struct err *e)
{
	struct parser p = {.file = bytes, .name = name, .e = e};
	struct ldcache cache = {0};
	uint32_t n;
	size_t end;
	int r = 0;

	if (bytes.n > LDCACHE_MAX)
		return err_set(e, EFBIG, "%s: a loader cache larger than 64 MiB", name);
	if (new_at(bytes, 0)) {
		r = parse_new(a, &p, 0, &cache);
		if (r == 0)
			*ret = cache;
		return r;
	}
	if (bytes.n < OLD_HEADER || memcmp(bytes.p, OLD_MAGIC, sizeof(OLD_MAGIC)) != 0)
		return err_set(e, EBADMSG, "%s is not a loader cache", name);

	n = get32(bytes, 12);
	if (n > (bytes.n - OLD_HEADER) / OLD_ENTRY)
		return damaged(&p, "it has fewer entries than its header says");
	end = OLD_HEADER + (size_t)n * OLD_ENTRY;
	if (new_at(bytes, (end + NEW_ALIGN - 1) / NEW_ALIGN * NEW_ALIGN)) {
		r = parse_new(a, &p, (end + NEW_ALIGN - 1) / NEW_ALIGN * NEW_ALIGN, &cache);
	} else {
		p.strings = str_sub(bytes, end, bytes.n);
		for (uint32_t i = 0; r == 0 && i < n; i++) {
			size_t at = OLD_HEADER + (size_t)i * OLD_ENTRY;
			struct ldcache_entry entry = {.flags = get32(bytes, at)};

			r = text_at(&p, get32(bytes, at + 4), &entry.soname);
			if (r == 0)
				r = text_at(&p, get32(bytes, at + 8), &entry.path);
			if (r == 0)
				arena_push(a, &cache, entry);
		}
	}
	if (r == 0)
		*ret = cache;
	return r;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Wraps at 32 bits as glibc's does: what counts is to agree with the loader that searches. */
static uint32_t number(const char **p)
{
	uint32_t value = 0;

	while (is_digit(**p))
		value = value * 10 + (uint32_t)(*(*p)++ - '0');
	return value;
}

int ldcache_compare(const char *a, const char *b)
{
	while (*a) {
		if (is_digit(*a) && is_digit(*b)) {
			int difference = (int)(number(&a) - number(&b));

			if (difference != 0)
				return difference;
		} else if (is_digit(*a)) {
			return 1;
		} else if (is_digit(*b)) {
			return -1;
		} else if (*a != *b) {
			return *a - *b;
		} else {
			a++;
			b++;
		}
	}
	return *a - *b;
}

/* Descending by name and kind; glibc-hwcaps before plain entries, where the loader stops looking.
 */
static int compare_entries(const struct ldcache_entry *a, const struct ldcache_entry *b)
{
	int r = ldcache_compare(b->soname, a->soname);

	if (r != 0)
		return r;
	if (a->flags != b->flags)
		return (int32_t)a->flags < (int32_t)b->flags ? 1 : -1;
	if (!a->hwcaps != !b->hwcaps)
		return a->hwcaps ? -1 : 1;
	if (a->hwcaps)
		return strcmp(a->hwcaps, b->hwcaps);
	if (a->hwcap != b->hwcap) {
		int bits = __builtin_popcountll(b->hwcap) - __builtin_popcountll(a->hwcap);

		return bits != 0 ? bits : a->hwcap < b->hwcap ? 1 : -1;
	}
	return 0;
}

/*
 * A merge sort: stable, and unlike qsort() sure to end in bounds with an order
 * that hostile names can make inconsistent (numbers wrap).
 */
static void sort_entries(struct ldcache_entry *v, struct ldcache_entry *spare, size_t n)
{
	for (size_t width = 1; width < n; width *= 2) {
		for (size_t from = 0; from < n; from += 2 * width) {
			size_t middle = from + width < n ? from + width : n;
			size_t end = middle + width < n ? middle + width : n;
			size_t left = from, right = middle;

			for (size_t i = from; i < end; i++) {
				bool take_left =
					left < middle &&
					(right == end || compare_entries(&v[left], &v[right]) <= 0);

				spare[i] = v[take_left ? left++ : right++];
			}
		}
		memcpy(v, spare, n * sizeof(*v));
	}
}

static void add32(struct strbuf *b, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		strbuf_addc(b, (char)(value >> 8 * i));
}

static void pad(struct strbuf *b, size_t start, size_t align)
{
	while ((b->n - start) % align != 0)
		strbuf_addc(b, '\0');
}

/* Adds text with its NUL; its offset from the beginning of the cache. */
static uint32_t add_text(struct strbuf *strings, size_t base, const char *text)
{
	uint32_t offset = (uint32_t)(base + strings->n);

	strbuf_add(strings, (struct str){text, strlen(text) + 1});
	return offset;
}

static uint32_t hwcaps_index(struct strv *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], name) == 0)
			return (uint32_t)i;
	vec_push(list, name);
	return (uint32_t)list->n - 1;
}

static void add_entry(struct strbuf *out, struct strbuf *strings, size_t base,
		      const struct ldcache_entry *entry, struct strv *hwcaps)
{
	size_t soname_n = strlen(entry->soname), path_n = strlen(entry->path);
	uint64_t hwcap = entry->hwcap;
	uint32_t key, value = add_text(strings, base, entry->path);

	/* A soname is nearly always the end of its path: one copy serves both. */
	if (path_n >= soname_n && strcmp(entry->path + path_n - soname_n, entry->soname) == 0)
		key = value + (uint32_t)(path_n - soname_n);
	else
		key = add_text(strings, base, entry->soname);
	if (entry->hwcaps)
		hwcap = HWCAP_EXTENSION | (hwcap & HWCAP_ISA_MASK) |
			hwcaps_index(hwcaps, entry->hwcaps);
	add32(out, entry->flags);
	add32(out, key);
	add32(out, value);
	add32(out, entry->osversion);
	add32(out, (uint32_t)hwcap);
	add32(out, (uint32_t)(hwcap >> 32));
}

/* Who made the cache, for `ldconfig -p`, and the names of hwcaps subdirectories. */
static void add_extensions(struct strbuf *out, size_t start, struct str hwcaps)
{
	static const char generator[] = "nvidia-container " VERSION;
	size_t n = hwcaps.n > 0 ? 2 : 1;
	size_t data = out->n - start + EXTENSION_HEADER + n * EXTENSION_SECTION;

	add32(out, EXTENSION_MAGIC);
	add32(out, (uint32_t)n);
	/* The list comes first: it must be aligned. */
	if (hwcaps.n > 0) {
		add32(out, TAG_HWCAPS);
		add32(out, 0);
		add32(out, (uint32_t)data);
		add32(out, (uint32_t)hwcaps.n);
	}
	add32(out, TAG_GENERATOR);
	add32(out, 0);
	add32(out, (uint32_t)(data + hwcaps.n));
	add32(out, sizeof(generator) - 1);
	strbuf_add(out, hwcaps);
	strbuf_add(out, (struct str){generator, sizeof(generator) - 1});
}

void ldcache_write(struct ldcache *cache, struct strbuf *out)
{
	AUTO(strbuf_done) struct strbuf strings = {0}, names = {0};
	size_t start = out->n, base = NEW_HEADER + cache->n * NEW_ENTRY;
	struct strv hwcaps = {0};
	auto_free struct ldcache_entry *spare = mem_alloc(mem_array_size(cache->n, sizeof(*spare)));
	uint32_t extensions, length;

	sort_entries(cache->v, spare, cache->n);
	strbuf_adds(out, NEW_MAGIC);
	while (out->n - start < NEW_HEADER)
		strbuf_addc(out, '\0');
	for (size_t i = 0; i < cache->n; i++)
		add_entry(out, &strings, base, &cache->v[i], &hwcaps);
	for (size_t i = 0; i < hwcaps.n; i++)
		add32(&names, add_text(&strings, base, hwcaps.v[i]));
	vec_done(&hwcaps);
	strbuf_add(out, strbuf_str(&strings));
	pad(out, start, NEW_ALIGN);
	extensions = (uint32_t)(out->n - start);
	add_extensions(out, start, strbuf_str(&names));

	/* The header, now that its numbers are known. */
	length = (uint32_t)strings.n;
	for (unsigned i = 0; i < 4; i++) {
		out->p[start + 20 + i] = (char)((uint32_t)cache->n >> 8 * i);
		out->p[start + 24 + i] = (char)(length >> 8 * i);
		out->p[start + 32 + i] = (char)(extensions >> 8 * i);
	}
	out->p[start + 28] = ENDIAN_LITTLE;
}
