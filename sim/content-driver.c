/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a driver installation: one table of what there is, one of where it lies. */
#include <stdlib.h>

#include "base/path.h"
#include "content.h"
#include "elf-file.h"
#include "hide-symbol.h"

enum library_flags {
	LIB_DEV_LINK = 1, /* libx.so is installed beside libx.so.1 */
	LIB_32 = 2,	  /* also in the 32-bit set */
	LIB_TLS = 4,	  /* says in a note that it needs Linux 2.3.99 */
};

struct library {
	char name[28];
	char soname[4];	 /* "1"; "": the versioned name itself */
	char version[8]; /* its own; "": that of the driver */
	char dir[8];	 /* below the library directory */
	unsigned parts;
	unsigned flags;
};

#define COMPUTE	 MACHINE_PART_COMPUTE
#define GRAPHICS MACHINE_PART_GRAPHICS
#define UTILITY	 MACHINE_PART_UTILITY
#define VIDEO	 MACHINE_PART_VIDEO
#define BOTH	 (LIB_DEV_LINK | LIB_32)

static const struct library libraries[] = {
	{"libnvidia-ml", "1", "", "", UTILITY, LIB_DEV_LINK},
	{"libnvidia-cfg", "1", "", "", UTILITY, LIB_DEV_LINK},
	{"libnvidia-nscq", "2", "", "", MACHINE_PART_FABRICMANAGER, 0},
	{"libcuda", "1", "", "", COMPUTE, BOTH},
	{"libcudadebugger", "1", "", "", COMPUTE, 0},
	{"libnvidia-opencl", "1", "", "", COMPUTE, LIB_32},
	{"libnvidia-gpucomp", "", "", "", COMPUTE | GRAPHICS, LIB_32},
	{"libnvidia-ptxjitcompiler", "1", "", "", COMPUTE, LIB_32},
	{"libnvidia-nvvm", "4", "", "", COMPUTE, LIB_32},
	{"libnvidia-allocator", "1", "", "", COMPUTE | GRAPHICS, BOTH},
	{"libnvidia-pkcs11-openssl3", "", "", "", COMPUTE, 0},
	{"libnvidia-sandboxutils", "1", "", "", COMPUTE, 0},
	{"libnvidia-ngx", "1", "", "", MACHINE_PART_NGX, 0},
	{"libnvcuvid", "1", "", "", VIDEO, BOTH},
	{"libnvidia-encode", "1", "", "", VIDEO, BOTH},
	{"libnvidia-opticalflow", "1", "", "", VIDEO, LIB_32},
	{"libvdpau_nvidia", "1", "", "vdpau", VIDEO, LIB_32},
	{"libnvidia-eglcore", "", "", "", GRAPHICS, LIB_32},
	{"libnvidia-glcore", "", "", "", GRAPHICS, LIB_32},
	{"libnvidia-tls", "", "", "", GRAPHICS, LIB_32 | LIB_TLS},
	{"libnvidia-glsi", "", "", "", GRAPHICS, LIB_32},
	{"libnvidia-fbc", "1", "", "", GRAPHICS, BOTH},
	{"libnvidia-rtcore", "", "", "", GRAPHICS, 0},
	{"libnvoptix", "1", "", "", GRAPHICS, 0},
	{"libGLX_nvidia", "0", "", "", GRAPHICS, LIB_32},
	{"libEGL_nvidia", "0", "", "", GRAPHICS, LIB_32},
	{"libGLESv2_nvidia", "2", "", "", GRAPHICS, LIB_32},
	{"libGLESv1_CM_nvidia", "1", "", "", GRAPHICS, LIB_32},
	{"libnvidia-glvkspirv", "", "", "", GRAPHICS, LIB_32},
	{"libnvidia-vulkan-producer", "", "", "", GRAPHICS, 0},
	{"libnvidia-egl-gbm", "1", "1.1.2", "", GRAPHICS, 0},
	{"libnvidia-egl-wayland", "1", "1.1.20", "", GRAPHICS, 0},
	{"libnvidia-egl-xcb", "1", "1.0.3", "", GRAPHICS, 0},
	{"libnvidia-egl-xlib", "1", "1.0.3", "", GRAPHICS, 0},
};

