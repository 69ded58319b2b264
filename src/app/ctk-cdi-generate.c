/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "app/cdi-file.h"
#include "app/cdi-reader.h"
#include "app/config.h"
#include "app/ctk.h"
#include "app/self.h"
#include "base/log.h"
#include "base/path.h"
#include "cdi/generate.h"
#include "nv/platform.h"
#include "nv/select.h"

struct options {
	const char *output, *format, *mode;
	const char *driver_root, *dev_root, *hook_path, *ldconfig_path;
	const char *vendor, *class;
	struct strv naming, library_paths, config_paths;
	struct strv csv_files, csv_ignore;
	const char *csv_compat_root;
	struct strv disabled_hooks, enabled_hooks, features, ids, readers;
	bool no_all_device;
};

#define CSV_DIR "/etc/nvidia-container-runtime/host-files-for-container.d/"

static const struct cli_option options[] = {
	{"output", CLI_STRING(struct options, output), .value = "FILE",
	 .env = "NVIDIA_CTK_CDI_OUTPUT_FILE_PATH", .otherwise = "standard output",
	 .help = "Write the specification to this file, made with its directory; a file that would "
		 "not change is left alone"},
	{"format", CLI_STRING(struct options, format), .value = "FORMAT",
	 .env = "NVIDIA_CTK_CDI_GENERATE_OUTPUT_FORMAT", .choices = "yaml json",
	 .otherwise = "what the name of --output says, else yaml",
	 .help = "Format of the specification"},
	{"mode discovery-mode", CLI_STRING(struct options, mode), .value = "MODE",
	 .env = "NVIDIA_CTK_CDI_GENERATE_MODE",
	 .choices = "auto csv gdrcopy gds imex management mofed nvml nvswitch wsl",
	 .initial = "auto", .help = "What to describe; auto finds out what this machine has"},
	{"device-name-strategy", CLI_LIST(struct options, naming), .value = "LIST",
	 .env = "NVIDIA_CTK_CDI_GENERATE_DEVICE_NAME_STRATEGIES",
	 .choices = "index uuid type-index", .initial = "index,uuid",
	 .help = "How devices are named: 0 and 0:1, GPU-... and MIG-..., gpu0 and mig0:1"},
	{"driver-root", CLI_STRING(struct options, driver_root), .value = "DIR",
	 .env = "NVIDIA_CTK_DRIVER_ROOT",
	 .otherwise = "nvidia-container-cli.root of the configuration, else /",
	 .help = "Where the driver's files are installed"},
	{"dev-root", CLI_STRING(struct options, dev_root), .value = "DIR",
	 .env = "NVIDIA_CTK_DEV_ROOT", .otherwise = "the driver root",
	 .help = "What the directory dev with the device nodes lies in"},
	{"library-search-path", CLI_LIST(struct options, library_paths), .value = "DIRS",
	 .env = "NVIDIA_CTK_CDI_GENERATE_LIBRARY_SEARCH_PATHS",
	 .help = "Look for libraries in these directories of the host and nowhere else"},
	{"config-search-path", CLI_LIST(struct options, config_paths), .value = "DIRS",
	 .env = "NVIDIA_CTK_CDI_GENERATE_CONFIG_SEARCH_PATHS",
	 .help = "Look for the driver's configuration files in these directories of the host and "
		 "nowhere else"},
	{"nvidia-cdi-hook-path nvidia-ctk-path", CLI_STRING(struct options, hook_path),
	 .value = "FILE", .env = "NVIDIA_CTK_CDI_HOOK_PATH",
	 .otherwise = "nvidia-cdi-hook of this installation",
	 .help = "Program that hooks of the specification run"},
	{"ldconfig-path", CLI_STRING(struct options, ldconfig_path), .value = "FILE",
	 .env = "NVIDIA_CTK_CDI_GENERATE_LDCONFIG_PATH",
	 .help = "Give this path to the hook that updates the loader cache"},
	{"vendor cdi-vendor", CLI_STRING(struct options, vendor), .value = "NAME",
	 .env = "NVIDIA_CTK_CDI_GENERATE_VENDOR",
	 .otherwise = "nvidia.com; management.nvidia.com in mode management",
	 .help = "Vendor of the devices: the first part of nvidia.com/gpu=0"},
	{"class cdi-class", CLI_STRING(struct options, class), .value = "NAME",
	 .env = "NVIDIA_CTK_CDI_GENERATE_CLASS",
	 .otherwise = "gpu; in the modes gds, gdrcopy, mofed and nvswitch their name, in mode imex "
		      "imex-channel",
	 .help = "Class of the devices: the second part of nvidia.com/gpu=0"},
	{"csv.file", CLI_LIST(struct options, csv_files), .value = "FILES",
	 .env = "NVIDIA_CTK_CDI_GENERATE_CSV_FILES",
	 .initial = CSV_DIR "devices.csv," CSV_DIR "drivers.csv," CSV_DIR "l4t.csv",
	 .otherwise = "devices.csv, drivers.csv, l4t.csv in host-files-for-container.d of "
		      "/etc/nvidia-container-runtime",
	 .help = "Mode csv: files that list what containers get"},
	{"csv.ignore-pattern", CLI_LIST(struct options, csv_ignore), .value = "LIST",
	 .env = "NVIDIA_CTK_CDI_GENERATE_CSV_IGNORE_PATTERNS",
	 .help = "Mode csv: leave out links that match"},
	{"csv.compat-container-root", CLI_STRING(struct options, csv_compat_root), .value = "DIR",
	 .env = "NVIDIA_CTK_CDI_GENERATE_CSV_CONTAINER_COMPAT_ROOT",
	 .initial = "/usr/local/cuda/compat_orin",
	 .help = "Mode csv: where containers for Orin hold CUDA compatibility libraries"},
	{"disable-hook disable-hooks", CLI_LIST(struct options, disabled_hooks), .value = "LIST",
	 .env = "NVIDIA_CTK_CDI_GENERATE_DISABLED_HOOKS",
	 .help = "Leave out jobs of hooks: create-symlinks, enable-cuda-compat, update-ldcache, "
		 "disable-device-node-modification, update-application-profile, or all"},
	{"enable-hook enable-hooks", CLI_LIST(struct options, enabled_hooks), .value = "LIST",
	 .env = "NVIDIA_CTK_CDI_GENERATE_ENABLED_HOOKS",
	 .help = "Take in jobs that are off, such as chmod; wins over --disable-hook"},
	{"feature-flag feature-flags", CLI_LIST(struct options, features), .value = "LIST",
	 .env = "NVIDIA_CTK_CDI_GENERATE_FEATURE_FLAGS",
	 .help = "Turn features on: separate-hooks, enable-explicit-driver-libraries, "
		 "enable-coherent-annotations, no-additional-gids-for-device-nodes, "
		 "disable-ipc-discoverer"},
	{"no-all-device", CLI_BOOL(struct options, no_all_device),
	 .env = "NVIDIA_CTK_CDI_GENERATE_NO_ALL_DEVICE",
	 .help = "Leave out the device \"all\" that stands for every other"},
	{"device-id device-ids device devices", CLI_LIST(struct options, ids), .value = "LIST",
	 .env = "NVIDIA_CTK_CDI_GENERATE_DEVICE_IDS", .otherwise = "all",
	 .help = "Describe these devices: index, UUID, PCI address, 0:1 for a MIG device, a "
		 "channel in mode imex"},
	{"for", CLI_LIST(struct options, readers), .value = "ENGINES",
	 .help = "Leave out what these engines cannot read, as in podman=4.9.3 or docker=25.0; "
		 "also containerd, cri-o, and cdi for a version of CDI itself"},
};

