/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/files.h"

/*
 * Classes follow the list of libnvidia-container (spec: libnvc.md 9.2), with what it
 * leaves out: a class also gets what its own libraries load.
 */
#define CUDA (NV_CLASS_COMPUTE | NV_CLASS_VIDEO)
#define GL   (NV_CLASS_GRAPHICS | NV_CLASS_DISPLAY)

const struct nv_known_library nv_known_libraries[] = {
	{"libnvidia-ml", NV_CLASS_UTILITY, NV_LIBRARY_EXPECTED},
	{"libnvidia-cfg", NV_CLASS_UTILITY | NV_CLASS_DISPLAY, NV_LIBRARY_EXPECTED},
	{"libnvidia-nscq", NV_CLASS_UTILITY, 0},
	{"libnvidia-sandboxutils", NV_CLASS_UTILITY, 0},

	{"libcuda", CUDA, NV_LIBRARY_EXPECTED},
	{"libcudadebugger", CUDA, 0},
	{"libnvidia-opencl", CUDA, NV_LIBRARY_EXPECTED},
	{"libnvidia-ptxjitcompiler", CUDA, NV_LIBRARY_EXPECTED},
	{"libnvidia-fatbinaryloader", CUDA, 0},
	{"libnvidia-compiler", CUDA, 0},
	{"libnvidia-nvvm", CUDA, 0},
	{"libnvidia-nvvm70", CUDA, NV_LIBRARY_ANY_VERSION},
	{"libnvidia-tileiras", CUDA, 0},
	{"libnvidia-pkcs11", CUDA, 0},
	{"libnvidia-pkcs11-openssl3", CUDA, 0},
	/* Loaded by the CUDA and by the OpenGL core. */
	{"libnvidia-gpucomp", CUDA | GL, 0},
	{"libnvidia-allocator", CUDA | GL, 0},

	{"libnvcuvid", NV_CLASS_VIDEO, NV_LIBRARY_EXPECTED},
	{"libnvidia-encode", NV_CLASS_VIDEO, NV_LIBRARY_EXPECTED},
	{"libnvidia-opticalflow", NV_CLASS_VIDEO, 0},
	{"libvdpau_nvidia", NV_CLASS_VIDEO, NV_LIBRARY_VDPAU},

	{"libnvidia-ngx", NV_CLASS_NGX, 0},

	{"libGLX_nvidia", GL, NV_LIBRARY_EXPECTED},
	{"libEGL_nvidia", GL, NV_LIBRARY_EXPECTED},
	{"libGLESv1_CM_nvidia", GL, 0},
	{"libGLESv2_nvidia", GL, 0},
	{"libnvidia-eglcore", GL, NV_LIBRARY_EXPECTED},
	{"libnvidia-glcore", GL, NV_LIBRARY_EXPECTED},
	{"libnvidia-glsi", GL, NV_LIBRARY_EXPECTED},
	{"libnvidia-tls", GL, NV_LIBRARY_EXPECTED},
	{"libnvidia-glvkspirv", GL, 0},
	{"libnvidia-vksc-core", GL, 0},
	{"libnvidia-rtcore", GL, 0},
	{"libnvidia-cbl", GL, 0},
	{"libnvidia-fbc", GL, 0},
	{"libnvidia-ifr", GL, 0},
	{"libnvidia-present", GL, 0},
	{"libnvidia-wayland-client", GL, 0},
	{"libnvidia-gtk2", GL, 0},
	{"libnvidia-gtk3", GL, 0},
	{"libnvoptix", GL, 0},
	{"libnvidia-vulkan-producer", GL, 0},

	{"libnvidia-egl-gbm", GL, NV_LIBRARY_OWN_VERSION},
	{"libnvidia-egl-wayland", GL, NV_LIBRARY_OWN_VERSION},
	{"libnvidia-egl-wayland2", GL, NV_LIBRARY_OWN_VERSION},
	{"libnvidia-egl-xcb", GL, NV_LIBRARY_OWN_VERSION | NV_LIBRARY_EXPLICIT},
	{"libnvidia-egl-xlib", GL, NV_LIBRARY_OWN_VERSION | NV_LIBRARY_EXPLICIT},

	{"libEGL", GL, NV_LIBRARY_EXPLICIT},
	{"libGL", GL, NV_LIBRARY_EXPLICIT},
	{"libGLESv1_CM", GL, NV_LIBRARY_EXPLICIT},
	{"libGLESv2", GL, NV_LIBRARY_EXPLICIT},
	{"libGLX", GL, NV_LIBRARY_EXPLICIT},
	{"libGLdispatch", GL, NV_LIBRARY_EXPLICIT},
	{"libOpenGL", GL, NV_LIBRARY_EXPLICIT},
	{"libOpenCL", CUDA, NV_LIBRARY_EXPLICIT},
	{"libnvidia-api", GL, NV_LIBRARY_EXPLICIT},
};
const size_t nv_known_library_count = COUNT_OF(nv_known_libraries);