/* What a program loads by name has functions; elsewhere one name says where it comes from. */
static const char *function_of(const char *library)
{
	if (strcmp(library, "libcuda") == 0)
		return "cuInit";
	return strcmp(library, "libnvidia-ml") == 0 ? "nvmlInit_v2" : "nvidia_gpu_sim";
}

static const struct {
	char name[24];
	unsigned part;
	mode_t mode;
} programs[] = {
	{"nvidia-smi", UTILITY, 0755},
	{"nvidia-debugdump", UTILITY, 0755},
	{"nvidia-modprobe", UTILITY, 04755},
	{"nvidia-bug-report.sh", UTILITY, 0755},
	{"nvidia-persistenced", MACHINE_PART_PERSISTENCED, 0755},
	{"nvidia-cuda-mps-control", MACHINE_PART_MPS, 0755},
	{"nvidia-cuda-mps-server", MACHINE_PART_MPS, 0755},
	{"nv-fabricmanager", MACHINE_PART_FABRICMANAGER, 0755},
	{"nvidia-imex", MACHINE_PART_IMEX, 0755},
	{"nvidia-imex-ctl", MACHINE_PART_IMEX, 0755},
	{"nvidia-xconfig", MACHINE_PART_XORG, 0755},
	{"nvidia-settings", MACHINE_PART_XORG, 0755},
};

#define ICD(library)                                                                               \
	"{\"file_format_version\": \"1.0.0\", \"ICD\": {\"library_path\": \"" library "\"}}\n"

/* Below the directory for shared data, or absolute. */
static const struct {
	char path[56];
	unsigned part;
	const char *text;
} configs[] = {
	{"glvnd/egl_vendor.d/10_nvidia.json", GRAPHICS, ICD("libEGL_nvidia.so.0")},
	{"egl/egl_external_platform.d/10_nvidia_wayland.json", GRAPHICS,
	 ICD("libnvidia-egl-wayland.so.1")},
	{"egl/egl_external_platform.d/15_nvidia_gbm.json", GRAPHICS, ICD("libnvidia-egl-gbm.so.1")},
	{"egl/egl_external_platform.d/20_nvidia_xcb.json", GRAPHICS, ICD("libnvidia-egl-xcb.so.1")},
	{"egl/egl_external_platform.d/20_nvidia_xlib.json", GRAPHICS,
	 ICD("libnvidia-egl-xlib.so.1")},
	{"vulkan/icd.d/nvidia_icd.json", GRAPHICS, ICD("libGLX_nvidia.so.0")},
	{"vulkan/implicit_layer.d/nvidia_layers.json", GRAPHICS,
	 "{\"file_format_version\": \"1.0.0\", \"layer\": {\"name\": \"VK_LAYER_NV_optimus\", "
	 "\"type\": \"INSTANCE\", \"library_path\": \"libGLX_nvidia.so.0\"}}\n"},
	{"nvidia/nvoptix.bin", GRAPHICS, "simulated\n"},
	{"X11/xorg.conf.d/10-nvidia.conf", MACHINE_PART_XORG,
	 "Section \"OutputClass\"\n    Identifier \"nvidia\"\n    MatchDriver \"nvidia-drm\"\n"
	 "    Driver \"nvidia\"\nEndSection\n"},
	{"X11/xorg.conf.d/nvidia-drm-outputclass.conf", MACHINE_PART_XORG,
	 "Section \"OutputClass\"\n    Identifier \"nvidia\"\n    MatchDriver \"nvidia-drm\"\n"
	 "EndSection\n"},
	{"/etc/OpenCL/vendors/nvidia.icd", COMPUTE, "libnvidia-opencl.so.1\n"},
	{"/etc/nvidia-imex/config.cfg", MACHINE_PART_IMEX, "IMEX_CMD_PORT=50005\n"},
	{"/etc/nvidia-imex/nodes_config.cfg", MACHINE_PART_IMEX, "127.0.0.1\n"},
};