/* Everything that is decided before the machine is looked at. */
struct plan {
	const struct options *options;
	enum cdi_format format;
	const char *file; /* NULL: standard output */
	struct cdi_reader reader;
	struct cdi_generate_options generate;
	struct strv library_paths, config_paths;
};

/* Modes but auto; csv and wsl are known, to say more than "unknown". */
static const struct mode {
	char name[12];
	bool later;
	enum cdi_mode mode;
	char vendor[24], class[16];
} modes[] = {
	{"nvml", false, CDI_MODE_NVML, "nvidia.com", "gpu"},
	{"management", false, CDI_MODE_MANAGEMENT, "management.nvidia.com", "gpu"},
	{"gds", false, CDI_MODE_GDS, "nvidia.com", "gds"},
	{"mofed", false, CDI_MODE_MOFED, "nvidia.com", "mofed"},
	{"gdrcopy", false, CDI_MODE_GDRCOPY, "nvidia.com", "gdrcopy"},
	{"nvswitch", false, CDI_MODE_NVSWITCH, "nvidia.com", "nvswitch"},
	{"imex", false, CDI_MODE_IMEX, "nvidia.com", "imex-channel"},
	{"csv", true, CDI_MODE_NVML, "nvidia.com", "gpu"},
	{"wsl", true, CDI_MODE_NVML, "nvidia.com", "gpu"},
};

