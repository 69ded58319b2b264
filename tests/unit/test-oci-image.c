/* SPDX-License-Identifier: Apache-2.0 */
#include "oci/image.h"

#include "base/log.h"
#include "oci/list.h"
#include "test.h"

static struct arena arena;

static void done(void)
{
	arena_done(&arena);
}

static struct oci_image_policy usual_policy(void)
{
	return (struct oci_image_policy){
		.accept_environment_when_unprivileged = true,
		.supported_capabilities = NV_CLASS_ALL,
	};
}

static struct oci_spec parse(const char *text)
{
	struct oci_spec s = {.path = "config.json", .arena = &arena};
	struct err e;

	(void)atexit(done);
	log_clear();
	CHECK_OK(json_parse(&arena, str_of(text), "config.json", NULL, &s.root, &e), &e);
	return s;
}

/* A spec whose environment is the text's variables, one per line. */
static struct oci_spec with_env(const char *lines, bool privileged)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct str rest = str_of(lines), line;

	strbuf_printf(&text, "{\"process\":{\"capabilities\":{\"bounding\":[%s]},\"env\":[\"X\"",
		      privileged ? "\"CAP_SYS_ADMIN\"" : "");
	while (rest.n > 0 && str_split(&rest, '\n', &line)) {
		strbuf_addc(&text, ',');
		json_quote(&text, line);
	}
	strbuf_adds(&text, "]}}");
	return parse(arena_str(&arena, strbuf_str(&text)));
}

static const char *joined(struct strv list)
{
	AUTO(strbuf_done) struct strbuf b = {0};

	for (size_t i = 0; i < list.n; i++)
		strbuf_printf(&b, "%s%s", i > 0 ? " " : "", list.v[i]);
	return arena_str(&arena, strbuf_str(&b));
}

static struct nv_request request_of(const struct oci_spec *s, const struct oci_image_policy *policy)
{
	struct nv_request request;
	struct err e;

	CHECK_OK(oci_image_request(&arena, s, policy, &request, &e), &e);
	return request;
}

static struct nv_request request_env(const char *lines)
{
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s = with_env(lines, false);

	return request_of(&s, &policy);
}

static void check_refused(const char *lines, const char *words)
{
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s = with_env(lines, false);
	struct nv_request request;
	struct err e;

	CHECK_INT(oci_image_request(&arena, &s, &policy, &request, &e) < 0, 1);
	if (!strstr(e.text, words))
		FAIL("%s", e.text);
}

TEST(devices_of_the_environment)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
		{"", ""},
		{"void", ""},
		{"none", "none"},
		{"all", "all"},
		{"0", "0"},
		{"0,1", "0 1"},
		{" 0 , 1 ", "0 1"},
		{"0,0", "0"},
		{"1,0,1", "1 0"},
		{"all,0", "all"},
		{"0,all", "all"},
		{"0,none", "none"},
		{"none,all", "none"},
		{"all,none", "all"},
		{"0,void", ""},
		{"all,void", ""},
		{",", ""},
		{" , ,", ""},
		{"GPU-fef8089b", "GPU-fef8089b"},
		{"MIG-GPU-fef8089b/1/0", "MIG-GPU-fef8089b/1/0"},
		{"0000:00:06.0,0:1", "0000:00:06.0 0:1"},
		{"nvidia.com/gpu=0,a/b=c", "nvidia.com/gpu=0 a/b=c"},
		{"ALL", "ALL"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *env = arena_printf(&arena, "NVIDIA_VISIBLE_DEVICES=%s", cases[i].value);
		struct nv_request request = request_env(env);

		if (strcmp(joined(request.devices), cases[i].want) != 0)
			FAIL("%s: %s", env, joined(request.devices));
		CHECK_INT(request.source,
			  cases[i].want[0] ? NV_SOURCE_ENVIRONMENT : NV_SOURCE_NONE);
	}
}

TEST(the_last_of_two_variables_counts)
{
	struct nv_request request =
		request_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_VISIBLE_DEVICES=1");

	CHECK_STR(joined(request.devices), "1");
}

