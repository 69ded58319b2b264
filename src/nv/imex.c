/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/imex.h"

#include <errno.h>

#include "base/fs.h"
#include "base/log.h"
#include "os/devnode.h"

#define DIRECTORY "/dev/nvidia-caps-imex-channels"

static int compare(const void *x, const void *y)
{
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;

	return (a > b) - (a < b);
}

static void sort_unique(struct imex_channels *c)
{
	size_t n = 0;

	if (c->n > 1)
		qsort(c->v, c->n, sizeof(*c->v), compare);
	for (size_t i = 0; i < c->n; i++)
		if (n == 0 || c->v[n - 1] != c->v[i])
			c->v[n++] = c->v[i];
	c->n = n;
}

/* The number of "N" or "channelN". */
static int parse(struct str id, uint32_t *ret)
{
	struct str number = str_has_prefix(id, "channel") ? str_sub(id, 7, id.n) : id;
	uint32_t n;

	if (str_to_u32(number, &n) < 0 || n > IMEX_CHANNEL_MAX)
		return -EINVAL;
	*ret = n;
	return 0;
}

static const char *node_of(struct arena *a, const struct nv_host *host, uint32_t channel)
{
	return arena_printf(a, "%s" DIRECTORY "/channel%u", nv_host_dev(host), channel);
}

static int add_all(struct arena *a, const struct nv_host *host, struct imex_channels *ret,
		   struct err *e)
{
	const char *dir = arena_printf(a, "%s" DIRECTORY, nv_host_dev(host));
	struct strv names;
	int r = fs_list(a, dir, IMEX_CHANNEL_MAX + 1, &names, e);

	if (r == -ENOENT) {
		log_debug("%s does not exist: there are no IMEX channels", dir);
		return 0;
	}
	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++) {
		uint32_t n;

		if (str_has_prefix(str_of(names.v[i]), "channel") &&
		    parse(str_of(names.v[i]), &n) == 0 && devnode_is_char(node_of(a, host, n)))
			arena_push(a, ret, n);
	}
	return 0;
}

static int add_one(struct arena *a, const struct nv_host *host, const char *id,
		   struct imex_channels *ret, struct err *e)
{
	AUTO(strbuf_done) struct strbuf quoted = {0};
	const char *node;
	uint32_t n;

	if (parse(str_of(id), &n) < 0) {
		strbuf_escape(&quoted, str_sub(str_of(id), 0, 80));
		return err_set(e, EINVAL,
			       "IMEX channel \"%s\" is not a number from 0 to %u, \"channel\" and "
			       "such a number, or \"all\"",
			       quoted.p ? quoted.p : "", IMEX_CHANNEL_MAX);
	}
	node = node_of(a, host, n);
	if (!devnode_is_char(node))
		return err_set(
			e, ENOENT,
			"IMEX channel %u: %s is not there: create it with nvidia-modprobe -c "
			"%u -i, or ask for a channel that exists",
			n, node, n);
	arena_push(a, ret, n);
	return 0;
}

int imex_select(struct arena *a, const struct nv_host *host, const struct strv *ids,
		struct imex_channels *ret, struct err *e)
{
	struct imex_channels found = {0};
	bool all = false;

	for (size_t i = 0; i < ids->n; i++)
		all = all || strcmp(ids->v[i], "all") == 0;
	for (size_t i = 0; i < (all ? 1 : ids->n); i++) {
		int r = all ? add_all(a, host, &found, e) : add_one(a, host, ids->v[i], &found, e);

		if (r < 0)
			return r;
	}
	sort_unique(&found);
	*ret = found;
	return 0;
}