static const char *platform_mode(const char *driver_root)
{
	switch (nv_platform_find(driver_root)) {
	case NV_PLATFORM_TEGRA:
		return "csv";
	case NV_PLATFORM_WSL:
		return "wsl";
	case NV_PLATFORM_PCI:
		break;
	}
	return "nvml";
}

static int plan_mode(struct plan *p, const char *name, const struct mode **ret, struct err *e)
{
	bool automatic = strcmp(name, "auto") == 0;

	if (automatic)
		name = platform_mode(p->generate.driver_root);
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		if (strcmp(modes[i].name, name) != 0)
			continue;
		if (modes[i].later)
			return err_set(e, EOPNOTSUPP,
				       "mode %s is not implemented in version " VERSION "%s", name,
				       automatic ? "; this machine needs it, try --mode=nvml to "
						   "describe discrete GPUs"
						 : "");
		if (automatic)
			log_debug("mode auto: %s", name);
		p->generate.mode = modes[i].mode;
		*ret = &modes[i];
		return 0;
	}
	return err_set(e, EINVAL, "unknown mode \"%s\"", name);
}

static void plan_naming(struct plan *p)
{
	static const struct {
		char name[12];
		enum cdi_naming naming;
	} strategies[] = {{"index", CDI_NAME_INDEX},
			  {"uuid", CDI_NAME_UUID},
			  {"type-index", CDI_NAME_TYPE_INDEX}};
	const struct strv *wanted = &p->options->naming;

	for (size_t i = 0; i < wanted->n; i++)
		for (size_t k = 0; k < COUNT_OF(strategies); k++)
			if (strcmp(wanted->v[i], strategies[k].name) == 0)
				p->generate.naming |= strategies[k].naming;
}

/* A configured root, an absolute directory; "/" and "" are the same. */
static int plan_root(struct arena *a, const char *what, const char *root, const char **ret,
		     struct err *e)
{
	auto_free char *clean = NULL;

	*ret = "/";
	if (!root || !*root)
		return 0;
	if (root[0] != '/')
		return err_set(e, EINVAL, "%s %s: must be an absolute path", what, root);
	clean = path_clean(root);
	*ret = arena_strdup(a, clean);
	return 0;
}

static int plan_roots(const struct cli_call *call, struct plan *p, struct err *e)
{
	const struct ctk_global *global = call->values[0];
	const struct options *o = p->options;
	const char *driver_root = o->driver_root;
	struct config config;
	int r;

	if (!driver_root) {
		r = config_load(call->arena, global->config, &config, e);
		if (r < 0)
			return r;
		config_log_warnings(&config);
		if (global->config && !config.path)
			log_warn("%s does not exist: the driver root is /", global->config);
		driver_root = config.cli.root;
	}
	r = plan_root(call->arena, "driver root", driver_root, &p->generate.driver_root, e);
	if (r < 0)
		return r;
	return plan_root(call->arena, "--dev-root", o->dev_root ? o->dev_root : driver_root,
			 &p->generate.host.dev_root, e);
}