TEST(an_old_cuda_image_asks_for_every_gpu)
{
	struct nv_request request = request_env("CUDA_VERSION=8.0.61");

	CHECK_STR(joined(request.devices), "all");
	CHECK(request.capabilities_set);
	CHECK_INT(request.capabilities, NV_CLASS_ALL);
	CHECK_STR(joined(request.requirements), "cuda>=8.0");

	CHECK_INT(request_env("CUDA_VERSION=8.0\nNVIDIA_REQUIRE_CUDA=cuda>=8.0").source,
		  NV_SOURCE_NONE);
	CHECK_INT(request_env("CUDA_VERSION=8.0\nNVIDIA_VISIBLE_DEVICES=void").source,
		  NV_SOURCE_NONE);
	CHECK_INT(request_env("CUDA_VERSION=").source, NV_SOURCE_NONE);
	CHECK_INT(request_env("").source, NV_SOURCE_NONE);
	check_refused("CUDA_VERSION=new", "CUDA_VERSION is \"new\"");
	CHECK_STR(joined(request_env("CUDA_VERSION=new\nNVIDIA_DISABLE_REQUIRE=1").requirements),
		  "");
}

TEST(lists_are_bounded_and_hold_names_only)
{
	AUTO(strbuf_done) struct strbuf many = {0}, longer = {0};

	check_refused(
		"NVIDIA_VISIBLE_DEVICES=0 1",
		"NVIDIA_VISIBLE_DEVICES: \"0 1\" has a character that no name of a device has");
	check_refused("NVIDIA_VISIBLE_DEVICES=0;rm", "\";\"");
	check_refused("NVIDIA_VISIBLE_DEVICES=\xc3\xa4", "\\xc3\\xa4");
	strbuf_adds(&many, "NVIDIA_VISIBLE_DEVICES=");
	for (int i = 0; i < 1025; i++)
		strbuf_adds(&many, "0,");
	check_refused(many.p, "NVIDIA_VISIBLE_DEVICES: more than 1024 items");
	strbuf_adds(&longer, "NVIDIA_VISIBLE_DEVICES=");
	for (int i = 0; i < 257; i++)
		strbuf_addc(&longer, 'x');
	check_refused(longer.p, "is longer than 256 bytes");
	for (int i = 0; i < 16384; i++)
		strbuf_addc(&longer, ',');
	check_refused(longer.p, "longer than 16384 bytes");
}

TEST(the_environment_of_unprivileged_containers_may_not_count)
{
	struct oci_image_policy policy = usual_policy();
	struct oci_spec plain = with_env("NVIDIA_VISIBLE_DEVICES=all", false);
	struct oci_spec privileged = with_env("NVIDIA_VISIBLE_DEVICES=all", true);
	struct oci_spec bad = with_env("NVIDIA_VISIBLE_DEVICES=$", false);

	policy.accept_environment_when_unprivileged = false;
	CHECK_INT(request_of(&plain, &policy).source, NV_SOURCE_NONE);
	CHECK_INT(request_of(&bad, &policy).source, NV_SOURCE_NONE);
	CHECK_STR(joined(request_of(&privileged, &policy).devices), "all");
	CHECK(request_of(&privileged, &policy).privileged);
}

TEST(swarm_variables_replace_the_usual_one)
{
	static const char both[] =
		"NVIDIA_VISIBLE_DEVICES=all\nDOCKER_RESOURCE_GPU=GPU-1,GPU-2\nB=GPU-3";
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s = with_env(both, false);
	struct oci_spec empty = with_env("NVIDIA_VISIBLE_DEVICES=all\nDOCKER_RESOURCE_GPU=", false);
	struct oci_spec absent = with_env("NVIDIA_VISIBLE_DEVICES=all", false);

	policy.swarm_resource = STR("DOCKER_RESOURCE_GPU, B");
	CHECK_STR(joined(request_of(&s, &policy).devices), "GPU-1 GPU-2 GPU-3");
	CHECK_INT(request_of(&empty, &policy).source, NV_SOURCE_NONE);
	CHECK_STR(joined(request_of(&absent, &policy).devices), "all");
}

static const char *mounts_request(const char *destinations)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct oci_image_policy policy = usual_policy();
	struct str rest = str_of(destinations), item;
	struct nv_request request;
	struct oci_spec s;
	struct err e;

	strbuf_adds(&text, "{\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=9\"]},\"mounts\":[{}");
	while (str_split(&rest, ' ', &item))
		strbuf_printf(&text, ",{\"source\":\"//dev/null\",\"destination\":\"%.*s\"}",
			      STR_ARG(item));
	strbuf_adds(&text, ",{\"source\":\"/dev/zero\",\"destination\":"
			   "\"/var/run/nvidia-container-devices/7\"}]}");
	s = parse(arena_str(&arena, strbuf_str(&text)));
	policy.accept_mounts = true;
	if (oci_image_request(&arena, &s, &policy, &request, &e) < 0)
		return arena_strdup(&arena, e.text);
	return arena_printf(&arena, "%d:%s:%s", (int)request.source, joined(request.devices),
			    joined(request.imex_channels));
}

