/* SPDX-License-Identifier: Apache-2.0 */
#include "app/runtime.h"

#include <errno.h>
#include <limits.h>

#include "app/runtime-internal.h"
#include "base/log.h"
#include "base/path.h"
#include "base/str.h"
#include "cdi/apply.h"

/* The release of the OCI runtime specification that config.json is read by. */
#define OCI_SPEC "1.3.0"

static bool is_json(const struct oci_command *c)
{
	return c->log_format && strcmp(c->log_format, "json") == 0;
}

static void add_file(const char *path, enum log_format format)
{
	struct err e;

	if (path && path[0] != '\0' && strcmp(path, "/dev/null") != 0 &&
	    log_add_file(path, format, &e) < 0)
		log_warn("%s", e.text);
}

/*
 * Engines name a file by --log and read the last error in it, to show it to
 * their user. Before the configuration is read there is no other place for a line.
 */
static void start_log(const struct oci_command *c)
{
	enum log_format format = is_json(c) ? LOG_JSON : LOG_TEXT;

	log_clear();
	add_file(c->log, format);
	if (c->debug)
		log_threshold = LOG_DEBUG;
}

static void configure_log(const struct oci_command *c, const struct config *config)
{
	enum log_level level = LOG_INFO;
	int r = log_level_parse(config->runtime.log_level, &level);

	log_threshold = c->debug ? LOG_DEBUG : level;
	add_file(config->runtime.debug, is_json(c) ? LOG_JSON : LOG_TEXT);
	if (r < 0)
		log_warn("error getting log level: invalid log-level '%s', info is used",
			 config->runtime.log_level);
	config_log_warnings(config);
}

/* The error as the last line of the log file, where engines look, and for people. */
static int fail(const struct err *e)
{
	log_error("%s", e->text);
	log_clear();
	log_add_stderr(LOG_TEXT);
	log_error("%s", e->text);
	return 1;
}

/* With version the low-level runtime's own text follows. */
static int print_banner(struct err *e)
{
	struct str rest = STR("NVIDIA Container Runtime version " VERSION "\n"
			      "spec: " OCI_SPEC "\n\n");

	while (rest.n > 0) {
		ssize_t n = write(STDOUT_FILENO, rest.p, rest.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "write to standard output");
		rest = str_sub(rest, (size_t)n, rest.n);
	}
	return 0;
}

/*
 * kill, delete, state and all the others have nothing to do with GPUs: they
 * work whatever the configuration looks like, else containers could not be
 * got rid of.
 */
static int pass_on(struct arena *a, const struct oci_command *c, char *const *argv, struct err *e)
{
	struct config config;
	const char *path;
	struct err bad;
	int r;

	if (config_load(a, NULL, &config, &bad) < 0) {
		start_log(c);
		log_warn("%s; the default configuration is used", bad.text);
		config_defaults(a, &config);
	}
	if (c->version) {
		r = print_banner(e);
		if (r < 0)
			return r;
	}
	r = oci_runtime_find(a, &config.runtime.runtimes, &path, e);
	return r < 0 ? r : oci_runtime_exec(path, argv, e);
}

static int find_bundle(struct runtime *rt, const char **ret_config, struct err *e)
{
	auto_free char *bundle = NULL;
	auto_free char *config = NULL;
	char cwd[PATH_MAX];

	if (rt->command.bundle_missing)
		return err_set(
			e, EINVAL,
			"the option --bundle needs an argument: the directory of config.json");
	if (rt->command.bundle && rt->command.bundle[0] == '/') {
		bundle = path_clean(rt->command.bundle);
	} else {
		if (!getcwd(cwd, sizeof(cwd)))
			return err_sys(e, "find the working directory");
		bundle = path_join(cwd, rt->command.bundle ? rt->command.bundle : "");
	}
	rt->bundle = arena_strdup(rt->arena, bundle);
	config = path_join(bundle, "config.json");
	*ret_config = rt->command.config ? rt->command.config : arena_strdup(rt->arena, config);
	return 0;
}

static int compute_edits(struct runtime *rt, struct cdi_edits *ret, struct err *e)
{
	static const char later[] = "mode %s comes with a later release: set "
				    "nvidia-container-runtime.mode to auto, jit-cdi or cdi";

	if (rt->mode == RUNTIME_CSV)
		return err_set(e, EOPNOTSUPP, later, "csv (Jetson and other Tegra machines)");
	if (rt->mode == RUNTIME_LEGACY)
		return err_set(e, EOPNOTSUPP, later, "legacy");
	if (rt->mode == RUNTIME_CDI)
		return runtime_cdi_edits(rt, ret, e);
	return runtime_jit_edits(rt, &rt->request.devices, ret, e);
}

/* Everything is computed before anything is changed; the file is written last. */
static int edit_spec(struct runtime *rt, struct err *e)
{
	struct cdi_edits edits = {0};
	const char *path = NULL;
	int r = find_bundle(rt, &path, e);

	if (r == 0)
		r = oci_spec_load(rt->arena, path, &rt->spec, e);
	if (r == 0)
		r = runtime_request(rt, e);
	if (r < 0)
		return r;
	if (rt->request.source == NV_SOURCE_NONE) {
		log_debug("no GPU is asked for: %s stays as it is", path);
		return 0;
	}
	r = compute_edits(rt, &edits, e);
	if (r < 0)
		return r;
	/* docker --gpus adds the prestart hook beside the variable; both would do the same work. */
	(void)oci_spec_remove_nvidia_hooks(&rt->spec);
	r = cdi_apply(&rt->spec, &edits, e);
	if (r == 0)
		r = oci_spec_save(&rt->spec, e);
	return r < 0 ? r : 0;
}

static int create(struct arena *a, const struct oci_command *c, char *const *argv, const char *mode,
		  struct err *e)
{
	struct runtime rt = {.arena = a, .command = *c};
	int r;

	start_log(c);
	r = config_load(a, NULL, &rt.config, e);
	if (r < 0)
		return r;
	configure_log(c, &rt.config);
	r = runtime_settings(&rt, mode, e);
	if (r == 0)
		r = oci_runtime_find(a, &rt.config.runtime.runtimes, &rt.low_level, e);
	if (r == 0)
		r = edit_spec(&rt, e);
	if (r < 0)
		return r;
	log_debug("execute %s", rt.low_level);
	return oci_runtime_exec(rt.low_level, argv, e);
}

int runtime_main(int argc, char *const *argv, const char *mode)
{
	AUTO(arena_done) struct arena a = {0};
	struct oci_command c;
	struct err e;

	oci_command_parse(argc, argv, &c);
	if (oci_command_creates(&c) && !c.version) {
		(void)create(&a, &c, argv, mode, &e);
	} else {
		(void)pass_on(&a, &c, argv, &e);
		start_log(&c);
	}
	return fail(&e);
}