/* Directories may also stand together with colons between, as in LD_LIBRARY_PATH. */
static int plan_paths(struct arena *a, const char *option, const struct strv *from, struct strv *to,
		      struct err *e)
{
	for (size_t i = 0; i < from->n; i++) {
		struct str rest = str_of(from->v[i]), dir;

		while (str_split(&rest, ':', &dir)) {
			if (!str_has_prefix(dir, "/"))
				return err_set(e, EINVAL, "%s \"%.*s\": must be an absolute path",
					       option, STR_ARG(dir));
			arena_push(a, to, arena_str(a, dir));
		}
	}
	return 0;
}

static int plan_hook_program(struct arena *a, struct plan *p, struct err *e)
{
	const char *path = p->options->hook_path;
	const char *name = path ? path_base(path) : "";

	if (path && *path && path[0] != '/' && strcmp(name, "nvidia-cdi-hook") != 0 &&
	    strcmp(name, "nvidia-ctk") != 0)
		return err_set(e, EINVAL,
			       "--nvidia-cdi-hook-path %s: must be an absolute path, or the name "
			       "nvidia-cdi-hook for that of this installation",
			       path);
	p->generate.hook_path = self_hook_program(a, path);
	if (p->options->ldconfig_path && *p->options->ldconfig_path)
		p->generate.ldconfig_path = p->options->ldconfig_path;
	return 0;
}

static void plan_output(struct arena *a, struct plan *p)
{
	const struct options *o = p->options;
	bool said_json = o->format && strcmp(o->format, "json") == 0;
	enum cdi_format named;

	p->format = said_json ? CDI_FORMAT_JSON : CDI_FORMAT_YAML;
	if (!o->output || !*o->output)
		return;
	p->file = cdi_file_name(a, o->output, p->format);
	if (strcmp(p->file, o->output) != 0)
		log_warn("%s is written as %s: engines read .yaml and .json files only", o->output,
			 p->file);
	if (!cdi_file_format_of(p->file, &named))
		return;
	if (o->format && named != p->format)
		log_warn("--format=%s does not fit the name of %s, which decides", o->format,
			 p->file);
	p->format = named;
}

static int plan_kind(struct arena *a, struct plan *p, const struct mode *mode, struct err *e)
{
	struct cdi_generate_options *g = &p->generate;

	g->vendor = p->options->vendor ? p->options->vendor : mode->vendor;
	g->class = p->options->class ? p->options->class : mode->class;
	if (!cdi_kind_is_valid(str_of(arena_printf(a, "%s/c", g->vendor))))
		return err_set(e, EINVAL,
			       "--vendor \"%s\": must begin with a letter, end with a letter or "
			       "digit, and have only letters, digits, _ - . between",
			       g->vendor);
	if (!cdi_kind_is_valid(str_of(arena_printf(a, "v/%s", g->class))))
		return err_set(e, EINVAL,
			       "--class \"%s\": must begin with a letter, end with a letter or "
			       "digit, and have only letters, digits, _ - . between",
			       g->class);
	return 0;
}

/* Names of one kind that users write, from the table of cdi/generate. */
static const struct names {
	char what[16];
	unsigned (*bit_of)(struct str name);
	const char *(*name)(size_t i);
} hook_names = {"hook", cdi_job_of, cdi_job_name},
  feature_names = {"feature flag", cdi_feature_of, cdi_feature_name};

/* A name that is not known warns: it may be of another version (design.md 4.12). */
static void warn_of_unknown(const struct names *known, const char *word)
{
	AUTO(strbuf_done) struct strbuf list = {0};
	struct cli_guess guess = {.word = str_of(word)};
	const char *name;

	for (size_t i = 0; (name = known->name(i)); i++) {
		cli_guess_try(&guess, str_of(name));
		strbuf_printf(&list, "%s%s", i > 0 ? ", " : "", name);
	}
	if (guess.best.n > 0)
		log_warn("unknown %s \"%s\" is ignored, did you mean \"%.*s\"?", known->what, word,
			 STR_ARG(guess.best));
	else
		log_warn("unknown %s \"%s\" is ignored (known: %s)", known->what, word, list.p);
}