const struct nv_known_binary nv_known_binaries[] = {
	{"nvidia-smi", NV_CLASS_UTILITY, true},
	{"nvidia-debugdump", NV_CLASS_UTILITY, false},
	{"nvidia-persistenced", NV_CLASS_UTILITY, false},
	{"nvidia-cuda-mps-control", NV_CLASS_COMPUTE, false},
	{"nvidia-cuda-mps-server", NV_CLASS_COMPUTE, false},
	{"nvidia-imex", NV_CLASS_COMPUTE | NV_CLASS_UTILITY, false},
	{"nvidia-imex-ctl", NV_CLASS_COMPUTE | NV_CLASS_UTILITY, false},
	{"nvidia-xconfig", GL, false},
};
const size_t nv_known_binary_count = COUNT_OF(nv_known_binaries);

const struct nv_known_socket nv_known_sockets[] = {
	{"nvidia-persistenced/socket", NV_CLASS_UTILITY},
	{"nvidia-fabricmanager/socket", NV_CLASS_UTILITY},
	{"/tmp/nvidia-mps", NV_CLASS_COMPUTE},
};
const size_t nv_known_socket_count = COUNT_OF(nv_known_sockets);

#ifdef __aarch64__
#define VULKAN_ICD_OF_ARCH "vulkan/icd.d/nvidia_icd.aarch64.json"
#else
#define VULKAN_ICD_OF_ARCH "vulkan/icd.d/nvidia_icd.x86_64.json"
#endif

const struct nv_known_config nv_known_configs[] = {
	{"glvnd/egl_vendor.d/10_nvidia.json", "/usr/share", false, GL},
	{"egl/egl_external_platform.d/15_nvidia_gbm.json", "/usr/share", false, GL},
	{"egl/egl_external_platform.d/10_nvidia_wayland.json", "/usr/share", false, GL},
	{"egl/egl_external_platform.d/09_nvidia_wayland2.json", "/usr/share", false, GL},
	{"egl/egl_external_platform.d/20_nvidia_xcb.json", "/usr/share", false, GL},
	{"egl/egl_external_platform.d/20_nvidia_xlib.json", "/usr/share", false, GL},
	{"nvidia/nvoptix.bin", "/usr/share", false, GL},
	{"X11/xorg.conf.d/10-nvidia.conf", "/usr/share", false, GL},
	{"X11/xorg.conf.d/nvidia-drm-outputclass.conf", "/usr/share", false, GL},
	{"OpenCL/vendors/nvidia.icd", "/etc", false, CUDA | GL},
	{"vulkan/icd.d/nvidia_icd.json", "/etc", true, GL},
	{"vulkan/icd.d/nvidia_layers.json", "/etc", true, GL},
	{"vulkan/implicit_layer.d/nvidia_layers.json", "/etc", true, GL},
	{VULKAN_ICD_OF_ARCH, "/etc", true, GL},
};
const size_t nv_known_config_count = COUNT_OF(nv_known_configs);