TEST(devices_of_the_mount_list)
{
#define V "/var/run/nvidia-container-devices"
	static const struct {
		const char *destinations, *want;
	} cases[] = {
		{V "/0", "2:0:"},
		{V "/0 " V "/GPU-1 " V "/0", "2:0 GPU-1:"},
		{"/run/nvidia-container-devices/0", "2:0:"},
		{V "/../nvidia-container-devices//0/", "2:0:"},
		{V "/MIG-GPU-1/2/3", "2:MIG-GPU-1/2/3:"},
		{V "foo", "3:9:"},
		{V, "3:9:"},
		{"/x", "3:9:"},
		{V "/all", "2:all:"},
		{V "/all " V "/0", "2:all:"},
		{V "/none", "2:none:"},
		{V "/cdi/nvidia.com/gpu=0", "2:nvidia.com/gpu=0:"},
		{V "/cdi/nvidia.com/gpu/0", "2:nvidia.com/gpu=0:"},
		{V "/imex/3 " V "/imex/all " V "/1", "2:1:all"},
		{V "/imex/3 " V "/imex/5 " V "/1", "2:1:3 5"},
		{V "/imex/0", "3:9:0"},
		{V "/cdi/nonsense", "mount cdi/\"nonsense\" does not name a CDI device: neither "
				    "cdi/vendor/class=device nor cdi/vendor/class/device"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *got = mounts_request(cases[i].destinations);

		if (strcmp(got, cases[i].want) != 0)
			FAIL("%s: %s", cases[i].destinations, got);
	}
#undef V
}

TEST(void_in_the_mount_list_is_no_device)
{
	CHECK_STR(mounts_request("/run/nvidia-container-devices/void"), "3:9:");
}

TEST(annotations_come_first_when_they_are_looked_at)
{
	static const char text[] =
		"{\"annotations\":{\"cdi.k8s.io/b\":\"nvidia.com/gpu=1, nvidia.com/gpu=0\","
		"\"other\":\"x\",\"cdi.k8s.io/a\":\"nvidia.com/gpu=0,\",\"cdi.k8s.io/c\":\"\"},"
		"\"process\":{\"env\":[\"NVIDIA_VISIBLE_DEVICES=9\"]}}";
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s = parse(text);
	struct strv prefixes = {0};
	struct nv_request request;

	CHECK_STR(joined(request_of(&s, &policy).devices), "9");
	arena_push(&arena, &prefixes, "cdi.k8s.io/");
	policy.annotation_prefixes = &prefixes;
	request = request_of(&s, &policy);
	CHECK_INT(request.source, NV_SOURCE_ANNOTATIONS);
	CHECK_STR(joined(request.devices), "nvidia.com/gpu=0 nvidia.com/gpu=1");
}

TEST(driver_capabilities)
{
	static const struct {
		const char *value;
		unsigned want;
	} cases[] = {
		{"compute", NV_CLASS_COMPUTE},
		{" compute , utility ", NV_CLASS_COMPUTE | NV_CLASS_UTILITY},
		{"all", NV_CLASS_ALL},
		{"compute,all", NV_CLASS_ALL},
		{",", 0},
	};
	struct nv_request request = request_env("NVIDIA_VISIBLE_DEVICES=0");

	CHECK(!request.capabilities_set);
	request = request_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_DRIVER_CAPABILITIES=");
	CHECK(!request.capabilities_set);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		request = request_env(arena_printf(
			&arena, "NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_DRIVER_CAPABILITIES=%s",
			cases[i].value));
		CHECK(request.capabilities_set);
		CHECK_INT(request.capabilities, cases[i].want);
	}
	check_refused("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_DRIVER_CAPABILITIES=compute,none,magic",
		      "unsupported capabilities found in NVIDIA_DRIVER_CAPABILITIES: none, magic "
		      "(allowed: compat32,compute,display,graphics,ngx,utility,video)");
	CHECK_INT(request_env("NVIDIA_DRIVER_CAPABILITIES=magic").source, NV_SOURCE_NONE);
}

TEST(capabilities_the_site_does_not_support_are_refused)
{
	struct oci_image_policy policy = usual_policy();
	struct oci_spec all =
		with_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_DRIVER_CAPABILITIES=all", false);
	struct oci_spec video =
		with_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_DRIVER_CAPABILITIES=video", false);
	struct nv_request request;
	struct err e;

	policy.supported_capabilities = NV_CLASS_COMPUTE;
	CHECK_INT(request_of(&all, &policy).capabilities, NV_CLASS_COMPUTE);
	CHECK_INT(oci_image_request(&arena, &video, &policy, &request, &e), -EINVAL);
	CHECK(strstr(e.text, "video (allowed: compute)"));
}

