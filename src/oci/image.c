/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image.h"

#include <errno.h>

#include "base/log.h"
#include "base/path.h"
#include "codec/semver.h"
#include "oci/list.h"

#define MOUNTS_MAX	 16384
#define REQUIREMENTS_MAX 64
#define REQUIREMENT_SIZE 4096
#define ANNOTATIONS_MAX	 1024

/* What all steps work on. */
struct image {
	struct arena *arena;
	const struct oci_spec *spec;
	const struct oci_image_policy *policy;
	bool legacy; /* made before NVIDIA_VISIBLE_DEVICES: CUDA_VERSION alone asks for every GPU */
};

static bool is_set(const struct image *im, const char *name)
{
	return oci_spec_env(im->spec, name).p != NULL;
}

/* Go's strconv.ParseBool, true half. */
static bool is_true(struct str value)
{
	static const char yes[][5] = {"1", "t", "T", "true", "TRUE", "True"};

	for (size_t i = 0; i < COUNT_OF(yes); i++)
		if (str_is(value, yes[i]))
			return true;
	return false;
}

/*
 * Annotations. Their values are written by whoever made the container, not by
 * the image, so privileges are not asked for.
 */

static bool has_prefix_of(struct str key, const struct strv *prefixes)
{
	for (size_t i = 0; i < prefixes->n; i++)
		if (str_has_prefix(key, prefixes->v[i]))
			return true;
	return false;
}

static int by_key(const void *x, const void *y)
{
	return str_cmp((*(const struct json *const *)x)->key,
		       (*(const struct json *const *)y)->key);
}

static int from_annotations(const struct image *im, struct strv *ret, struct err *e)
{
	const struct json *all = json_field(im->spec->root, "annotations");
	struct VEC(const struct json *) found = {0};
	struct strv names = {0};

	if (!im->policy->annotation_prefixes || !json_is(all, JSON_OBJECT))
		return 0;
	json_each (annotation, all)
		if (has_prefix_of(annotation->key, im->policy->annotation_prefixes))
			arena_push(im->arena, &found, annotation);
	if (found.n > ANNOTATIONS_MAX)
		return err_set(e, EINVAL, "annotations ask for devices more than %d times",
			       ANNOTATIONS_MAX);
	if (found.n > 1)
		qsort(found.v, found.n, sizeof(*found.v), by_key);
	for (size_t i = 0; i < found.n; i++) {
		const char *name = oci_list_quote(im->arena, found.v[i]->key);
		int r = oci_list_parse(im->arena, json_str(found.v[i]), &names, e);

		if (r < 0)
			return err_in(e, r, "annotation %s", name);
	}
	oci_list_unique(&names);
	*ret = names;
	return 0;
}

/*
 * Mounts of /dev/null below a directory, each naming a device: how a device
 * plugin asks where the environment is not to be trusted.
 */

static const char *below_device_list(const char *destination)
{
	/* /var/run is a link to /run on every system of today. */
	static const char *const roots[] = {"/var/run/nvidia-container-devices",
					    "/run/nvidia-container-devices"};

	for (size_t i = 0; i < COUNT_OF(roots); i++)
		if (path_is_below(destination, roots[i]))
			return path_strip_root(destination, roots[i]) + 1;
	return NULL;
}

/* "cdi/vendor/class=device" or "cdi/vendor/class/device" without its first part. */
static int qualified_name(struct arena *a, const char *text, const char **ret, struct err *e)
{
	const char *slash = strchr(text, '/');
	const char *second = slash ? strchr(slash + 1, '/') : NULL;

	if (slash && strchr(slash, '=')) {
		*ret = text;
		return 0;
	}
	if (!second || slash == text || second == slash + 1 || second[1] == '\0')
		return err_set(
			e, EINVAL,
			"mount cdi/%s does not name a CDI device: neither cdi/vendor/class=device "
			"nor cdi/vendor/class/device",
			oci_list_quote(a, str_of(text)));
	*ret = arena_printf(a, "%.*s=%s", (int)(second - text), text, second + 1);
	return 0;
}

static int add_mount(const struct image *im, const char *item, struct strv *devices,
		     struct strv *imex, struct err *e)
{
	static const char cdi[] = "cdi/", channel[] = "imex/";
	int r = oci_list_check_item(str_of(item), e);

	if (r < 0)
		return err_in(e, r, "mount list of devices");
	if (strncmp(item, channel, strlen(channel)) == 0) {
		arena_push(im->arena, imex, item + strlen(channel));
		return 0;
	}
	if (strncmp(item, cdi, strlen(cdi)) == 0) {
		r = qualified_name(im->arena, item + strlen(cdi), &item, e);
		if (r < 0)
			return r;
	}
	arena_push(im->arena, devices, item);
	return 0;
}

