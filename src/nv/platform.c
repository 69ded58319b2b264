/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/platform.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "base/path.h"
#include "nv/driver.h"

#define DXG_NODE    "/dev/dxg"
#define DXG_LIBRARY "/usr/lib/wsl/lib/libdxcore.so"

static bool has_type(const char *path, mode_t type)
{
	struct stat st;

	return stat(path, &st) == 0 && (st.st_mode & S_IFMT) == type;
}

/* The first line of /sys/devices/soc0/family is "Tegra". */
static bool is_tegra_family(const char *path)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text;

	return fs_read(&a, path, 4096, &text, NULL) == 0 &&
	       str_is_nocase(str_sub(text, 0, 5), "tegra");
}

static bool is_tegra(const char *driver_root)
{
	auto_free char *release = path_join(driver_root, "/etc/nv_tegra_release");
	auto_free char *family = path_join(driver_root, "/sys/devices/soc0/family");

	return has_type(release, S_IFREG) || is_tegra_family(family);
}

enum nv_platform nv_platform_find(const char *driver_root)
{
	if (has_type(DXG_NODE, S_IFCHR) && has_type(DXG_LIBRARY, S_IFREG))
		return NV_PLATFORM_WSL;
	if (is_tegra(driver_root) && !nv_driver_has_nvml(driver_root))
		return NV_PLATFORM_TEGRA;
	return NV_PLATFORM_PCI;
}
