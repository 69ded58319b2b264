/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/platform.h"

#include <fcntl.h>

#include "base/fs.h"
#include "tree.h"

static void put(const char *root, const char *name, struct str text)
{
	AUTO(arena_done) struct arena a = {0};
	const char *path = arena_printf(&a, "%s/%s", root, name);
	char *dir = arena_strdup(&a, path);
	struct err e;

	*strrchr(dir, '/') = '\0';
	CHECK_OK(fs_mkdir_p(dir, 0755, &e), &e);
	CHECK_OK(fs_write_atomic(path, text, 0644, FS_NO_SYNC, &e), &e);
}

TEST(an_empty_root_is_an_ordinary_machine)
{
	CHECK_INT(nv_platform_find(tree_enter()), NV_PLATFORM_PCI);
}

TEST(a_tegra_release_file_makes_a_tegra_machine)
{
	const char *root = tree_enter();

	put(root, "etc/nv_tegra_release", STR("# R36 (release), REVISION: 4.3\n"));
	CHECK_INT(nv_platform_find(root), NV_PLATFORM_TEGRA);
}

TEST(the_family_of_the_chip_makes_a_tegra_machine)
{
	const char *root = tree_enter();

	put(root, "sys/devices/soc0/family", STR("Tegra\n"));
	CHECK_INT(nv_platform_find(root), NV_PLATFORM_TEGRA);
	put(root, "sys/devices/soc0/family", STR("Exynos\n"));
	CHECK_INT(nv_platform_find(root), NV_PLATFORM_PCI);
}