static const char *device_list_entry(const struct image *im, const struct json *mount)
{
	struct str source = json_str(json_field(mount, "source"));
	struct str destination = json_str(json_field(mount, "destination"));
	auto_free char *clean = NULL;
	auto_free char *target = NULL;
	const char *item;

	if (!str_has_prefix(source, "/") || !str_has_prefix(destination, "/"))
		return NULL;
	clean = path_clean(arena_str(im->arena, source));
	if (strcmp(clean, "/dev/null") != 0)
		return NULL;
	target = path_clean(arena_str(im->arena, destination));
	item = below_device_list(target);
	return item && item[0] != '\0' ? arena_strdup(im->arena, item) : NULL;
}

static int from_mounts(const struct image *im, struct strv *devices, struct strv *imex,
		       struct err *e)
{
	const struct json *mounts = json_field(im->spec->root, "mounts");

	if (!im->policy->accept_mounts || !json_is(mounts, JSON_ARRAY))
		return 0;
	if (mounts->count > MOUNTS_MAX)
		return err_set(e, EINVAL, "%zu mounts are too many: at most %d are looked at",
			       mounts->count, MOUNTS_MAX);
	json_each (mount, mounts) {
		const char *item = device_list_entry(im, mount);
		int r = item ? add_mount(im, item, devices, imex, e) : 0;

		if (r < 0)
			return r;
	}
	if (devices->n > OCI_LIST_MAX || imex->n > OCI_LIST_MAX)
		return err_set(e, EINVAL, "mounts name more than %d devices", OCI_LIST_MAX);
	oci_list_words(devices);
	oci_list_words(imex);
	return 0;
}

/* The environment. */

/* Swarm names the assigned devices in variables of its own; when one is there, the usual one does
 * not count. */
static int device_variables(const struct image *im, struct strv *ret, struct err *e)
{
	struct str rest = im->policy->swarm_resource, name;
	struct strv names = {0};

	while (rest.n > 0 && str_split(&rest, ',', &name)) {
		name = str_trim(name);
		if (name.n > 0 && is_set(im, arena_str(im->arena, name)))
			arena_push(im->arena, &names, arena_str(im->arena, name));
	}
	if (names.n > OCI_LIST_MAX)
		return err_set(e, EINVAL, "swarm-resource names more than %d variables",
			       OCI_LIST_MAX);
	if (names.n == 0 && (is_set(im, "NVIDIA_VISIBLE_DEVICES") || im->legacy))
		arena_push(im->arena, &names, "NVIDIA_VISIBLE_DEVICES");
	*ret = names;
	return 0;
}

static int variable_list(const struct image *im, const char *name, struct strv *ret, struct err *e)
{
	return err_in(e, oci_list_parse(im->arena, oci_spec_env(im->spec, name), ret, e), "%s",
		      name);
}

static bool environment_counts(const struct image *im, bool privileged)
{
	return privileged || im->policy->accept_environment_when_unprivileged;
}

static const char *join(struct arena *a, const struct strv *names)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	for (size_t i = 0; i < names->n; i++) {
		strbuf_adds(&b, i > 0 ? ", " : "");
		strbuf_adds(&b, names->v[i]);
	}
	return arena_str(a, strbuf_str(&b));
}

static int from_environment(const struct image *im, bool privileged, struct strv *ret,
			    struct err *e)
{
	struct strv variables = {0}, devices = {0};
	int r = device_variables(im, &variables, e);

	if (r < 0 || variables.n == 0)
		return r;
	if (im->legacy && !is_set(im, variables.v[0]))
		arena_push(im->arena, &devices, "all");
	for (size_t i = 0; i < variables.n; i++) {
		r = variable_list(im, variables.v[i], &devices, e);
		if (r < 0 && environment_counts(im, privileged))
			return r;
	}
	oci_list_words(&devices);
	if (devices.n > 0 && !environment_counts(im, privileged)) {
		log_warn("ignoring devices requested by environment variable(s) in unprivileged "
			 "container: %s",
			 join(im->arena, &variables));
		return 0;
	}
	*ret = devices;
	return 0;
}

static int imex_from_environment(const struct image *im, bool privileged, struct strv *ret,
				 struct err *e)
{
	static const char name[] = "NVIDIA_IMEX_CHANNELS";
	struct strv channels = {0};
	int r;

	if (!environment_counts(im, privileged))
		return 0;
	r = variable_list(im, name, &channels, e);
	if (r < 0)
		return r;
	oci_list_words(&channels);
	/* Each channel is shared memory between nodes: an image does not get every one unasked. */
	if (channels.n == 1 && strcmp(channels.v[0], "all") == 0) {
		log_warn("%s=all is ignored: name the channels, or ask for all of them by a mount",
			 name);
		return 0;
	}
	*ret = channels;
	return 0;
}

