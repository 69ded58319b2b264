/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/state.h"

#include <errno.h>

#include "base/mem.h"
#include "base/path.h"
#include "codec/json.h"
#include "oci/spec.h"

static const struct json_limits limits = {
	.max_size = OCI_STATE_MAX,
	.max_string = OCI_STATE_MAX,
	.max_nodes = 65536,
	.max_depth = 16,
};

/* NULL when absent or empty. */
static const char *text_field(struct arena *a, const struct json *state, const char *name)
{
	struct str text = json_str(json_field(state, name));

	return text.n > 0 ? arena_str(a, text) : NULL;
}

int oci_state_parse(struct arena *a, struct str text, const char *name, struct oci_state *ret,
		    struct err *e)
{
	struct oci_state s = {0};
	struct json *state;
	int r;

	if (text.n <= OCI_STATE_MAX && str_trim(text).n == 0)
		return err_set(
			e, EBADMSG,
			"OCI state: %s is empty: container runtimes write there what container "
			"the hook is for",
			name);
	r = json_parse(a, text, name, &limits, &state, e);
	if (r < 0)
		return err_in(e, r, "OCI state");
	if (!json_is(state, JSON_OBJECT))
		return err_set(e, EBADMSG, "OCI state: %s:1:1: not an object", name);
	s.id = text_field(a, state, "id");
	s.bundle = text_field(a, state, "bundle");
	s.root = text_field(a, state, "root");
	if (json_field(state, "pid") && json_i64(json_field(state, "pid"), &s.pid) < 0)
		return err_set(e, EBADMSG, "OCI state: %s: \"pid\" is not a number", name);
	*ret = s;
	return 0;
}

/* root.path of the bundle's config.json. */
static int root_of_bundle(struct arena *a, const char *bundle, const char **ret, struct err *e)
{
	auto_free char *config = path_join(bundle, "config.json");
	struct oci_spec spec;
	struct str path;
	int r = oci_spec_load(a, config, &spec, e);

	if (r == -EACCES || r == -EPERM)
		return err_in(e, r,
			      "this user namespace cannot see the bundle, and the runtime does not "
			      "say where the container's root is (crun does)");
	if (r < 0)
		return r;
	path = oci_spec_root_path(&spec);
	if (path.n == 0)
		return err_set(e, EINVAL, "%s names no root.path", config);
	*ret = arena_str(a, path);
	return 0;
}

int oci_state_rootfs(struct arena *a, const struct oci_state *s, const char **ret, struct err *e)
{
	auto_free char *joined = NULL;
	const char *root = s->root;
	int r = 0;

	if (!s->bundle && (!root || root[0] != '/'))
		return err_set(e, EINVAL,
			       "the OCI state names neither a bundle nor the container's root");
	if (s->bundle && s->bundle[0] != '/')
		return err_set(e, EINVAL, "bundle \"%s\" of the OCI state is not an absolute path",
			       s->bundle);
	if (!root)
		r = root_of_bundle(a, s->bundle, &root, e);
	if (r < 0)
		return r;
	joined = root[0] == '/' ? path_clean(root) : path_join(s->bundle, root);
	*ret = arena_strdup(a, joined);
	return 0;
}