TEST(requirements_are_collected_in_the_order_of_their_names)
{
	struct nv_request request = request_env(
		"NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_REQUIRE_Z=arch>=7.0\n"
		"NVIDIA_REQUIRE_CUDA=cuda>=11\nNVIDIA_REQUIRE_JETPACK=csv-mounts=all\n"
		"NVIDIA_REQUIRE_JETPACK_2=x\nNVIDIA_REQUIRE_CUDA=cuda>=12.4 brand=tesla\n"
		"CUDA_VERSION=12.4");

	CHECK_STR(joined(request.requirement_names), "NVIDIA_REQUIRE_CUDA NVIDIA_REQUIRE_Z");
	CHECK_STR(request.requirements.v[0], "cuda>=12.4 brand=tesla");
	CHECK_STR(request.requirements.v[1], "arch>=7.0");
}

TEST(requirements_can_be_disabled)
{
	static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s = with_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_REQUIRE_X=cuda>=99", false);

	for (size_t i = 0; i < COUNT_OF(yes); i++)
		CHECK_INT(
			request_env(
				arena_printf(&arena,
					     "NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_REQUIRE_X=cuda>=99\n"
					     "NVIDIA_DISABLE_REQUIRE=%s",
					     yes[i]))
				.requirements.n,
			0);
	CHECK_INT(request_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_REQUIRE_X=cuda>=99\n"
			      "NVIDIA_DISABLE_REQUIRE=yes")
			  .requirements.n,
		  1);
	policy.disable_require = true;
	CHECK_INT(request_of(&s, &policy).requirements.n, 0);
}

TEST(mig_administration_needs_privileges)
{
	static const char env[] = "NVIDIA_VISIBLE_DEVICES=all\nNVIDIA_MIG_CONFIG_DEVICES=all\n"
				  "NVIDIA_MIG_MONITOR_DEVICES=0,1";
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s = with_env(env, true);
	struct nv_request request = request_of(&s, &policy);

	CHECK_STR(joined(request.mig_config), "all");
	CHECK_STR(joined(request.mig_monitor), "0 1");
	check_refused(env, "cannot set MIG_CONFIG_DEVICES in non privileged container");
	check_refused("NVIDIA_VISIBLE_DEVICES=all\nNVIDIA_MIG_MONITOR_DEVICES=0",
		      "cannot set MIG_MONITOR_DEVICES in non privileged container");
	CHECK_INT(request_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_MIG_CONFIG_DEVICES=").mig_config.n,
		  0);
}

TEST(imex_channels_and_gated_features)
{
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s = with_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_IMEX_CHANNELS=0", false);
	struct nv_request request =
		request_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_IMEX_CHANNELS=0, 5,0\n"
			    "NVIDIA_GDS=enabled\nNVIDIA_MOFED=true\nNVIDIA_GDRCOPY=enabled");

	CHECK_STR(joined(request.imex_channels), "0 5");
	CHECK_INT(request.gated, NV_GDS | NV_GDRCOPY);
	CHECK_INT(
		request_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_IMEX_CHANNELS=none").imex_channels.n,
		0);
	CHECK_INT(request_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_IMEX_CHANNELS=all").imex_channels.n,
		  0);
	CHECK_INT(request_env("NVIDIA_IMEX_CHANNELS=1\nNVIDIA_GDS=enabled").source, NV_SOURCE_NONE);
	policy.ignore_imex = true;
	CHECK_INT(request_of(&s, &policy).imex_channels.n, 0);
}

TEST(the_reference_level_turns_off_what_the_original_ignores)
{
	struct oci_image_policy policy = usual_policy();
	struct oci_spec s =
		with_env("NVIDIA_VISIBLE_DEVICES=0\nNVIDIA_DRIVER_CAPABILITIES=compute\n"
			 "NVIDIA_REQUIRE_X=cuda>=99\nNVIDIA_MIG_CONFIG_DEVICES=all\n"
			 "NVIDIA_IMEX_CHANNELS=3\nNVIDIA_GDS=enabled",
			 false);
	struct nv_request request;

	policy.reference = true;
	request = request_of(&s, &policy);
	CHECK(!request.capabilities_set);
	CHECK_INT(request.requirements.n, 0);
	CHECK_INT(request.mig_config.n, 0);
	CHECK_STR(joined(request.imex_channels), "3");
	CHECK_INT(request.gated, NV_GDS);
}