static int read_imex(const struct image *im, bool privileged, struct nv_request *request,
		     struct err *e)
{
	int r = 0;

	if (im->policy->ignore_imex)
		request->imex_channels = (struct strv){0};
	else if (request->imex_channels.n == 0)
		r = imex_from_environment(im, privileged, &request->imex_channels, e);
	/* "none" has said what it had to say: not even the environment is asked. */
	if (request->imex_channels.n == 1 && strcmp(request->imex_channels.v[0], "none") == 0)
		request->imex_channels = (struct strv){0};
	return r;
}

/* Everything below only concerns containers that asked for a device. */

static int unsupported(struct arena *a, const struct strv *names, unsigned supported, struct err *e)
{
	AUTO(strbuf_done) struct strbuf allowed = {0};

	nv_class_names(supported, &allowed);
	return err_set(
		e, EINVAL,
		"unsupported capabilities found in NVIDIA_DRIVER_CAPABILITIES: %s (allowed: %s)",
		join(a, names), strbuf_str(&allowed).p);
}

static int read_capabilities(const struct image *im, struct nv_request *request, struct err *e)
{
	static const char name[] = "NVIDIA_DRIVER_CAPABILITIES";
	unsigned supported = im->policy->supported_capabilities;
	struct strv words = {0}, bad = {0};
	struct str value = oci_spec_env(im->spec, name);
	int r;

	request->capabilities = supported;
	request->capabilities_set = value.n > 0 || (!value.p && im->legacy);
	if (value.n == 0)
		return 0;
	r = variable_list(im, name, &words, e);
	if (r < 0)
		return r;
	request->capabilities = 0;
	for (size_t i = 0; i < words.n; i++) {
		unsigned class = nv_class_of(str_of(words.v[i]));

		if (strcmp(words.v[i], "all") == 0) {
			request->capabilities = supported;
			return 0;
		}
		if (!(class & supported))
			arena_push(im->arena, &bad, words.v[i]);
		request->capabilities |= class;
	}
	return bad.n > 0 ? unsupported(im->arena, &bad, supported, e) : 0;
}

struct requirement {
	struct str name, value;
};
struct requirements VEC(struct requirement);

static int by_name(const void *x, const void *y)
{
	return str_cmp(((const struct requirement *)x)->name,
		       ((const struct requirement *)y)->name);
}

/* The last variable of a name counts, as everywhere in the environment. */
static int add_requirement(const struct image *im, struct requirements *list,
			   struct requirement requirement, struct err *e)
{
	if (requirement.value.n > REQUIREMENT_SIZE || requirement.name.n > OCI_ITEM_MAX)
		return err_set(e, EINVAL, "%s is longer than %d bytes",
			       oci_list_quote(im->arena, requirement.name), REQUIREMENT_SIZE);
	for (size_t i = 0; i < list->n; i++) {
		if (!str_eq(list->v[i].name, requirement.name))
			continue;
		list->v[i] = requirement;
		return 0;
	}
	if (list->n == REQUIREMENTS_MAX)
		return err_set(e, EINVAL, "more than %d variables NVIDIA_REQUIRE_*",
			       REQUIREMENTS_MAX);
	arena_push(im->arena, list, requirement);
	return 0;
}

/* An image from before NVIDIA_REQUIRE_CUDA needs the CUDA version it was built with. */
static int legacy_requirement(const struct image *im, struct requirements *list, struct err *e)
{
	struct requirement requirement = {.name = STR("CUDA_VERSION")};
	struct str text = oci_spec_env(im->spec, "CUDA_VERSION");
	struct version version;
	size_t n = 0;

	while (n < text.n && (text.p[n] == '.' || (text.p[n] >= '0' && text.p[n] <= '9')))
		n++;
	if (version_parse(str_sub(text, 0, n), &version) < 0 || version.parts < 2)
		return err_set(
			e, EINVAL,
			"CUDA_VERSION is %s, not a version like 12.4: set NVIDIA_REQUIRE_CUDA, or "
			"NVIDIA_DISABLE_REQUIRE=true",
			oci_list_quote(im->arena, text));
	requirement.value =
		str_of(arena_printf(im->arena, "cuda>=%u.%u", version.part[0], version.part[1]));
	return add_requirement(im, list, requirement, e);
}

