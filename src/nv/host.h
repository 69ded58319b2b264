/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * host: where a machine's kernel interfaces and device nodes are looked for.
 *
 * Programs leave it zeroed but for dev_root: that is the machine they run on.
 * Tests name directories of their own.
 */

struct nv_host {
	const char *proc;     /* NULL: "/proc" */
	const char *sys;      /* NULL: "/sys" */
	const char *dev_root; /* what /dev lies below; NULL, "" or "/": this machine's */
};

static inline const char *nv_host_proc(const struct nv_host *h)
{
	return h->proc ? h->proc : "/proc";
}

static inline const char *nv_host_sys(const struct nv_host *h)
{
	return h->sys ? h->sys : "/sys";
}

/* A prefix for paths that begin with a slash. */
static inline const char *nv_host_dev(const struct nv_host *h)
{
	return !h->dev_root || (h->dev_root[0] == '/' && h->dev_root[1] == '\0') ? "" : h->dev_root;
}
