/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* imex: channels of /dev/nvidia-caps-imex-channels. */

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/vec.h"
#include "nv/host.h"

#define IMEX_CHANNEL_MAX 1048575u

struct imex_channels VEC(uint32_t);

/*
 * Channel numbers for ids: "N", "channelN", or "all" (every existing one).
 * Sorted, without duplicates. -EINVAL for a bad id, -ENOENT for a channel whose
 * node is missing; the text names it and where it was looked for.
 */
int imex_select(struct arena *a, const struct nv_host *host, const struct strv *ids,
		struct imex_channels *ret, struct err *e) MUST_USE;