#if defined(__aarch64__)
#define MULTIARCH    "aarch64-linux-gnu"
#define MULTIARCH_32 "arm-linux-gnueabihf"
#else
#define MULTIARCH    "x86_64-linux-gnu"
#define MULTIARCH_32 "i386-linux-gnu"
#endif

static const struct place {
	const char *lib, *lib32, *bin, *share, *firmware, *xorg;
	const char *loader; /* line of a file in /etc/ld.so.conf.d, or NULL */
} places[] = {
	[MACHINE_DEBIAN] = {"/usr/lib/" MULTIARCH, "/usr/lib/" MULTIARCH_32, "/usr/bin",
			    "/usr/share", "/lib/firmware", "/usr/lib/xorg/modules", NULL},
	[MACHINE_RHEL] = {"/usr/lib64", "/usr/lib", "/usr/bin", "/usr/share", "/lib/firmware",
			  "/usr/lib64/xorg/modules", "/usr/lib64\n"},
	[MACHINE_LOCAL] = {"/usr/local/nvidia/lib64", "/usr/local/nvidia/lib32",
			   "/usr/local/nvidia/bin", "/usr/local/nvidia/share",
			   "/usr/local/nvidia/firmware", "/usr/local/nvidia/lib64/xorg/modules",
			   "/usr/local/nvidia/lib64\n"},
};

struct builder {
	struct arena *a;
	const struct machine *m;
	const struct content_payload *payload;
	const struct place *place;
	struct content *t;
};

static bool wanted(const struct builder *b, unsigned parts, const char *name)
{
	const struct strv *without = &b->m->driver.without;

	if (!(b->m->driver.parts & parts))
		return false;
	for (size_t i = 0; i < without->n; i++)
		if (strcmp(without->v[i], name) == 0 ||
		    (str_has_suffix(str_of(without->v[i]), ".so") &&
		     str_is(str_sub(str_of(without->v[i]), 0, strlen(without->v[i]) - 3), name)))
			return false;
	return true;
}

/* A path of the machine below the driver root. */
static const char *at_root(const struct builder *b, const char *dir, const char *name)
{
	const char *root = strcmp(b->m->driver.root, "/") == 0 ? "" : b->m->driver.root;

	return arena_printf(b->a, "%s%s/%s", root, dir, name);
}

static void add_bytes(const struct builder *b, const char *path, mode_t mode, struct str bytes)
{
	content_text(b->a, b->t, path, mode, "");
	b->t->v[b->t->n - 1].data = bytes;
}

/* The simulated NVML, without the functions that the machine's is too old to have. */
static struct str make_nvml(const struct builder *b)
{
	struct str whole = b->payload->nvml;
	char *image = arena_alloc(b->a, whole.n);

	memcpy(image, whole.p, whole.n);
	for (size_t i = 0; i < b->m->faults.n; i++)
		if (b->m->faults.v[i].missing)
			(void)!sim_hide_symbol(image, whole.n, b->m->faults.v[i].call, NULL);
	return (struct str){image, whole.n};
}

static struct str make_library(const struct builder *b, const struct library *lib,
			       const char *soname, bool native)
{
	AUTO(strbuf_done) struct strbuf bytes = {0};
	struct elf_file f = {.machine = native ? ELF_FILE_NATIVE : ELF_FILE_NATIVE_32,
			     .soname = soname,
			     .abi_tag = lib->flags & LIB_TLS ? 2 << 16 | 3 << 8 | 99 : 0};
	char *copy;

	if (native && strcmp(lib->name, "libnvidia-ml") == 0 && b->payload->nvml.n > 0)
		return make_nvml(b);
	arena_push(b->a, &f.needed, "libc.so.6");
	arena_push(b->a, &f.functions, function_of(lib->name));
	elf_file_library(&f, &bytes);
	copy = arena_alloc(b->a, bytes.n);
	memcpy(copy, bytes.p, bytes.n);
	return (struct str){copy, bytes.n};
}