static unsigned known_bits(const struct names *known, const struct strv *words)
{
	unsigned bits = 0;

	for (size_t i = 0; i < words->n; i++) {
		unsigned bit = known->bit_of(str_of(words->v[i]));

		bits |= bit;
		if (bit == 0)
			warn_of_unknown(known, words->v[i]);
	}
	return bits;
}

static int plan_hooks(struct plan *p, struct err *e)
{
	const struct options *o = p->options;
	unsigned jobs = CDI_JOB_ALL & ~(unsigned)CDI_JOB_CHMOD;
	unsigned enabled = known_bits(&hook_names, &o->enabled_hooks);

	for (size_t i = 0; i < o->enabled_hooks.n; i++)
		if (strcmp(o->enabled_hooks.v[i], "all") == 0)
			return err_set(e, EINVAL, "--enable-hook=all: name the hooks to enable");
	if (p->generate.mode == CDI_MODE_MANAGEMENT)
		jobs &= ~(unsigned)CDI_JOB_DEVICE_NODES;
	jobs &= ~known_bits(&hook_names, &o->disabled_hooks);
	p->generate.jobs = jobs | enabled;
	return 0;
}

static void plan_devices(struct plan *p)
{
	const struct strv *ids = &p->options->ids;

	p->generate.no_all_device = p->options->no_all_device;
	for (size_t i = 0; i < ids->n && !p->generate.no_all_device; i++) {
		if (strcmp(ids->v[i], "none") == 0) {
			log_warn("--device-id=none: the device \"all\" is left out");
			p->generate.no_all_device = true;
		}
	}
}

static int make_plan(const struct cli_call *call, struct plan *p, struct err *e)
{
	const struct options *o = p->options;
	const struct mode *mode = NULL;
	struct arena *a = call->arena;
	int r;

	plan_naming(p);
	if ((r = plan_roots(call, p, e)) < 0 || (r = plan_mode(p, o->mode, &mode, e)) < 0 ||
	    (r = plan_hook_program(a, p, e)) < 0)
		return r;
	plan_output(a, p);
	if ((r = plan_kind(a, p, mode, e)) < 0 || (r = plan_hooks(p, e)) < 0 ||
	    (r = cdi_reader_parse(a, &o->readers, &p->reader, e)) < 0 ||
	    (r = plan_paths(a, "--library-search-path", &o->library_paths, &p->library_paths, e)) <
		    0 ||
	    (r = plan_paths(a, "--config-search-path", &o->config_paths, &p->config_paths, e)) < 0)
		return r;
	plan_devices(p);
	p->generate.features = known_bits(&feature_names, &o->features);
	if (!cdi_reader_knows(&p->reader, "0.7.0"))
		p->generate.features |= CDI_FEATURE_NO_GIDS;
	p->generate.classes = NV_CLASS_ALL;
	p->generate.fingerprint = true;
	return 0;
}

/* Modes that describe nodes of other drivers need neither NVIDIA's driver nor its GPUs. */
static bool needs_driver(enum cdi_mode mode)
{
	return mode == CDI_MODE_NVML || mode == CDI_MODE_MANAGEMENT;
}

static bool needs_nvml(const struct plan *p, const struct nv_snapshot *s)
{
	const struct cdi_generate_options *g = &p->generate;

	if (g->mode != CDI_MODE_NVML)
		return false;
	if (g->features & CDI_FEATURE_COHERENT_ANNOTATIONS)
		return true;
	for (size_t i = 0; i < s->gpus.n; i++) {
		const struct nv_gpu *gpu = &s->gpus.v[i];

		if (gpu->sick)
			continue;
		if (gpu->mig_enabled != NV_NO || ((g->naming & CDI_NAME_UUID) && !gpu->uuid))
			return true;
	}
	return nv_select_needs_nvml(&s->gpus, &p->options->ids);
}

static int look_at_machine(struct arena *a, const struct plan *p, struct nv_snapshot *ret,
			   struct err *e)
{
	const struct cdi_generate_options *g = &p->generate;
	struct nv_snapshot_query q = {
		.driver = {.driver_root = g->driver_root,
			   .library_paths = &p->library_paths,
			   .config_paths = &p->config_paths,
			   .explicit_libraries = g->features & CDI_FEATURE_EXPLICIT_LIBRARIES,
			   .no_ipc = g->features & CDI_FEATURE_NO_IPC,
			   .host = g->host},
	};
	int r;

