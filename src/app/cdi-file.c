/* SPDX-License-Identifier: Apache-2.0 */
#include "app/cdi-file.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "base/path.h"
#include "codec/yaml.h"

int cdi_file_yaml(struct arena *a, struct str text, const char *path, struct json **ret,
		  struct err *e)
{
	return yaml_parse(a, text, path, NULL, ret, e);
}

int cdi_file_read(struct arena *a, const char *path, struct json **ret, struct err *e)
{
	enum cdi_format format;
	struct str text;
	int r = fs_read(a, path, CDI_FILE_MAX, &text, e);

	if (r < 0)
		return r;
	if (cdi_file_format_of(path, &format) && format == CDI_FORMAT_JSON)
		return json_parse(a, text, path, NULL, ret, e);
	return yaml_parse(a, text, path, NULL, ret, e);
}

bool cdi_file_format_of(const char *path, enum cdi_format *ret)
{
	if (str_has_suffix(str_of(path), ".json"))
		*ret = CDI_FORMAT_JSON;
	else if (str_has_suffix(str_of(path), ".yaml"))
		*ret = CDI_FORMAT_YAML;
	else
		return false;
	return true;
}

const char *cdi_file_name(struct arena *a, const char *path, enum cdi_format format)
{
	struct str name = str_of(path);
	enum cdi_format known;

	if (cdi_file_format_of(path, &known))
		return path;
	if (str_has_suffix(name, ".yml"))
		return arena_printf(a, "%.*s.yaml", STR_ARG(str_sub(name, 0, name.n - 4)));
	return arena_printf(a, "%s%s", path, format == CDI_FORMAT_JSON ? ".json" : ".yaml");
}

void cdi_file_encode(const struct cdi_spec *spec, enum cdi_format format, struct strbuf *out)
{
	AUTO(arena_done) struct arena a = {0};
	const struct json *doc = cdi_spec_write(&a, spec);

	if (format == CDI_FORMAT_JSON)
		json_write_compact(doc, out);
	else
		yaml_write(doc, out);
}

static bool is_so_already(const char *path, struct str text)
{
	AUTO(arena_done) struct arena a = {0};
	struct str old;
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & 07777) == 0644 &&
	       fs_read(&a, path, CDI_FILE_MAX, &old, NULL) == 0 && str_eq(old, text);
}

int cdi_file_write(const char *path, struct str text, struct err *e)
{
	auto_free char *dir = path_dir(path);
	int r;

	if (is_so_already(path, text))
		return 1;
	r = fs_mkdir_p(dir, 0755, e);
	if (r < 0)
		return r;
	return fs_write_atomic(path, text, 0644, 0, e);
}