static void add_library(const struct builder *b, const struct library *lib, bool native)
{
	const char *dir = native ? b->place->lib : b->place->lib32;
	const char *version = lib->version[0] ? lib->version : b->m->driver.version;
	const char *file = arena_printf(b->a, "%s.so.%s", lib->name, version);
	const char *soname =
		lib->soname[0] ? arena_printf(b->a, "%s.so.%s", lib->name, lib->soname) : file;
	bool local = b->m->driver.layout == MACHINE_LOCAL;

	if (lib->dir[0] && !local)
		dir = arena_printf(b->a, "%s/%s", dir, lib->dir);
	add_bytes(b, at_root(b, dir, file), 0644, make_library(b, lib, soname, native));
	if (strcmp(soname, file) != 0)
		content_link(b->a, b->t, at_root(b, dir, soname), file);
	if (local || (lib->flags & LIB_DEV_LINK))
		content_link(b->a, b->t, at_root(b, dir, arena_printf(b->a, "%s.so", lib->name)),
			     soname);
}

static void add_libraries(const struct builder *b)
{
	for (size_t i = 0; i < COUNT_OF(libraries); i++) {
		if (!wanted(b, libraries[i].parts, libraries[i].name))
			continue;
		add_library(b, &libraries[i], true);
		if ((libraries[i].flags & LIB_32) && (b->m->driver.parts & MACHINE_PART_COMPAT32))
			add_library(b, &libraries[i], false);
	}
	if (wanted(b, GRAPHICS, "libGLX_nvidia") && b->m->driver.layout != MACHINE_LOCAL)
		content_link(b->a, b->t, at_root(b, b->place->lib, "libGLX_indirect.so.0"),
			     "libGLX_nvidia.so.0");
	if (wanted(b, GRAPHICS, "libnvidia-egl-gbm"))
		content_link(b->a, b->t, at_root(b, b->place->lib, "gbm/nvidia-drm_gbm.so"),
			     "../libnvidia-allocator.so.1");
}

static void add_xorg(const struct builder *b)
{
	static const struct library drv = {"nvidia_drv", "", "", "", MACHINE_PART_XORG, 0};
	static const struct library glx = {"libglxserver_nvidia", "", "", "", MACHINE_PART_XORG, 0};
	const char *file = arena_printf(b->a, "libglxserver_nvidia.so.%s", b->m->driver.version);
	const char *extensions = arena_printf(b->a, "%s/extensions", b->place->xorg);

	if (!wanted(b, MACHINE_PART_XORG, "nvidia_drv"))
		return;
	add_bytes(b, at_root(b, b->place->xorg, "drivers/nvidia_drv.so"), 0644,
		  make_library(b, &drv, "nvidia_drv.so", true));
	add_bytes(b, at_root(b, extensions, file), 0644, make_library(b, &glx, file, true));
	content_link(b->a, b->t, at_root(b, extensions, "libglxserver_nvidia.so"), file);
}

static void add_programs(const struct builder *b)
{
	for (size_t i = 0; i < COUNT_OF(programs); i++) {
		AUTO(strbuf_done) struct strbuf bytes = {0};
		const char *path = at_root(b, b->place->bin, programs[i].name);
		const char *text = arena_printf(b->a, "%s: simulated, driver %s\n",
						programs[i].name, b->m->driver.version);
		char *copy;

		if (!wanted(b, programs[i].part, programs[i].name))
			continue;
		if (strcmp(programs[i].name, "nvidia-smi") == 0 && b->payload->nvidia_smi.n > 0) {
			add_bytes(b, path, programs[i].mode, b->payload->nvidia_smi);
			continue;
		}
		elf_file_program(ELF_FILE_NATIVE, str_of(text), &bytes);
		copy = arena_alloc(b->a, bytes.n);
		memcpy(copy, bytes.p, bytes.n);
		add_bytes(b, path, programs[i].mode, (struct str){copy, bytes.n});
	}
}