static int collect_requirements(const struct image *im, struct requirements *list, struct err *e)
{
	const struct json *env = oci_spec_environ(im->spec);

	json_each (entry, env) {
		struct requirement requirement;
		int r = 0;

		/* NVIDIA_REQUIRE_JETPACK chooses mounts of csv mode and requires nothing. */
		if (oci_env_split(entry, &requirement.name, &requirement.value) &&
		    str_has_prefix(requirement.name, "NVIDIA_REQUIRE_") &&
		    !str_has_prefix(requirement.name, "NVIDIA_REQUIRE_JETPACK"))
			r = add_requirement(im, list, requirement, e);
		if (r < 0)
			return r;
	}
	return im->legacy ? legacy_requirement(im, list, e) : 0;
}

static int read_requirements(const struct image *im, struct nv_request *request, struct err *e)
{
	struct requirements list = {0};
	int r;

	if (im->policy->disable_require ||
	    is_true(oci_spec_env(im->spec, "NVIDIA_DISABLE_REQUIRE")))
		return 0;
	r = collect_requirements(im, &list, e);
	if (r < 0)
		return r;
	if (list.n > 1)
		qsort(list.v, list.n, sizeof(*list.v), by_name);
	for (size_t i = 0; i < list.n; i++) {
		arena_push(im->arena, &request->requirement_names,
			   arena_str(im->arena, list.v[i].name));
		arena_push(im->arena, &request->requirements,
			   arena_str(im->arena, list.v[i].value));
	}
	return 0;
}

static int read_mig(const struct image *im, bool privileged, const char *what, struct strv *ret,
		    struct err *e)
{
	const char *name = arena_printf(im->arena, "NVIDIA_%s", what);
	int r = variable_list(im, name, ret, e);

	if (r < 0)
		return r;
	oci_list_words(ret);
	if (ret->n > 0 && !privileged)
		return err_set(e, EPERM,
			       "cannot set %s in non privileged container: %s needs CAP_SYS_ADMIN",
			       what, name);
	return 0;
}

static unsigned read_gated(const struct image *im)
{
	static const struct {
		char name[16];
		unsigned bit;
	} gated[] = {
		{"NVIDIA_GDS", NV_GDS},
		{"NVIDIA_MOFED", NV_MOFED},
		{"NVIDIA_GDRCOPY", NV_GDRCOPY},
		{"NVIDIA_NVSWITCH", NV_NVSWITCH},
	};
	unsigned set = 0;

	for (size_t i = 0; i < COUNT_OF(gated); i++)
		if (str_is(oci_spec_env(im->spec, gated[i].name), "enabled"))
			set |= gated[i].bit;
	return set;
}

static int read_devices(const struct image *im, struct nv_request *request, struct err *e)
{
	int r = from_mounts(im, &request->devices, &request->imex_channels, e);

	request->source = NV_SOURCE_MOUNTS;
	if (r < 0)
		return r;
	if (request->devices.n == 0) {
		request->source = NV_SOURCE_ENVIRONMENT;
		r = from_environment(im, request->privileged, &request->devices, e);
	}
	if (request->devices.n == 0)
		request->source = NV_SOURCE_NONE;
	return r;
}

static int read_details(const struct image *im, struct nv_request *request, struct err *e)
{
	int r = read_imex(im, request->privileged, request, e);

	request->gated = read_gated(im);
	request->capabilities = im->policy->supported_capabilities;
	if (r < 0 || im->policy->reference)
		return r;
	r = read_capabilities(im, request, e);
	if (r == 0)
		r = read_requirements(im, request, e);
	if (r == 0)
		r = read_mig(im, request->privileged, "MIG_CONFIG_DEVICES", &request->mig_config,
			     e);
	if (r == 0)
		r = read_mig(im, request->privileged, "MIG_MONITOR_DEVICES", &request->mig_monitor,
			     e);
	return r;
}

int oci_image_request(struct arena *a, const struct oci_spec *spec,
		      const struct oci_image_policy *policy, struct nv_request *ret, struct err *e)
{
	struct image im = {.arena = a, .spec = spec, .policy = policy};
	struct nv_request request = {.source = NV_SOURCE_ANNOTATIONS};
	int r;

	im.legacy = oci_spec_env(spec, "CUDA_VERSION").n > 0 &&
		    oci_spec_env(spec, "NVIDIA_REQUIRE_CUDA").n == 0;
	request.privileged = oci_spec_has_bounding(spec, "CAP_SYS_ADMIN");
	r = from_annotations(&im, &request.devices, e);
	if (r == 0 && request.devices.n == 0)
		r = read_devices(&im, &request, e);
	if (r == 0 && request.source != NV_SOURCE_NONE)
		r = read_details(&im, &request, e);
	if (r < 0)
		return r;
	*ret = request.source == NV_SOURCE_NONE ? (struct nv_request){0} : request;
	return 0;
}
