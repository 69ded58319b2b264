/* SPDX-License-Identifier: Apache-2.0 */

/*
 * config-default: the default file, byte for byte as the original writes it, so that a
 * package update does not touch a file that nobody edited.
 */

#include <unistd.h>

#include "app/config-keys.h"
#include "base/fs.h"
#include "base/str.h"
#include "codec/json.h"

const char *config_default_ldconfig(void)
{
	/* Debian of old and Ubuntu keep the real program aside. */
	return access("/sbin/ldconfig.real", F_OK) == 0 ? "@/sbin/ldconfig.real"
							: "@/sbin/ldconfig";
}

static bool is_suse(void)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text, line;

	if (fs_read(&a, "/etc/os-release", 65536, &text, NULL) < 0)
		return false;
	while (str_split(&text, '\n', &line))
		if (str_has_prefix(line, "ID_LIKE=") && str_contains(line, "suse"))
			return true;
	return false;
}

const char *config_default_user(void)
{
	return is_suse() ? "root:video" : "";
}

/* The table of a key: what stands before the last dot. */
static struct str table_of(const char *key)
{
	const char *dot = strrchr(key, '.');

	return (struct str){key, dot ? (size_t)(dot - key) : 0};
}

static void write_list(const char *initial, struct strbuf *out)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv list;

	config_row_list(&a, initial, &list);
	strbuf_addc(out, '[');
	for (size_t i = 0; i < list.n; i++) {
		strbuf_adds(out, i > 0 ? ", " : "");
		json_quote(out, str_of(list.v[i]));
	}
	strbuf_addc(out, ']');
}

static void write_value(const struct config_row *row, const char *text, struct strbuf *out)
{
	if (row->type == CONFIG_LIST)
		write_list(text, out);
	else if (row->type == CONFIG_STRING)
		json_quote(out, str_of(text));
	else
		strbuf_adds(out, text);
}

/* The headers of a table and of those above it that have not been written yet. */
static void write_headers(struct str table, struct str last, struct strbuf *out)
{
	for (size_t n = 1; n <= table.n; n++) {
		bool end = n == table.n || table.p[n] == '.';
		bool open = n <= last.n && memcmp(table.p, last.p, n) == 0 &&
			    (n == last.n || last.p[n] == '.');

		if (end && !open)
			strbuf_printf(out, "%s[%.*s]\n", out->n > 0 ? "\n" : "", (int)n, table.p);
	}
}

static void write_row(const struct config_row *row, struct strbuf *out)
{
	const char *text = row->initial;
	bool commented = row->written == CONFIG_COMMENTED;

	if (commented)
		text = row->suggestion;
	if (row->at == offsetof(struct config, cli.ldconfig))
		text = config_default_ldconfig();
	/* What SUSE needs is not a suggestion there. */
	if (row->at == offsetof(struct config, cli.user) && is_suse())
		commented = false;

	strbuf_adds(out, commented ? "#" : "");
	strbuf_adds(out, table_of(row->key).n > 0 ? strrchr(row->key, '.') + 1 : row->key);
	strbuf_adds(out, " = ");
	write_value(row, text, out);
	strbuf_addc(out, '\n');
}

void config_write_default(struct strbuf *out)
{
	struct str last = {0};

	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];

		if (row->written == CONFIG_LEFT_OUT)
			continue;
		write_headers(table_of(row->key), last, out);
		last = table_of(row->key);
		write_row(row, out);
	}
}