const struct nv_known_xorg nv_known_xorgs[] = {
	{"nvidia_drv.so", false},
	{"libglxserver_nvidia.so", true},
};
const size_t nv_known_xorg_count = COUNT_OF(nv_known_xorgs);

const struct nv_known_link nv_known_links[] = {
	{"libcuda", "libcuda.so.1", "libcuda.so", false, CUDA},
	{"libGLX_nvidia", "", "libGLX_indirect.so.0", false, GL},
	{"libnvidia-opticalflow", "libnvidia-opticalflow.so.1", "libnvidia-opticalflow.so", false,
	 NV_CLASS_VIDEO},
	/* Where libgbm looks for a driver of that name. */
	{"libnvidia-allocator", "../libnvidia-allocator.so.1", "gbm/nvidia-drm_gbm.so", true, GL},
	{"libnvidia-vulkan-producer", "", "libnvidia-vulkan-producer.so", true, GL},
	{"libglxserver_nvidia", "", "libglxserver_nvidia.so", true, GL},
};
const size_t nv_known_link_count = COUNT_OF(nv_known_links);

/*
 * The original's list, then layouts it misses: Fedora's and Arch's own
 * directories, the runfile's 32-bit ones, machines with the driver in a tree of
 * its own (cloud images), NixOS.
 */
const struct nv_known_dir nv_library_dirs[] = {
	{"/usr/lib64", 64},
	{"/usr/lib/x86_64-linux-gnu", 64},
	{"/usr/lib/aarch64-linux-gnu", 64},
	{"/usr/lib/x86_64-linux-gnu/nvidia/current", 64},
	{"/usr/lib/aarch64-linux-gnu/nvidia/current", 64},
	{"/lib64", 64},
	{"/lib/x86_64-linux-gnu", 64},
	{"/lib/aarch64-linux-gnu", 64},
	{"/lib/x86_64-linux-gnu/nvidia/current", 64},
	{"/lib/aarch64-linux-gnu/nvidia/current", 64},
	{"/usr/lib64/nvidia", 64},
	{"/usr/lib", 0},
	{"/usr/lib/nvidia", 64},
	{"/usr/local/nvidia/lib64", 64},
	{"/usr/local/nvidia/lib", 0},
	{"/opt/nvidia/lib64", 64},
	{"/run/opengl-driver/lib", 64},
	{"/usr/lib/i386-linux-gnu", 32},
	{"/usr/lib/i386-linux-gnu/nvidia/current", 32},
	{"/usr/lib32", 32},
	{"/usr/lib32/nvidia", 32},
	{"/usr/lib/nvidia32", 32},
	{"/run/opengl-driver-32/lib", 32},
};
const size_t nv_library_dir_count = COUNT_OF(nv_library_dirs);

const struct nv_known_node nv_control_nodes[] = {
	/* Vulkan and EGL need it as well as X does. */
	{"/dev/nvidia-modeset", GL},
	{"/dev/nvidia-uvm-tools", CUDA | NV_CLASS_NGX},
	{"/dev/nvidia-uvm", CUDA | NV_CLASS_NGX},
	{"/dev/nvidiactl", NV_CLASS_ALL},
};
const size_t nv_control_node_count = COUNT_OF(nv_control_nodes);

/* Without strlen(): every name in the machine's library directories is held against every row. */
static bool is_row(const struct nv_known_library *k, const char *name, size_t n)
{
	return n < sizeof(k->name) && k->name[n] == '\0' && memcmp(k->name, name, n) == 0;
}

const struct nv_known_library *nv_known_library_of(struct str file)
{
	for (size_t i = 0; i + 3 <= file.n; i++) {
		if (memcmp(file.p + i, ".so", 3) != 0 || (i + 3 < file.n && file.p[i + 3] != '.'))
			continue;
		for (size_t k = 0; k < nv_known_library_count; k++)
			if (is_row(&nv_known_libraries[k], file.p, i))
				return &nv_known_libraries[k];
		return NULL;
	}
	return NULL;
}
