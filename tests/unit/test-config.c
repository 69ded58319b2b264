/* SPDX-License-Identifier: Apache-2.0 */
#include "app/config.h"

#include <sys/stat.h>

#include "app/config-keys.h"
#include "base/fs.h"
#include "base/str.h"
#include "test.h"

static char scratch[] = "/tmp/test-config.XXXXXX";
static struct arena arena;

static void leave_scratch(void)
{
	(void)unlink("config.toml");
	(void)rmdir("config.toml");
	(void)rmdir(scratch);
	arena_done(&arena);
}

static void enter_scratch(const char *text)
{
	struct err e;

	CHECK(mkdtemp(scratch));
	CHECK_INT(chdir(scratch), 0);
	(void)atexit(leave_scratch);
	if (text)
		CHECK_OK(fs_write_atomic("config.toml", str_of(text), 0644, 0, &e), &e);
}

static struct config load(const char *text)
{
	struct config c;
	struct err e;

	enter_scratch(text);
	CHECK_OK(config_load(&arena, "config.toml", &c, &e), &e);
	return c;
}

static void check_refused(const char *text, int code, const char *words)
{
	struct config c;
	struct err e;

	CHECK_OK(fs_write_atomic("config.toml", str_of(text), 0644, 0, &e), &e);
	CHECK_INT(config_load(&arena, "config.toml", &c, &e), code);
	if (!strstr(e.text, words))
		FAIL("%s", e.text);
}

static const char *joined(struct strv list)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	for (size_t i = 0; i < list.n; i++)
		strbuf_printf(&b, "%s%s", i > 0 ? " " : "", list.v[i]);
	return arena_str(&arena, strbuf_str(&b));
}

static void check_defaults(const struct config *c)
{
	CHECK(!c->disable_require && c->accept_envvar_when_unprivileged &&
	      !c->accept_volume_mounts && c->cli.load_kmods && !c->cli.no_pivot);
	CHECK_INT(c->cli.no_cgroups, CONFIG_NO);
	CHECK_STR(c->swarm_resource, "");
	CHECK_STR(c->supported_driver_capabilities,
		  "compat32,compute,display,graphics,ngx,utility,video");
	CHECK_STR(c->compat_level, "documented");
	CHECK_STR(c->cli.root, "");
	CHECK_STR(c->runtime.debug, "/dev/null");
	CHECK_STR(c->runtime.log_level, "info");
	CHECK_STR(c->runtime.mode, "auto");
	CHECK_STR(c->runtime.mounts, "runtime");
	CHECK_STR(joined(c->runtime.runtimes), "runc crun");
	CHECK_STR(joined(c->runtime.cdi_spec_dirs), "/etc/cdi /var/run/cdi");
	CHECK_STR(joined(c->runtime.cdi_annotation_prefixes), "cdi.k8s.io/");
	CHECK_STR(joined(c->runtime.cdi_allowed_kinds), "* !management.nvidia.com/*");
	CHECK_STR(c->runtime.cdi_default_kind, "nvidia.com/gpu");
	CHECK_STR(c->runtime.legacy_cuda_compat_mode, "ldconfig");
	CHECK_STR(c->hook_path, "nvidia-container-runtime-hook");
	CHECK_STR(c->ctk_path, "nvidia-ctk");
	CHECK_INT(c->warnings.n, 0);
}

TEST(an_absent_file_means_the_defaults)
{
	struct config c = load(NULL);

	check_defaults(&c);
	CHECK(!c.path && !c.doc);
	CHECK_STR(config_place(&arena, &c, "nvidia-container-runtime.mode"),
		  "default configuration");
}

TEST(an_empty_file_means_the_defaults)
{
	struct config c = load("");

	check_defaults(&c);
	CHECK_STR(c.path, "config.toml");
}

TEST(the_default_file_means_the_defaults)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct config c;

	config_write_default(&text);
	c = load(text.p);
	CHECK_STR(c.cli.ldconfig, config_default_ldconfig());
	c.cli.ldconfig = "";
	check_defaults(&c);
}

