/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * platform: what kind of machine this is, for mode "auto" (spec: ctk-cdi.md 3.2).
 *
 * Decided from files alone. A Tegra machine whose driver root also holds
 * libnvidia-ml counts as an ordinary one, since its GPUs can then be
 * enumerated.
 */

enum nv_platform {
	NV_PLATFORM_PCI,   /* GPUs with the ordinary kernel driver, or no GPU at all */
	NV_PLATFORM_TEGRA, /* integrated GPU, described by CSV files */
	NV_PLATFORM_WSL,   /* Windows' GPU through /dev/dxg */
};

/* driver_root: "" or "/" or a path. */
enum nv_platform nv_platform_find(const char *driver_root);
