/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * h200: a machine with one H200 as it was seen in the field, as a tree.
 *
 * The driver lies in a directory of its own, /usr/local/nvidia, with links from
 * /usr/lib and the loader's cache naming both. tree_enter() comes first; the
 * driver root is "root", procfs "proc", sysfs "sys".
 */

#include <elf.h>

#include "base/vec.h"
#include "codec/ldcache.h"
#include "tree.h"

#define H200_VERSION "580.159.04"
#define H200_LIBS    "root/usr/local/nvidia/lib64"

struct h200_library {
	char name[28], soname[4]; /* soname: what follows ".so."; "" for the version */
	bool linked;		  /* from /usr/lib */
};

static const struct h200_library h200_libraries[] = {
	{"libEGL_nvidia", "0", true},
	{"libGLESv1_CM_nvidia", "1", true},
	{"libGLESv2_nvidia", "2", true},
	{"libGLX_nvidia", "0", true},
	{"libcuda", "1", true},
	{"libcudadebugger", "1", true},
	{"libnvcuvid", "1", false},
	{"libnvidia-allocator", "1", true},
	{"libnvidia-cfg", "1", true},
	{"libnvidia-eglcore", "", true},
	{"libnvidia-encode", "1", true},
	{"libnvidia-fbc", "1", true},
	{"libnvidia-glcore", "", true},
	{"libnvidia-glsi", "", true},
	{"libnvidia-glvkspirv", "", true},
	{"libnvidia-gpucomp", "", true},
	{"libnvidia-ml", "1", true},
	{"libnvidia-nvvm", "4", true},
	{"libnvidia-opencl", "1", true},
	{"libnvidia-opticalflow", "1", true},
	{"libnvidia-pkcs11-openssl3", "", true},
	{"libnvidia-ptxjitcompiler", "1", true},
	{"libnvidia-rtcore", "", true},
	{"libnvidia-tls", "", true},
	{"libnvoptix", "1", false},
	{"libvdpau_nvidia", "1", true},
};

/* The least that is a shared object with a soname: one loaded segment and a dynamic section. */
#define H200_ELF(bits, class, type)                                                                \
	static inline void h200_elf##bits(const char *path, const char *soname)                    \
	{                                                                                          \
		struct {                                                                           \
			Elf##bits##_Ehdr e;                                                        \
			Elf##bits##_Phdr p[2];                                                     \
			Elf##bits##_Dyn d[4];                                                      \
			char s[64];                                                                \
		} f;                                                                               \
		memset(&f, 0, sizeof(f));                                                          \
		memcpy(f.e.e_ident, ELFMAG, SELFMAG);                                              \
		f.e.e_ident[EI_CLASS] = class;                                                     \
		f.e.e_ident[EI_DATA] = ELFDATA2LSB;                                                \
		f.e.e_ident[EI_VERSION] = EV_CURRENT;                                              \
		f.e.e_type = ET_DYN;                                                               \
		f.e.e_machine = type;                                                              \
		f.e.e_version = EV_CURRENT;                                                        \
		f.e.e_ehsize = sizeof(f.e);                                                        \
		f.e.e_phoff = (char *)f.p - (char *)&f;                                            \
		f.e.e_phentsize = sizeof(f.p[0]);                                                  \
		f.e.e_phnum = 2;                                                                   \
		f.p[0].p_type = PT_LOAD;                                                           \
		f.p[0].p_filesz = f.p[0].p_memsz = sizeof(f);                                      \
		f.p[1].p_type = PT_DYNAMIC;                                                        \
		f.p[1].p_offset = f.p[1].p_vaddr = (char *)f.d - (char *)&f;                       \
		f.p[1].p_filesz = f.p[1].p_memsz = sizeof(f.d);                                    \
		f.d[0].d_tag = DT_STRTAB;                                                          \
		f.d[0].d_un.d_ptr = f.s - (char *)&f;                                              \
		f.d[1].d_tag = DT_STRSZ;                                                           \
		f.d[1].d_un.d_val = sizeof(f.s);                                                   \
		f.d[2].d_tag = soname[0] != '\0' ? DT_SONAME : DT_NULL;                            \
		f.d[2].d_un.d_val = 1;                                                             \
		(void)snprintf(f.s + 1, sizeof(f.s) - 1, "%s", soname);                            \
		tree_bytes(path, &f, sizeof(f));                                                   \
	}