TEST(the_default_file_is_the_one_that_packages_write)
{
	AUTO(strbuf_done) struct strbuf text = {0};

	if (access("/sbin/ldconfig.real", F_OK) == 0 || config_default_user()[0] != '\0')
		return;
	config_write_default(&text);
	CHECK_STR(text.p,
		  "#accept-nvidia-visible-devices-as-volume-mounts = false\n"
		  "#accept-nvidia-visible-devices-envvar-when-unprivileged = true\n"
		  "disable-require = false\n"
		  "supported-driver-capabilities = "
		  "\"compat32,compute,display,graphics,ngx,utility,video\"\n"
		  "#swarm-resource = \"DOCKER_RESOURCE_GPU\"\n"
		  "\n"
		  "[nvidia-container-cli]\n"
		  "#debug = \"/var/log/nvidia-container-toolkit.log\"\n"
		  "environment = []\n"
		  "#ldcache = \"/etc/ld.so.cache\"\n"
		  "ldconfig = \"@/sbin/ldconfig\"\n"
		  "load-kmods = true\n"
		  "#no-cgroups = false\n"
		  "#path = \"/usr/bin/nvidia-container-cli\"\n"
		  "#root = \"/run/nvidia/driver\"\n"
		  "#user = \"root:video\"\n"
		  "\n"
		  "[nvidia-container-runtime]\n"
		  "#debug = \"/var/log/nvidia-container-runtime.log\"\n"
		  "log-level = \"info\"\n"
		  "mode = \"auto\"\n"
		  "runtimes = [\"runc\", \"crun\"]\n"
		  "\n"
		  "[nvidia-container-runtime.modes]\n"
		  "\n"
		  "[nvidia-container-runtime.modes.cdi]\n"
		  "annotation-prefixes = [\"cdi.k8s.io/\"]\n"
		  "default-kind = \"nvidia.com/gpu\"\n"
		  "spec-dirs = [\"/etc/cdi\", \"/var/run/cdi\"]\n"
		  "\n"
		  "[nvidia-container-runtime.modes.csv]\n"
		  "mount-spec-path = \"/etc/nvidia-container-runtime/host-files-for-container.d\"\n"
		  "\n"
		  "[nvidia-container-runtime.modes.legacy]\n"
		  "cuda-compat-mode = \"ldconfig\"\n"
		  "\n"
		  "[nvidia-container-runtime-hook]\n"
		  "path = \"nvidia-container-runtime-hook\"\n"
		  "skip-mode-detection = false\n"
		  "\n"
		  "[nvidia-ctk]\n"
		  "path = \"nvidia-ctk\"\n");
}

TEST(values_are_read_and_lists_replaced)
{
	struct config c = load("disable-require = true\n"
			       "compat-level = \"reference\"\n"
			       "[nvidia-container-cli]\n"
			       "root = \"/run/nvidia/driver\"\n"
			       "environment = [\"A=1\", \"B=2\"]\n"
			       "no-cgroups = \"auto\"\n"
			       "[nvidia-container-runtime]\n"
			       "runtimes = [\"/usr/bin/crun\"]\n"
			       "[nvidia-container-runtime.modes.cdi]\n"
			       "annotation-prefixes = []\n"
			       "[features]\n"
			       "ignore-imex-channel-requests = true\n");

	CHECK(c.disable_require && c.features.ignore_imex_channel_requests);
	CHECK_STR(c.compat_level, "reference");
	CHECK_STR(c.cli.root, "/run/nvidia/driver");
	CHECK_STR(joined(c.cli.environment), "A=1 B=2");
	CHECK_INT(c.cli.no_cgroups, CONFIG_AUTO);
	CHECK_STR(joined(c.runtime.runtimes), "/usr/bin/crun");
	CHECK_INT(c.runtime.cdi_annotation_prefixes.n, 0);
	CHECK_STR(config_place(&arena, &c, "nvidia-container-cli.root"), "config.toml:4:8");
}

TEST(keys_may_be_written_in_capitals)
{
	struct config c = load("[NVIDIA-CONTAINER-CLI]\nROOT = \"/x\"\n");

	CHECK_STR(c.cli.root, "/x");
	CHECK_INT(c.warnings.n, 0);
}

/* A value of a type that the row does not take. */
static const char *wrong_value(enum config_type type)
{
	return type == CONFIG_STRING ? "[]" : type == CONFIG_LIST ? "\"x\"" : "7";
}

