/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ldcache-scan: what the child of job_ldcache() finds out about an image.
 *
 * The child decides nothing that reaches outside of the container: it answers
 * with flags, with indices into the folders that the parent named, with
 * names, and with the bytes of two files. The parent checks all of them.
 */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "os/rootfs.h"

#define LDCACHE_SCAN_FILE	"/etc/ld.so.cache"
#define LDCACHE_SCAN_MUSL_PATHS "/etc/ld-musl-%s.path"
#define LDCACHE_SCAN_MAX_CACHE	(15 * 1024 * 1024)
#define LDCACHE_SCAN_MAX_TEXT	(256 * 1024)
#define LDCACHE_SCAN_MAX_PATHS	(64 * 1024)

enum ldcache_scan_flags {
	LDCACHE_SCAN_GLIBC = 1,	    /* the image has a use for ld.so.cache */
	LDCACHE_SCAN_CONF = 2,	    /* it has an ld.so.conf */
	LDCACHE_SCAN_CURRENT = 4,   /* its cache has these bytes already */
	LDCACHE_SCAN_REACHABLE = 8, /* the loader finds every folder's libraries as things are */
	LDCACHE_SCAN_CHANGED_PATHS = 16, /* musl: its path file lacks a folder */
};

/* Loaders of musl, by the index that the child answers with. */
extern const char ldcache_scan_musl[4][16];

/* The answer begins with this; then text_n, cache_n and paths_n bytes. */
struct ldcache_scan_header {
	uint32_t flags;	  /* enum ldcache_scan_flags */
	uint32_t musl;	  /* 1 + index into ldcache_scan_musl, 0 for none */
	uint32_t text_n;  /* lines: "unknown <folder>", "link <folder> <file>/<soname>", "note
			     <text>" */
	uint32_t cache_n; /* 0 with LDCACHE_SCAN_CURRENT */
	uint32_t paths_n; /* 0 without LDCACHE_SCAN_CHANGED_PATHS */
};

/* For struct sandbox: request is a struct strv of clean absolute paths, the driver's folders. */
int ldcache_scan(const struct rootfs *root, const void *request, struct strbuf *out,
		 struct err *e) MUST_USE;
