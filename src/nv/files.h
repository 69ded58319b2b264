/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * files: what belongs to a driver installation. The one table of the tree.
 *
 * Everything that says "this file of the driver goes into a container" is a row
 * here: its name, the capability classes that need it, and what is special
 * about it. Where files are searched stands beside it. nv/driver walks the
 * tables over a driver root.
 *
 * A library that ends in the driver's version but has no row belongs to every
 * class: a new driver's new library reaches every container, as it always did,
 * until someone knows better.
 *
 * Rows hold characters, not pointers: no relocations at the start of a program.
 */

#include <stdint.h>

#include "base/str.h"
#include "nv/class.h"

enum nv_library_rule {
	NV_LIBRARY_EXPECTED = 1, /* every driver since 450 has it: its absence is reported */
	NV_LIBRARY_ANY_VERSION =
		2, /* in the driver's directories, with whatever number at its end */
	NV_LIBRARY_OWN_VERSION = 4, /* an external platform library, versioned by itself:
				       "X.so.1.1.9", searched like the driver itself */
	NV_LIBRARY_EXPLICIT = 8,    /* "X.so": only with explicit_libraries */
	NV_LIBRARY_VDPAU = 16,	    /* also in the directory vdpau below */
};

struct nv_known_library {
	char name[30]; /* before ".so" */
	uint8_t classes, rules;
};

struct nv_known_binary {
	char name[24];
	uint8_t classes;
	bool expected;
};

struct nv_known_socket {
	char name[32];	 /* below /run, then /var/run; absolute: there */
	uint8_t classes; /* a directory is accepted too */
};

struct nv_known_config {
	char name[56];
	char to[11];  /* directory in the container */
	bool at_root; /* the driver root itself is searched last */
	uint8_t classes;
};

struct nv_known_xorg {
	char name[24];
	bool versioned; /* ".<driver version>" follows */
};

/* A link beside a library that is found; "" as target is the library's own file name. */
struct nv_known_link {
	char library[32]; /* before ".so" */
	char target[32], path[32];
	bool graphics; /* enum nv_link_group */
	uint8_t classes;
};

struct nv_known_dir {
	char path[44];
	uint8_t bits; /* of the libraries it holds; 0: either */
};

extern const struct nv_known_library nv_known_libraries[];
extern const size_t nv_known_library_count;
extern const struct nv_known_binary nv_known_binaries[];
extern const size_t nv_known_binary_count;
extern const struct nv_known_socket nv_known_sockets[];
extern const size_t nv_known_socket_count;
extern const struct nv_known_config nv_known_configs[];
extern const size_t nv_known_config_count;
extern const struct nv_known_xorg nv_known_xorgs[];
extern const size_t nv_known_xorg_count;
extern const struct nv_known_link nv_known_links[];
extern const size_t nv_known_link_count;

/* Where libraries are searched besides the loader's directories, in order. */
extern const struct nv_known_dir nv_library_dirs[];
extern const size_t nv_library_dir_count;

/* Device nodes that serve every GPU. */
struct nv_known_node {
	char path[24];
	uint8_t classes;
};
extern const struct nv_known_node nv_control_nodes[];
extern const size_t nv_control_node_count;

/* Classes of GPU nodes below /dev/dri. */
#define NV_CLASS_DRM (NV_CLASS_GRAPHICS | NV_CLASS_DISPLAY)

/* The row of a library by its file name ("libcuda.so.580.159.04"), or NULL. */
const struct nv_known_library *nv_known_library_of(struct str file);
