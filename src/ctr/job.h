/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * job: what hooks do to a container's file tree, one function per job.
 *
 * Used by nvidia-cdi-hook (each job alone, or all of them in one process) and
 * by the engine that sets up a live container. Every path below the root goes through
 * os/rootfs; nothing of the image is executed or parsed with rights
 * (security.md 2.5). A job that has nothing to do returns 0.
 */

#include "base/err.h"
#include "base/vec.h"
#include "ctr/container.h"
#include "nv/host.h"

/* "target::path" each; an existing link of the same text is left, anything but a directory is
 * replaced. */
int job_symlinks(const struct container *c, const struct strv *links, struct err *e) MUST_USE;

/* /dev/dri/by-path/pci-…-card and -render for the DRM nodes of GPUs that the container has. */
int job_drm_links(const struct container *c, const struct nv_host *host, struct err *e) MUST_USE;

struct job_compat {
	const char *host_driver_version; /* NULL: not given */
	const char *host_cuda_version;
	const char *compat_root; /* NULL: /usr/local/cuda/compat */
};

/* Puts the image's CUDA compatibility directory before the driver's in the loader's configuration
 * when it is newer (ctk-cdi.md 5.5). */
int job_cuda_compat(const struct container *c, const struct job_compat *o, struct err *e) MUST_USE;

/*
 * Writes the loader cache of the image, with the driver's directories in it,
 * the ld.so.conf.d file, and musl's path file. Image files are read by a child
 * without rights.
 */
int job_ldcache(const struct container *c, const struct strv *folders, struct err *e) MUST_USE;

/*
 * The container's /proc/driver/nvidia/params says ModifyDeviceFiles: 0, read-only, so that no
 * library makes device nodes for GPUs that the container was not given. Nothing to do when the
 * host's says so, or when the container has no such file.
 */
int job_device_nodes(const struct container *c, const struct nv_host *host, struct err *e) MUST_USE;

/* EGL's mask of visible GPUs, from the nodes of the container's /dev. */
int job_profile(const struct container *c, struct err *e) MUST_USE;

/*
 * Mode of existing files and directories; devices, links and what is not there are left alone. A
 * path that leads through a link is refused: it may end in a volume of the host.
 */
int job_chmod(const struct container *c, unsigned mode, const struct strv *paths,
	      struct err *e) MUST_USE;
