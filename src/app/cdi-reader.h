/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * cdi-reader: what the CDI reader inside a container engine understands
 * (design.md 4.10, users.md P03).
 *
 * Engines link the CDI library of their day. It refuses a whole file for one
 * field that it does not know, and for a version that it does not know, and says
 * no more than "unresolvable CDI devices". "podman=4.9.3" on a command line means: as
 * this reader needs it.
 *
 * The table in cdi-reader.c says from which release of an engine on which CDI
 * version is read. Its sources are the changes that updated the library:
 *   podman      containers/podman 12825, 20558, 22280, go.mod at 5.3; Debian 12's 4.3.1 has 0.5.2
 *   docker      moby/moby 46774, 47706, 48886 (27.x), 49738
 *   containerd  containerd/containerd 7374, 10077 (1.7), 11522, 12664 (2.2)
 *   cri-o       cri-o/cri-o 6711, 7526, 9025; container-device-interface 199
 * Where a change went into a point release that is not known, the next one
 * stands there: a version too low only leaves out a field more.
 */

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "cdi/model.h"

struct cdi_reader {
	const char *who;     /* "podman 4.9.3" */
	const char *option;  /* "--for=podman=4.9.3" */
	const char *version; /* the highest CDI version it reads: "0.6.0"; a string constant */
};

/*
 * The least capable of several "ENGINE=VERSION"; engines are podman, docker,
 * containerd, cri-o (crio), and cdi for a CDI version itself. None: a reader of every version,
 * with who NULL. -EINVAL for an unknown engine (with a guess) or version; -EOPNOTSUPP for an engine
 * that reads no CDI files at all.
 */
int cdi_reader_parse(struct arena *a, const struct strv *engines, struct cdi_reader *ret,
		     struct err *e) MUST_USE;

/* Whether it reads files of that version. */
bool cdi_reader_knows(const struct cdi_reader *r, const char *version);

/*
 * Leaves out of a spec what the reader does not know and containers can do
 * without (groups of device nodes, annotations), and gives it the lowest
 * version again. -EOPNOTSUPP when what remains is too new still; the text says what and what to do.
 */
int cdi_reader_fit(const struct cdi_reader *r, struct cdi_spec *spec, struct err *e) MUST_USE;

/* The version that a member called key needs in an object called inside ("deviceNodes"; NULL: any);
 * NULL when every version knows it. */
const char *cdi_reader_version_of(struct str key, struct str inside);