static void add_configs(const struct builder *b)
{
	const char *version = b->m->driver.version;

	for (size_t i = 0; i < COUNT_OF(configs); i++) {
		const char *path = configs[i].path;

		if (!wanted(b, configs[i].part, path_base(path)))
			continue;
		content_text(b->a, b->t,
			     path[0] == '/' ? at_root(b, "", path + 1)
					    : at_root(b, b->place->share, path),
			     0644, configs[i].text);
	}
	if (wanted(b, GRAPHICS, "nvidia-application-profiles"))
		content_text(b->a, b->t,
			     at_root(b, b->place->share,
				     arena_printf(b->a, "nvidia/nvidia-application-profiles-%s-rc",
						  version)),
			     0644, "{}\n");
	/* A machine for both classes has the 32-bit C library, which brings this file. */
	if ((b->m->driver.parts & MACHINE_PART_COMPAT32) && b->m->driver.layout == MACHINE_DEBIAN)
		content_text(b->a, b->t, at_root(b, "/etc/ld.so.conf.d", MULTIARCH_32 ".conf"),
			     0644,
			     "/usr/local/lib/" MULTIARCH_32 "\n/lib/" MULTIARCH_32
			     "\n/usr/lib/" MULTIARCH_32 "\n");
	if (b->place->loader)
		content_text(b->a, b->t, at_root(b, "/etc/ld.so.conf.d", "nvidia-gpu-sim.conf"),
			     0644, b->place->loader);
	if (b->m->driver.layout == MACHINE_LOCAL)
		content_text(b->a, b->t, at_root(b, "/usr/local/nvidia", "version"), 0644,
			     arena_printf(b->a, "%s\n", version));
	if (b->m->gds > 0) {
		content_text(b->a, b->t, "/etc/cufile.json", 0644, "{\"properties\": {}}\n");
		content_dir(b->a, b->t, "/run/udev");
	}
}

static void add_firmware(const struct builder *b)
{
	/* Sizes of the real files; nothing is stored for them. */
	static const struct {
		char name[16];
		uint64_t size;
	} firmware[] = {{"gsp_ga10x.bin", 74983408}, {"gsp_tu10x.bin", 30463064}};

	for (size_t i = 0; i < COUNT_OF(firmware); i++) {
		if (!wanted(b, MACHINE_PART_FIRMWARE, firmware[i].name))
			continue;
		content_text(b->a, b->t,
			     at_root(b, b->place->firmware,
				     arena_printf(b->a, "nvidia/%s/%s", b->m->driver.version,
						  firmware[i].name)),
			     0644, "");
		b->t->v[b->t->n - 1].size = firmware[i].size;
	}
}

static void add_socket(const struct builder *b, unsigned part, const char *path)
{
	auto_free char *dir = path_dir(path);

	if (!(b->m->driver.parts & part) || !b->m->loaded)
		return;
	content_dir(b->a, b->t, arena_strdup(b->a, dir));
	arena_push(b->a, b->t,
		   ((struct content_item){.kind = CONTENT_SOCKET, .path = path, .mode = 0666}));
}

static void add_extra(const struct builder *b)
{
	const struct machine_driver *d = &b->m->driver;

	for (size_t i = 0; i < d->files.n; i++) {
		const struct machine_file *f = &d->files.v[i];
		const char *path = at_root(b, "", f->path + 1);

		if (f->link) {
			content_link(b->a, b->t, path, f->link);
			continue;
		}
		content_text(b->a, b->t, path, 0644, f->text ? f->text : "");
		b->t->v[b->t->n - 1].size = f->size;
	}
}

void content_add_driver(struct arena *a, const struct machine *m,
			const struct content_payload *payload, struct content *t)
{
	const struct builder b = {a, m, payload, &places[m->driver.layout], t};

	if (strcmp(m->driver.root, "/") != 0)
		content_dir(a, t, m->driver.root);
	add_libraries(&b);
	if (m->driver.parts & MACHINE_PART_XORG)
		add_xorg(&b);
	add_programs(&b);
	add_configs(&b);
	add_firmware(&b);
	add_socket(&b, MACHINE_PART_PERSISTENCED, "/run/nvidia-persistenced/socket");
	add_socket(&b, MACHINE_PART_FABRICMANAGER, "/run/nvidia-fabricmanager/socket");
	add_extra(&b);
}
