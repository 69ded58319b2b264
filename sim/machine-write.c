/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json.h"
#include "machine-fields.h"

/* Writes JSON with commas and indentation where they belong. */
struct writer {
	struct strbuf *out;
	unsigned depth;
	bool first; /* nothing stands yet in the innermost container */
};

static void next_line(struct writer *w)
{
	if (!w->first)
		strbuf_addc(w->out, ',');
	w->first = false;
	if (w->out->n > 0)
		strbuf_addc(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		strbuf_adds(w->out, "  ");
}

static void put_key(struct writer *w, const char *key)
{
	next_line(w);
	if (key) {
		json_quote(w->out, str_of(key));
		strbuf_adds(w->out, ": ");
	}
}

static void open_container(struct writer *w, const char *key, char bracket)
{
	put_key(w, key);
	strbuf_addc(w->out, bracket);
	w->depth++;
	w->first = true;
}

static void close_container(struct writer *w, char bracket)
{
	bool empty = w->first;

	w->depth--;
	w->first = true;
	if (!empty)
		next_line(w);
	w->first = false;
	strbuf_addc(w->out, bracket);
}

static void put_value(struct writer *w, const struct machine_field *field, const void *at)
{
	const char *text;

	switch (field->type) {
	case MACHINE_STR:
		text = *(const char *const *)at;
		if (!text)
			return;
		put_key(w, field->name);
		json_quote(w->out, str_of(text));
		return;
	case MACHINE_BOOL:
		put_key(w, field->name);
		strbuf_adds(w->out, *(const bool *)at ? "true" : "false");
		return;
	case MACHINE_HEX:
		put_key(w, field->name);
		strbuf_printf(w->out, "\"0x%04x\"", *(const uint32_t *)at);
		return;
	case MACHINE_U32:
		put_key(w, field->name);
		strbuf_printf(w->out, "%u", *(const uint32_t *)at);
		return;
	case MACHINE_I32:
		put_key(w, field->name);
		strbuf_printf(w->out, "%d", *(const int32_t *)at);
		return;
	case MACHINE_U64:
		put_key(w, field->name);
		strbuf_printf(w->out, "%llu", (unsigned long long)*(const uint64_t *)at);
		return;
	}
}

static void put_fields(struct writer *w, const struct machine_table *table, const void *object)
{
	for (size_t i = 0; i < table->n; i++)
		put_value(w, &table->fields[i], (const char *)object + table->fields[i].offset);
}

static void put_object(struct writer *w, const char *key, const struct machine_table *table,
		       const void *object)
{
	open_container(w, key, '{');
	put_fields(w, table, object);
	close_container(w, '}');
}

static void put_strings(struct writer *w, const char *key, const struct strv *list)
{
	open_container(w, key, '[');
	for (size_t i = 0; i < list->n; i++) {
		put_key(w, NULL);
		json_quote(w->out, str_of(list->v[i]));
	}
	close_container(w, ']');
}

static void put_bool(struct writer *w, const char *key, bool value)
{
	put_key(w, key);
	strbuf_adds(w->out, value ? "true" : "false");
}

static void put_gpu(struct writer *w, const struct machine_gpu *gpu)
{
	open_container(w, NULL, '{');
	put_fields(w, &machine_gpu_table, gpu);
	open_container(w, "mig", '{');
	put_bool(w, "capable", gpu->mig_capable);
	put_bool(w, "enabled", gpu->mig_enabled);
	open_container(w, "instances", '[');
	for (size_t i = 0; i < gpu->migs.n; i++)
		put_object(w, NULL, &machine_mig_table, &gpu->migs.v[i]);
	close_container(w, ']');
	close_container(w, '}');
	open_container(w, "processes", '[');
	for (size_t i = 0; i < gpu->processes.n; i++)
		put_object(w, NULL, &machine_process_table, &gpu->processes.v[i]);
	close_container(w, ']');
	close_container(w, '}');
}

static void put_driver(struct writer *w, const struct machine_driver *d)
{
	open_container(w, "driver", '{');
	put_fields(w, &machine_driver_table, d);
	put_key(w, "layout");
	json_quote(w->out, str_of(machine_layout_names[d->layout]));
	open_container(w, "parts", '[');
	for (size_t i = 0; i < COUNT_OF(machine_part_list); i++) {
		if (d->parts & (1u << i)) {
			put_key(w, NULL);
			json_quote(w->out, str_of(machine_part_list[i]));
		}
	}
	close_container(w, ']');
	put_strings(w, "without", &d->without);
	open_container(w, "files", '[');
	for (size_t i = 0; i < d->files.n; i++)
		put_object(w, NULL, &machine_file_table, &d->files.v[i]);
	close_container(w, ']');
	close_container(w, '}');
}

void machine_write(const struct machine *m, struct strbuf *out)
{
	struct writer w = {.out = out, .first = true};

	open_container(&w, NULL, '{');
	put_fields(&w, &machine_top_table, m);
	put_driver(&w, &m->driver);
	put_object(&w, "majors", &machine_majors_table, &m->majors);
	open_container(&w, "gpus", '[');
	for (size_t i = 0; i < m->gpus.n; i++)
		put_gpu(&w, &m->gpus.v[i]);
	close_container(&w, ']');
	open_container(&w, "nvswitches", '[');
	for (size_t i = 0; i < m->switches.n; i++)
		put_object(&w, NULL, &machine_switch_table, &m->switches.v[i]);
	close_container(&w, ']');
	open_container(&w, "imex_channels", '[');
	for (size_t i = 0; i < m->imex_channels.n; i++) {
		put_key(&w, NULL);
		strbuf_printf(out, "%u", m->imex_channels.v[i]);
	}
	close_container(&w, ']');
	put_strings(&w, "missing", &m->missing);
	open_container(&w, "faults", '[');
	for (size_t i = 0; i < m->faults.n; i++)
		put_object(&w, NULL, &machine_fault_table, &m->faults.v[i]);
	close_container(&w, ']');
	close_container(&w, '}');
	strbuf_addc(out, '\n');
}
