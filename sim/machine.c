/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cli.h"
#include "base/fs.h"
#include "codec/json.h"
#include "machine-fields.h"

enum { MAX_DESCRIPTION = 4 << 20 };

/* What every step of reading needs. */
struct reader {
	struct arena *a;
	const char *name; /* of the file */
	struct err *e;
};

static int complain(const struct reader *r, const struct json *at, const char *fmt, ...)
	PRINTF(3, 4) MUST_USE;

static int complain(const struct reader *r, const struct json *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	{
		auto_free char *what = mem_vprintf(fmt, ap);

		(void)err_set(r->e, EBADMSG, "%s:%u: %s", r->name, at->line, what);
	}
	va_end(ap);
	return -EBADMSG;
}

static int want(const struct reader *r, const struct json *j, enum json_type type,
		const char *words)
{
	if (json_is(j, type))
		return 0;
	return complain(r, j, "\"%.*s\" must be %s", STR_ARG(j->key), words);
}

static int read_str(const struct reader *r, const struct json *j, void *to)
{
	int ret = want(r, j, JSON_STRING, "a string");

	if (ret == 0)
		*(const char **)to = arena_str(r->a, j->text);
	return ret;
}

static int read_number(const struct reader *r, const struct json *j,
		       const struct machine_field *field, void *to)
{
	int64_t least = field->type == MACHINE_I32 ? -1 : 0, value;

	if (json_i64(j, &value) < 0 || value < least ||
	    (field->type != MACHINE_U64 && value > field->max))
		return complain(
			r, j, "\"%s\" must be a number from %d to %llu", field->name, (int)least,
			field->type == MACHINE_U64 ? (unsigned long long)INT64_MAX : field->max);
	if (field->type == MACHINE_U64)
		*(uint64_t *)to = (uint64_t)value;
	else if (field->type == MACHINE_I32)
		*(int32_t *)to = (int32_t)value;
	else
		*(uint32_t *)to = (uint32_t)value;
	return 0;
}

static int read_hex(const struct reader *r, const struct json *j, const struct machine_field *field,
		    uint32_t *to)
{
	struct str text = json_str(j);
	uint32_t value;

	if (!str_has_prefix(text, "0x") ||
	    str_to_u32_base(str_sub(text, 2, text.n), 16, &value) < 0 || value > field->max)
		return complain(r, j, "\"%s\" must be a string like \"0x10de\", at most 0x%x",
				field->name, field->max);
	*to = value;
	return 0;
}

static int read_value(const struct reader *r, const struct json *j,
		      const struct machine_field *field, char *object)
{
	void *to = object + field->offset;
	int ret;

	switch (field->type) {
	case MACHINE_STR:
		return read_str(r, j, to);
	case MACHINE_BOOL:
		ret = want(r, j, JSON_BOOL, "true or false");
		if (ret == 0)
			*(bool *)to = j->boolean;
		return ret;
	case MACHINE_HEX:
		return read_hex(r, j, field, to);
	case MACHINE_U32:
	case MACHINE_I32:
	case MACHINE_U64:
		break;
	}
	return read_number(r, j, field, to);
}

static const struct machine_field *find_field(const struct machine_table *table, struct str key)
{
	for (size_t i = 0; i < table->n; i++)
		if (str_is(key, table->fields[i].name))
			return &table->fields[i];
	return NULL;
}

/* One member that is no plain value: 1 when it was taken, 0 when the key is unknown. */
typedef int (*read_member)(const struct reader *r, const struct json *j, void *object);

static int unknown_key(const struct reader *r, const struct json *member,
		       const struct machine_table *table)
{
	struct cli_guess guess = {.word = member->key};

	for (size_t i = 0; i < table->n; i++)
		cli_guess_try(&guess, str_of(table->fields[i].name));
	cli_guess_names(&guess, table->others);
	if (guess.best.n > 0)
		return complain(r, member, "unknown key \"%.*s\" in %s, did you mean \"%.*s\"?",
				STR_ARG(member->key), table->what, STR_ARG(guess.best));
	return complain(r, member, "unknown key \"%.*s\" in %s", STR_ARG(member->key), table->what);
}