H200_ELF(64, ELFCLASS64, EM_X86_64)
H200_ELF(32, ELFCLASS32, EM_386)

/* One library with its links, as an installer leaves them. */
static inline void h200_library(struct arena *a, const char *dir, const char *version,
				const struct h200_library *l)
{
	const char *file = arena_printf(a, "%s.so.%s", l->name, version);
	const char *soname =
		l->soname[0] == '\0' ? file : arena_printf(a, "%s.so.%s", l->name, l->soname);

	h200_elf64(arena_printf(a, "%s/%s", dir, file), soname);
	if (soname != file)
		tree_link(file, arena_printf(a, "%s/%s", dir, soname));
	tree_link(soname, arena_printf(a, "%s/%s.so", dir, l->name));
}

static inline void h200_cache(struct arena *a, const struct strv *paths)
{
	AUTO(strbuf_done) struct strbuf bytes = {0};
	struct ldcache cache = {0};

	for (size_t i = 0; i < paths->n; i++) {
		struct ldcache_entry entry = {
			.flags = LDCACHE_ARCH_X86_64 | LDCACHE_LIBC6,
			.soname = strrchr(paths->v[i], '/') + 1,
			.path = paths->v[i],
		};

		arena_push(a, &cache, entry);
	}
	ldcache_write(&cache, &bytes);
	tree_bytes("root/etc/ld.so.cache", bytes.p, bytes.n);
}

static inline void h200_driver(struct arena *a)
{
	struct strv paths = {0};

	for (size_t i = 0; i < COUNT_OF(h200_libraries); i++) {
		const struct h200_library *l = &h200_libraries[i];
		const char *name = arena_printf(a, "%s.so%s%s", l->name,
						l->soname[0] != '\0' ? "." : "", l->soname);

		h200_library(a, H200_LIBS, H200_VERSION, l);
		arena_push(a, &paths, arena_printf(a, "/usr/local/nvidia/lib64/%s", name));
		if (!l->linked)
			continue;
		tree_link(arena_printf(a, "/usr/local/nvidia/lib64/%s", name),
			  arena_printf(a, "root/usr/lib/%s", name));
		arena_push(a, &paths, arena_printf(a, "/lib/%s", name));
	}
	tree_link("lib64", "root/usr/local/nvidia/lib");
	tree_link("usr/lib", "root/lib");
	tree_file("root/usr/local/nvidia/bin/nvidia-smi", "");
	tree_file("root/usr/local/nvidia/bin/nvidia-debugdump", "");
	tree_file("root/usr/local/nvidia/bin/nvidia-persistenced", "");
	tree_file("root/usr/local/nvidia/bin/nvidia-cuda-mps-control", "");
	tree_file("root/usr/local/nvidia/bin/nvidia-cuda-mps-server", "");
	tree_file("root/usr/local/nvidia/firmware/nvidia/" H200_VERSION "/gsp_ga10x.bin", "");
	tree_file("root/usr/local/nvidia/firmware/nvidia/" H200_VERSION "/gsp_tu10x.bin", "");
	tree_file("root/usr/local/nvidia/share/glvnd/egl_vendor.d/10_nvidia.json", "");
	tree_file("root/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json", "");
	tree_file("root/usr/local/nvidia/share/vulkan/implicit_layer.d/nvidia_layers.json", "");
	tree_file("sys/module/firmware_class/parameters/path", "/usr/local/nvidia/firmware\n");
	tree_file("proc/driver/nvidia/version",
		  "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  " H200_VERSION
		  "  Release Build  (buildd@)  \nGCC version:  gcc version 15.3.0 (GCC) \n");
	h200_cache(a, &paths);
}