TEST(every_key_refuses_a_value_of_the_wrong_type)
{
	enter_scratch(NULL);
	for (size_t i = 0; i < config_row_count; i++) {
		const struct config_row *row = &config_rows[i];
		const char *value = wrong_value(row->type);
		const char *text = arena_printf(&arena, "\n%s = %s\n", row->key, value);
		const char *want = arena_printf(&arena, "config.toml:2:%zu: %s must be ",
						strlen(row->key) + 4, row->key);

		check_refused(text, -EBADMSG, want);
	}
}

TEST(a_wrong_value_says_where_and_what)
{
	enter_scratch(NULL);
	check_refused(
		"disable-require = \"yes\"\n", -EBADMSG,
		"configuration: config.toml:1:19: disable-require must be true or false, not a "
		"string");
	check_refused("[nvidia-container-runtime]\nruntimes = [\"runc\", 1]\n", -EBADMSG,
		      "config.toml:2:21: nvidia-container-runtime.runtimes must be a list of "
		      "strings, not a number");
	check_refused("[nvidia-container-cli]\nno-cgroups = \"perhaps\"\n", -EBADMSG,
		      "must be true, false or \"auto\"");
	check_refused("[features]\n= 3\n", -EBADMSG, "config.toml:2:1: ");
	check_refused("nvidia-ctk = 1\n", -EBADMSG,
		      "config.toml:1:14: nvidia-ctk must be a table, not a number");
	check_refused("[disable-require]\n", -EBADMSG, "must be true or false, not a table");
}

TEST(unknown_keys_warn_with_a_suggestion)
{
	struct config c = load("disable-requir = true\n"
			       "[nvidia-container-runtime]\nexperimental = true\n"
			       "[nvidia-container-runtime.modes.cdi]\nspec-dir = []\n"
			       "[magic.deep]\nx = 1\n");

	CHECK_INT(c.warnings.n, 4);
	CHECK_STR(c.warnings.v[0], "config.toml:1: unknown key disable-requir, ignored; did you "
				   "mean disable-require?");
	CHECK(strstr(c.warnings.v[1], "config.toml:3: nvidia-container-runtime.experimental has no "
				      "effect any more"));
	CHECK(strstr(c.warnings.v[2],
		     "did you mean nvidia-container-runtime.modes.cdi.spec-dirs?"));
	CHECK(strstr(c.warnings.v[3], "unknown key magic, ignored"));
	CHECK(!c.disable_require);
}

TEST(a_file_that_others_may_write_is_not_trusted)
{
	struct config c;
	struct err e;

	enter_scratch("");
	CHECK_INT(chmod("config.toml", 0666), 0);
	CHECK_INT(config_load(&arena, "config.toml", &c, &e), -EPERM);
	CHECK(strstr(e.text, "chmod go-w"));
}

TEST(a_directory_is_no_configuration)
{
	struct config c;
	struct err e;

	enter_scratch(NULL);
	CHECK_INT(mkdir("config.toml", 0755), 0);
	CHECK_INT(config_load(&arena, "config.toml", &c, &e), -EINVAL);
	CHECK_STR(e.text, "configuration: config.toml is not a regular file");
}

TEST(a_refusal_names_the_place_of_the_value)
{
	struct config c = load("[nvidia-container-runtime]\nmode = \"foo\"\n");
	struct err e;

	CHECK_INT(config_refuse(&c, "nvidia-container-runtime.mode", &e, "no mode %s", "foo"),
		  -EINVAL);
	CHECK_STR(e.text, "config.toml:2:8: nvidia-container-runtime.mode: no mode foo");
}

TEST(the_environment_says_where_the_file_is)
{
	CHECK_INT(unsetenv("NVIDIA_CTK_CONFIG_FILE_PATH"), 0);
	CHECK_INT(unsetenv("XDG_CONFIG_HOME"), 0);
	CHECK_STR(config_default_path(&arena), "/etc/nvidia-container-runtime/config.toml");
	CHECK_INT(setenv("XDG_CONFIG_HOME", "/home/x/.config", 1), 0);
	CHECK_STR(config_default_path(&arena),
		  "/home/x/.config/nvidia-container-runtime/config.toml");
	CHECK_INT(setenv("NVIDIA_CTK_CONFIG_FILE_PATH", "/c", 1), 0);
	CHECK_STR(config_default_path(&arena), "/c");
	arena_done(&arena);
}