	if (!needs_driver(g->mode))
		return 0;
	r = nv_snapshot_get(a, &q, ret, e);
	if (r < 0 || !needs_nvml(p, ret))
		return r;
	r = self_program(a, "nvml-facts", &q.nvml_program, e);
	return r < 0 ? r : nv_snapshot_need_nvml(a, &q, ret, e);
}

#define MAX_SPECS 3

struct specs {
	struct cdi_spec v[MAX_SPECS];
	size_t n;
};

static int make_specs(struct arena *a, const struct plan *p, const struct nv_snapshot *s,
		      struct specs *ret, struct err *e)
{
	int r = cdi_generate_spec(a, &p->generate, s, &p->options->ids, &ret->v[0], e);

	if (r < 0)
		return r;
	ret->n = 1;
	if (p->generate.features & CDI_FEATURE_COHERENT_ANNOTATIONS)
		ret->n += cdi_generate_coherent(a, &ret->v[0], &ret->v[1]);
	for (size_t i = 0; i < ret->n; i++) {
		/* Without its annotations the first may do with less. */
		ret->v[i].version = cdi_spec_minimum_version(&ret->v[i]);
		if (p->reader.who && (r = cdi_reader_fit(&p->reader, &ret->v[i], e)) < 0)
			return r;
		if ((r = cdi_spec_validate(&ret->v[i], e)) < 0)
			return err_in(e, r, "generated specification of %s", ret->v[i].kind);
	}
	return 0;
}

/* The base specification's file, with what its class adds to the base class before the extension:
 * nvidia.coherent.yaml. */
static const char *file_of(struct arena *a, const struct plan *p, const struct specs *specs,
			   size_t i)
{
	size_t dot = strlen(p->file) - strlen(".yaml"); /* as long as ".json" */

	return arena_printf(a, "%.*s%s%s", (int)dot, p->file,
			    specs->v[i].kind + strlen(specs->v[0].kind), p->file + dot);
}

/* All are encoded and checked by now: only writing itself can fail half-way. */
static int write_specs(struct arena *a, const struct plan *p, const struct specs *specs,
		       struct err *e)
{
	for (size_t i = 0; i < specs->n; i++) {
		AUTO(strbuf_done) struct strbuf text = {0};

		cdi_file_encode(&specs->v[i], p->format, &text);
		if (p->file) {
			const char *file = file_of(a, p, specs, i);
			int r = cdi_file_write(file, strbuf_str(&text), e);

			if (r < 0)
				return r;
			log_debug("%s: %s", file, r > 0 ? "unchanged" : "written");
		} else {
			if (i > 0 && p->format == CDI_FORMAT_JSON)
				(void)putchar('\n');
			(void)fwrite(text.p, 1, text.n, stdout);
		}
		log_info("Generated CDI spec with version %s", specs->v[i].version);
	}
	return 0;
}

static int run(const struct cli_call *call, struct err *e)
{
	struct plan p = {.options = call->options};
	struct nv_snapshot snapshot = {0};
	struct specs specs = {0};
	int r = make_plan(call, &p, e);

	if (r < 0 || (r = look_at_machine(call->arena, &p, &snapshot, e)) < 0 ||
	    (r = make_specs(call->arena, &p, &snapshot, &specs, e)) < 0)
		return r;
	return write_specs(call->arena, &p, &specs, e);
}

const struct cli_command ctk_cdi_generate = {
	"generate",
	.summary = "Write a CDI specification for this machine's GPUs",
	.about = "Describes the GPUs, their MIG devices and the driver's files for engines "
		 "that read CDI specifications: podman, Docker, containerd, CRI-O. Run it "
		 "again after a driver upgrade or a change of MIG devices.\n\n"
		 "  nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml\n"
		 "  nvidia-ctk cdi generate --for=podman=4.9.3 --output=/etc/cdi/nvidia.yaml",
	CLI_OPTIONS(struct options, options),
	.run = run,
};
