/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/diagnose.h"

#include <errno.h>
#include <limits.h>

#include "base/fs.h"
#include "base/path.h"
#include "nv/search.h"

#define MAX_PCI 65536

/* A GPU as the PCI bus shows it. */
struct bus_gpu {
	const char *address; /* NULL: there is none */
	const char *driver;  /* NULL: none is bound */
	bool bus_is_known;
};

static bool file_begins(struct arena *a, const char *path, const char *with)
{
	struct str text;

	return fs_read(a, path, 64, &text, NULL) == 0 && str_has_prefix(text, with);
}

static const char *driver_of(struct arena *a, const char *device)
{
	char target[PATH_MAX];
	ssize_t n = readlink(arena_printf(a, "%s/driver", device), target, sizeof(target) - 1);

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	return arena_strdup(a, path_base(target));
}

/* NVIDIA's first display controller (class 03) on the bus. */
static struct bus_gpu find_on_bus(struct arena *a, const struct nv_host *host)
{
	const char *bus = arena_printf(a, "%s/bus/pci/devices", nv_host_sys(host));
	struct bus_gpu gpu = {0};
	struct strv names;

	if (fs_list(a, bus, MAX_PCI, &names, NULL) < 0)
		return gpu;
	gpu.bus_is_known = names.n > 0;
	for (size_t i = 0; i < names.n && !gpu.address; i++) {
		const char *device = arena_printf(a, "%s/%s", bus, names.v[i]);

		if (!file_begins(a, arena_printf(a, "%s/vendor", device), "0x10de") ||
		    !file_begins(a, arena_printf(a, "%s/class", device), "0x03"))
			continue;
		gpu.address = names.v[i];
		gpu.driver = driver_of(a, device);
	}
	return gpu;
}

/* The EFI variable: four bytes of attributes, then the value. */
static bool secure_boot_is_on(struct arena *a, const struct nv_host *host)
{
	const char *path = arena_printf(
		a, "%s/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		nv_host_sys(host));
	struct str value;

	return fs_read(a, path, 64, &value, NULL) == 0 && value.n == 5 && value.p[4] == 1;
}

int nv_diagnose_module(struct arena *a, const struct nv_host *host, struct err *e)
{
	struct bus_gpu gpu = find_on_bus(a, host);

	if (gpu.bus_is_known && !gpu.address)
		return err_set(e, ENODEV,
			       "no NVIDIA driver is loaded, and no NVIDIA GPU is on the PCI bus of "
			       "this machine");
	if (gpu.driver && strcmp(gpu.driver, "nvidia") != 0)
		return err_set(e, ENODEV, "GPU %s is held by the driver %s: %s", gpu.address,
			       gpu.driver,
			       strcmp(gpu.driver, "nouveau") == 0
				       ? "blacklist nouveau, then load the module nvidia"
				       : "unbind it, then load the module nvidia");
	if (secure_boot_is_on(a, host))
		return err_set(
			e, ENODEV,
			"the kernel module nvidia is not loaded, and secure boot is on, which "
			"refuses a module that is not signed: enrol its key (mokutil --import), "
			"then run modprobe nvidia");
	return err_set(e, ENODEV,
		       "the kernel module nvidia is not loaded: run modprobe nvidia; install the "
		       "NVIDIA driver when there is no such module");
}

static bool has_libraries(struct arena *a, const char *driver_root)
{
	struct nv_search search;
	struct nv_root root;

	if (nv_root_open(a, driver_root, &root, NULL) < 0)
		return false;
	nv_search_libraries(a, &root, NULL, &search);
	return nv_search_has(a, &search, "libcuda.so.1") ||
	       nv_search_has(a, &search, "libnvidia-ml.so.1");
}

int nv_diagnose_libraries(struct arena *a, const struct nv_host *host, const struct nv_root *root,
			  struct err *e)
{
	/* The machine's own root, and where the GPU operator's driver container shows its. */
	static const char usual[][24] = {"/", "/run/nvidia/driver"};
	const char *name = root->prefix[0] != '\0' ? root->prefix : "/";
	struct err module;

	for (size_t i = 0; i < COUNT_OF(usual); i++)
		if (strcmp(name, usual[i]) != 0 && has_libraries(a, usual[i]))
			return err_set(
				e, ENOENT,
				"no libcuda.so or libnvidia-ml.so below the driver root %s, "
				"but below %s: set the driver root to that (--driver-root, or "
				"nvidia-container-cli.root in config.toml)",
				name, usual[i]);
	if (access(arena_printf(a, "%s/driver/nvidia/version", nv_host_proc(host)), F_OK) == 0)
		return err_set(
			e, ENOENT,
			"the kernel module nvidia is loaded, but there is no libcuda.so or "
			"libnvidia-ml.so below %s (standard directories, /etc/ld.so.cache and "
			"/etc/ld.so.conf.d were searched): install the driver's libraries, or "
			"name their directory as library search path",
			name);
	(void)nv_diagnose_module(a, host, &module);
	return err_set(e, ENOENT, "no libcuda.so or libnvidia-ml.so below %s, and %s", name,
		       module.text);
}
