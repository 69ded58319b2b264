/* SPDX-License-Identifier: Apache-2.0 */
#include "ctr/container.h"

#include <unistd.h>

#include "base/fs.h"

int container_open_root(struct arena *a, const char *rootfs, struct container *ret, struct err *e)
{
	struct container c = {.root = ROOTFS_INIT};
	int r = rootfs_open(arena_strdup(a, rootfs), &c.root, e);

	if (r < 0)
		return r;
	*ret = c;
	return 0;
}

int container_open(struct arena *a, const char *state_path, struct container *ret, struct err *e)
{
	bool named = state_path && strcmp(state_path, "-") != 0;
	const char *name = named ? state_path : "standard input", *rootfs;
	struct oci_state state;
	struct str text;
	int r;

	r = named ? fs_read(a, name, OCI_STATE_MAX, &text, e)
		  : fs_read_fd(a, STDIN_FILENO, name, OCI_STATE_MAX, &text, e);
	if (r < 0)
		return err_in(e, r, "OCI state");
	r = oci_state_parse(a, text, name, &state, e);
	if (r < 0)
		return r;
	r = oci_state_rootfs(a, &state, &rootfs, e);
	if (r < 0)
		return r;
	r = container_open_root(a, rootfs, ret, e);
	if (r < 0)
		return r;
	ret->id = state.id;
	return 0;
}

void container_close(struct container *c)
{
	rootfs_close(&c->root);
}