static int read_object(const struct reader *r, const struct json *j,
		       const struct machine_table *table, void *object, read_member other)
{
	if (!json_is(j, JSON_OBJECT))
		return complain(r, j, "%s must be an object", table->what);
	json_each (member, j) {
		const struct machine_field *field = find_field(table, member->key);
		int ret;

		if (field) {
			ret = read_value(r, member, field, object);
		} else {
			ret = other ? other(r, member, object) : 0;
			if (ret == 0)
				return unknown_key(r, member, table);
		}
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int read_strings(const struct reader *r, const struct json *j, struct strv *ret)
{
	int code = want(r, j, JSON_ARRAY, "a list of strings");

	if (code < 0)
		return code;
	*ret = (struct strv){0};
	json_each (item, j) {
		if (!json_is(item, JSON_STRING))
			return complain(r, item, "\"%.*s\" must be a list of strings",
					STR_ARG(j->key));
		arena_push(r->a, ret, arena_str(r->a, item->text));
	}
	return 1;
}

static int read_layout(const struct reader *r, const struct json *j, struct machine_driver *d)
{
	for (size_t i = 0; i < COUNT_OF(machine_layout_names); i++) {
		if (str_is(json_str(j), machine_layout_names[i])) {
			d->layout = (enum machine_layout)i;
			return 1;
		}
	}
	return complain(r, j, "\"layout\" must be \"debian\", \"rhel\" or \"local\"");
}

static int unknown_part(const struct reader *r, const struct json *item)
{
	AUTO(strbuf_done) struct strbuf known = {0};

	machine_part_names(~0u, &known);
	return complain(r, item, "unknown part of a driver: \"%.*s\" (known: %s)",
			STR_ARG(json_str(item)), known.p);
}

static int read_parts(const struct reader *r, const struct json *j, struct machine_driver *d)
{
	int ret = want(r, j, JSON_ARRAY, "a list of parts");

	if (ret < 0)
		return ret;
	d->parts = 0;
	json_each (item, j) {
		size_t i = 0;

		while (i < COUNT_OF(machine_part_list) &&
		       !str_is(json_str(item), machine_part_list[i]))
			i++;
		if (i == COUNT_OF(machine_part_list))
			return unknown_part(r, item);
		d->parts |= 1u << i;
	}
	return 1;
}

static int read_files(const struct reader *r, const struct json *j, struct machine_driver *d)
{
	int ret = want(r, j, JSON_ARRAY, "a list of files");

	if (ret < 0)
		return ret;
	d->files = (struct machine_files){0};
	json_each (item, j) {
		struct machine_file file = {0};

		ret = read_object(r, item, &machine_file_table, &file, NULL);
		if (ret < 0)
			return ret;
		if (!file.path || file.path[0] != '/')
			return complain(r, item, "a file needs an absolute \"path\"");
		if ((file.link ? 1 : 0) + (file.text ? 1 : 0) + (file.size > 0 ? 1 : 0) > 1)
			return complain(r, item,
					"a file has one of \"link\", \"text\" and \"size\"");
		arena_push(r->a, &d->files, file);
	}
	return 1;
}

static int read_driver_member(const struct reader *r, const struct json *j, void *object)
{
	struct machine_driver *d = object;

	if (str_is(j->key, "layout"))
		return read_layout(r, j, d);
	if (str_is(j->key, "parts"))
		return read_parts(r, j, d);
	if (str_is(j->key, "without"))
		return read_strings(r, j, &d->without);
	if (str_is(j->key, "files"))
		return read_files(r, j, d);
	return 0;
}

static int read_instances(const struct reader *r, const struct json *j, struct machine_gpu *gpu)
{
	int ret = want(r, j, JSON_ARRAY, "a list of MIG instances");

	if (ret < 0)
		return ret;
	gpu->migs = (struct machine_migs){0};
	json_each (item, j) {
		struct machine_mig mig = {.start = UINT32_MAX};

		ret = read_object(r, item, &machine_mig_table, &mig, NULL);
		if (ret < 0)
			return ret;
		if (!mig.profile)
			return complain(r, item, "a MIG instance needs a \"profile\"");
		arena_push(r->a, &gpu->migs, mig);
	}
	return 1;
}

static int read_mig_member(const struct reader *r, const struct json *j, void *object)
{
	struct machine_gpu *gpu = object;

	if (str_is(j->key, "instances"))
		return read_instances(r, j, gpu);
	if (!str_is(j->key, "capable") && !str_is(j->key, "enabled"))
		return 0;
	if (!json_is(j, JSON_BOOL))
		return complain(r, j, "\"%.*s\" must be true or false", STR_ARG(j->key));
	*(str_is(j->key, "capable") ? &gpu->mig_capable : &gpu->mig_enabled) = j->boolean;
	return 1;
}

static int read_processes(const struct reader *r, const struct json *j, struct machine_gpu *gpu)
{
	int ret = want(r, j, JSON_ARRAY, "a list of processes");

	if (ret < 0)
		return ret;
	gpu->processes = (struct machine_processes){0};
	json_each (item, j) {
		struct machine_process process = {.type = "C", .gi = -1, .ci = -1};

		ret = read_object(r, item, &machine_process_table, &process, NULL);
		if (ret < 0)
			return ret;
		if (process.pid == 0 || !process.name)
			return complain(r, item, "a process needs \"pid\" and \"name\"");
		arena_push(r->a, &gpu->processes, process);
	}
	return 1;
}

static int read_gpu_member(const struct reader *r, const struct json *j, void *object)
{
	static const struct machine_table mig = {.what = "\"mig\"",
						 .others = "capable enabled instances"};
	int ret;

	if (str_is(j->key, "processes"))
		return read_processes(r, j, object);
	if (!str_is(j->key, "mig"))
		return 0;
	ret = read_object(r, j, &mig, object, read_mig_member);
	return ret < 0 ? ret : 1;
}

static int read_gpus(const struct reader *r, const struct json *top, struct machine *m)
{
	const struct json *common = json_get(top, "gpu"), *list = json_get(top, "gpus");
	struct machine_gpu base = {
		.name = "NVIDIA GPU",
		.brand = "NVIDIA",
		.architecture = "hopper",
		.serial = "",
		.held_by = "",
		.vbios = "00.00.00.00.00",
		.board_part_number = "",
		.minor = UINT32_MAX,
		.class_code = 0x030200,
		.memory_mib = 16384,
		.temperature_c = 35,
		.power_mw = 25000,
		.power_limit_mw = 250000,
		.numa_node = -1,
		.drm_card = -1,
		.drm_render = -1,
		.fan_percent = -1,
		.compute_mode = "default",
		.addressing_mode = "none",
	};
	int ret;

	if (common) {
		ret = read_object(r, common, &machine_gpu_table, &base, read_gpu_member);
		if (ret < 0)
			return ret;
	}
	if (!list)
		return 0;
	ret = want(r, list, JSON_ARRAY, "a list of GPUs");
	if (ret < 0)
		return ret;
	if (list->count > MACHINE_MAX_GPUS)
		return complain(r, list, "%zu GPUs: at most %d", list->count, MACHINE_MAX_GPUS);
	json_each (item, list) {
		struct machine_gpu gpu = base;

		ret = read_object(r, item, &machine_gpu_table, &gpu, read_gpu_member);
		if (ret < 0)
			return ret;
		ret = machine_finish_gpu(r->a, &gpu, r->e);
		if (ret < 0)
			return err_in(r->e, ret, "%s:%u", r->name, item->line);
		arena_push(r->a, &m->gpus, gpu);
	}
	return 0;
}

static int read_switches(const struct reader *r, const struct json *j, struct machine *m)
{
	int ret = want(r, j, JSON_ARRAY, "a list of NVSwitches");

	if (ret < 0)
		return ret;
	json_each (item, j) {
		struct machine_switch nvswitch = {.minor = (uint32_t)m->switches.n};

		ret = read_object(r, item, &machine_switch_table, &nvswitch, NULL);
		if (ret < 0)
			return ret;
		arena_push(r->a, &m->switches, nvswitch);
	}
	return 1;
}

static int read_channels(const struct reader *r, const struct json *j, struct machine *m)
{
	int ret = want(r, j, JSON_ARRAY, "a list of channel numbers");

	if (ret < 0)
		return ret;
	json_each (item, j) {
		uint64_t channel;

		if (json_u64(item, &channel) < 0 || channel > 1048575)
			return complain(r, item, "an IMEX channel is a number from 0 to 1048575");
		arena_push(r->a, &m->imex_channels, (uint32_t)channel);
	}
	return 1;
}

static int read_faults(const struct reader *r, const struct json *j, struct machine *m)
{
	int ret = want(r, j, JSON_ARRAY, "a list of faults");

	if (ret < 0)
		return ret;
	json_each (item, j) {
		struct machine_fault fault = {.gpu = -1};

		ret = read_object(r, item, &machine_fault_table, &fault, NULL);
		if (ret < 0)
			return ret;
		if (!fault.call)
			return complain(r, item,
					"a fault needs a \"call\": the name of an NVML function");
		arena_push(r->a, &m->faults, fault);
	}
	return 1;
}

static int read_top_member(const struct reader *r, const struct json *j, void *object)
{
	struct machine *m = object;
	int ret;

	if (str_is(j->key, "driver"))
		ret = read_object(r, j, &machine_driver_table, &m->driver, read_driver_member);
	else if (str_is(j->key, "majors"))
		ret = read_object(r, j, &machine_majors_table, &m->majors, NULL);
	else if (str_is(j->key, "nvswitches"))
		ret = read_switches(r, j, m);
	else if (str_is(j->key, "imex_channels"))
		ret = read_channels(r, j, m);
	else if (str_is(j->key, "missing"))
		ret = read_strings(r, j, &m->missing);
	else if (str_is(j->key, "faults"))
		ret = read_faults(r, j, m);
	else
		/* The list of GPUs comes last: it needs what "gpu" says for all of them. */
		return str_is(j->key, "gpu") || str_is(j->key, "gpus");
	return ret < 0 ? ret : 1;
}

int machine_parse(struct arena *a, struct str text, const char *name, struct machine *ret,
		  struct err *e)
{
	static const struct json_limits limits = {.max_size = MAX_DESCRIPTION,
						  .max_string = 1 << 20,
						  .max_nodes = 200000,
						  .max_depth = 16};
	const struct reader r = {a, name, e};
	struct machine m = {
		.name = "machine",
		.summary = "",
		.loaded = true,
		.modeset = true,
		.driver = {.root = "/",
			   .open = true,
			   .compiler = "gcc version 12.2.0 (Debian 12.2.0-14+deb12u1) ",
			   .parts = MACHINE_PART_COMPUTE | MACHINE_PART_UTILITY},
		.majors = {.nvidia = 195,
			   .uvm = 238,
			   .nvswitch = 239,
			   .nvlink = 240,
			   .caps = 241,
			   .imex = 242,
			   .fs = 243,
			   .gdrdrv = 244,
			   .uverbs = 231,
			   .drm = 226},
	};
	struct json *top;
	int code = json_parse(a, text, name, &limits, &top, e);

	if (code == 0)
		code = read_object(&r, top, &machine_top_table, &m, read_top_member);
	if (code == 0)
		code = read_gpus(&r, top, &m);
	if (code < 0)
		return code;
	code = machine_finish(a, &m, e);
	if (code < 0)
		return err_in(e, code, "%s", name);
	*ret = m;
	return 0;
}

int machine_load(struct arena *a, const char *path, struct machine *ret, struct err *e)
{
	struct str text;
	int code = fs_read(a, path, MAX_DESCRIPTION, &text, e);

	return code < 0 ? code : machine_parse(a, text, path, ret, e);
}

const struct machine_fault *machine_fault(const struct machine *m, const char *call, int gpu)
{
	for (size_t i = 0; i < m->faults.n; i++) {
		const struct machine_fault *fault = &m->faults.v[i];

		if (strcmp(fault->call, "*") != 0 && strcmp(fault->call, call) != 0)
			continue;
		if (fault->gpu < 0 || fault->gpu == gpu)
			return fault;
	}
	return NULL;
}

/*
 * The driver numbers capabilities in one row: 1 is mig/config, 2 mig/monitor,
 * then for each of 32 GPUs each of 15 GPU instances with its 8 compute instances.
 */
uint32_t machine_gi_minor(uint32_t gpu_minor, uint32_t gi)
{
	return 3 + (gpu_minor * MACHINE_MAX_GI + gi) * (MACHINE_MAX_CI + 1);
}

uint32_t machine_ci_minor(uint32_t gpu_minor, uint32_t gi, uint32_t ci)
{
	return machine_gi_minor(gpu_minor, gi) + 1 + ci;
}

const char *machine_layout_name(enum machine_layout layout)
{
	return machine_layout_names[layout];
}

void machine_part_names(unsigned parts, struct strbuf *out)
{
	const char *separator = "";

	for (size_t i = 0; i < COUNT_OF(machine_part_list); i++) {
		if (parts & (1u << i)) {
			strbuf_printf(out, "%s%s", separator, machine_part_list[i]);
			separator = ",";
		}
	}
}
