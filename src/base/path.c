/* SPDX-License-Identifier: Apache-2.0 */
#include "base/path.h"

#include "base/mem.h"

/* Takes the last component off; false when there is none to take. */
static bool drop_last(struct strbuf *out, size_t floor)
{
	size_t n = out->n;

	if (n <= floor)
		return false;
	while (n > floor && out->p[n - 1] != '/')
		n--;
	if (str_is(str_sub(strbuf_str(out), n, out->n), ".."))
		return false;
	out->n = n > floor ? n - 1 : floor;
	out->p[out->n] = '\0';
	return true;
}

char *path_clean(const char *path)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	bool absolute = path[0] == '/';
	struct str rest = str_of(path), part;
	size_t floor = absolute ? 1 : 0;

	if (absolute)
		strbuf_addc(&out, '/');
	while (str_split(&rest, '/', &part)) {
		if (part.n == 0 || str_is(part, "."))
			continue;
		if (str_is(part, "..") && (drop_last(&out, floor) || absolute))
			continue;
		if (out.n > floor)
			strbuf_addc(&out, '/');
		strbuf_add(&out, part);
	}
	if (out.n == 0)
		strbuf_addc(&out, '.');
	return strbuf_steal(&out);
}

char *path_join(const char *a, const char *b)
{
	auto_free char *joined = NULL;

	if (a[0] == '\0' || b[0] == '\0')
		return path_clean(a[0] == '\0' ? b : a);
	joined = mem_printf("%s/%s", a, b);
	return path_clean(joined);
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_dir(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_strdup(".");
	while (slash > path && slash[-1] == '/')
		slash--;
	return slash == path ? mem_strdup("/") : mem_dup(path, (size_t)(slash - path));
}

bool path_is_below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (n == 0 || strcmp(root, "/") == 0)
		return path[0] == '/';
	return strncmp(path, root, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

const char *path_strip_root(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (n == 0 || strcmp(root, "/") == 0 || !path_is_below(path, root))
		return path;
	return path[n] == '\0' ? "/" : path + n;
}
