/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * driver: the files of a driver installation, found under a driver root.
 *
 * Reads directories, links and ELF headers of the host; executes nothing and
 * asks no NVML. Libraries are searched in the union of the configured
 * directories, the loader cache and the standard directories (users.md P14),
 * all resolved inside the driver root. What the table (nv/files.c) knows and
 * the machine lacks is listed by name.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "nv/class.h"
#include "nv/host.h"

enum nv_file_kind {
	NV_FILE_LIBRARY,  /* real file of a versioned driver library */
	NV_FILE_BINARY,	  /* program */
	NV_FILE_FIRMWARE, /* gsp*.bin */
	NV_FILE_SOCKET,	  /* socket or directory shared with host daemons: mounted without ro, with
			     noexec */
	NV_FILE_CONFIG,	  /* ICD, glvnd, X.Org, OpenCL, nvoptix data */
	NV_FILE_XORG,	  /* X.Org module: kept at its host path */
};

struct nv_file {
	enum nv_file_kind kind;
	unsigned classes;
	const char *host;   /* path on the host, links resolved, driver root included */
	const char *path;   /* in the container */
	const char *soname; /* libraries; NULL without */
	unsigned bits;	    /* libraries: 32 or 64 */
	bool is_dir;
	bool platform; /* an external platform library, versioned by itself */
};

enum nv_link_group { NV_LINK_GRAPHICS, NV_LINK_DRIVER };

/* A link to make in the container. */
struct nv_link {
	enum nv_link_group group;
	unsigned classes;
	unsigned bits; /* of the library that it is for; 0 without one */
	bool added;    /* one that the original does not make */
	const char *target, *path;
};

struct nv_files VEC(struct nv_file);
struct nv_links VEC(struct nv_link);

struct nv_driver {
	const char *root;	    /* "/" or a clean absolute path without a trailing slash */
	const char *version;	    /* "580.159.04"; NULL when unknown */
	bool loaded;		    /* /proc/driver/nvidia/version exists */
	const char *module_version; /* of the loaded kernel module, NULL when not loaded */
	struct strv library_dirs;   /* container paths of the directories with the driver's 64-bit
				       libraries, in order of discovery */
	struct nv_files files;
	struct nv_links links;
	struct strv missing; /* "libnvidia-nvvm.so (compute)": known, not found */
};

struct nv_driver_query {
	const char *driver_root;	  /* "" or "/" or a path */
	const struct strv *library_paths; /* searched instead of everything else when not empty */
	const struct strv *config_paths;  /* likewise for configuration files */
	const char *path;		  /* the caller's $PATH, searched first; NULL: none */
	const char *data_dirs;		  /* $XDG_DATA_DIRS; NULL: /usr/local/share:/usr/share */
	bool explicit_libraries;	  /* feature enable-explicit-driver-libraries */
	bool no_ipc;			  /* feature disable-ipc-discoverer */
	struct nv_host host;
};

/*
 * Finds the driver. -ENOENT when there is no libcuda and no libnvidia-ml under
 * the root: the text says where it looked and what would cure it (package
 * missing, module not loaded, wrong driver root; users.md P08).
 */
int nv_driver_find(struct arena *a, const struct nv_driver_query *q, struct nv_driver *ret,
		   struct err *e) MUST_USE;

/*
 * Whether a container with these classes gets the file or link. What is for
 * 32-bit programs needs the class compat32 beside one of its own.
 */
bool nv_file_wanted(const struct nv_file *f, unsigned classes);
bool nv_link_wanted(const struct nv_link *l, unsigned classes);

/* The 64-bit library of that name ("libcuda") as it lies on the host; NULL without. */
const char *nv_driver_library(const struct nv_driver *d, const char *name);

/*
 * 1 when the loaded kernel module is of another version than the libraries: e
 * then names both and the cure (users.md P09). It is a warning: programs that
 * are running still work, new ones do not.
 */
int nv_driver_mismatch(const struct nv_driver *d, struct err *e);

/* Whether libnvidia-ml.so.1 is found under the root: "NVML can be loaded" of auto mode. */
bool nv_driver_has_nvml(const char *driver_root);
