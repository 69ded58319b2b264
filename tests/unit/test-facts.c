/* SPDX-License-Identifier: Apache-2.0 */
#include "nv/facts.h"

#include <libgen.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "tree.h"

static struct arena arena;

/* A stand-in for nvml-facts: a shell script. */
static const char *program(const char *script)
{
	char *path = arena_printf(&arena, "%s/nvml-facts", tree_enter());
	char *text = arena_printf(&arena, "#!/bin/sh\n%s\n", script);
	struct err e;

	CHECK_OK(fs_write_atomic(path, str_of(text), 0755, FS_NO_SYNC, &e), &e);
	return path;
}

static int ask(const char *script, struct nv_facts *ret, struct err *e)
{
	struct nv_facts_query q = {.program = program(script), .deadline_ns = 300000000};
	auto_free char *dir = mem_strdup(q.program);
	int r = nv_facts_ask(&arena, &q, ret, e);

	(void)unlink(q.program);
	*strrchr(dir, '/') = '\0';
	(void)rmdir(dir);
	return r;
}

static const char answer[] =
	"{\"driver_version\":\"580.159.04\",\"cuda_version\":\"13.0\",\"gpus\":["
	"{\"index\":0,\"pci\":\"0000:06:00.0\",\"uuid\":\"GPU-aa\",\"name\":\"NVIDIA "
	"H200\",\"minor\":1,"
	"\"brand\":\"Nvidia\",\"arch\":\"9.0\",\"coherent\":false,\"mig_enabled\":true,\"migs\":["
	"{\"index\":0,\"gi\":2,\"ci\":0,\"uuid\":\"MIG-a\",\"profile\":\"1g.24gb+gfx\","
	"\"graphics\":true},"
	"{\"index\":1,\"gi\":1,\"ci\":0,\"uuid\":\"MIG-b\",\"profile\":\"3g.71gb\","
	"\"graphics\":false}]},"
	"{\"index\":1,\"pci\":\"0000:07:00.0\",\"failure\":\"UUID: Unknown Error\"},"
	"{\"index\":2,\"failure\":\"handle: GPU is lost\"}]}\n";

TEST(an_answer_is_read_in_full)
{
	struct nv_facts f;
	struct err e;

	CHECK_OK(nv_facts_parse(&arena, str_of(answer), &f, &e), &e);
	CHECK_STR(f.driver_version, "580.159.04");
	CHECK_STR(f.cuda_version, "13.0");
	CHECK_INT(f.gpus.n, 3);
	CHECK_STR(f.gpus.v[0].uuid, "GPU-aa");
	CHECK_INT(f.gpus.v[0].minor, 1);
	CHECK_INT(f.gpus.v[0].coherent, NV_NO);
	CHECK_INT(f.gpus.v[0].migs.n, 2);
	CHECK(f.gpus.v[0].migs.v[0].graphics);
	CHECK_STR(f.gpus.v[1].failure, "UUID: Unknown Error");
	CHECK(nv_facts_has_failure(&f));
}

TEST(an_answer_that_could_break_a_spec_is_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"{\"gpus\":[]}",
		"{\"driver_version\":\"1\",\"gpus\":{}}",
		"{\"driver_version\":\"1\\n2\",\"gpus\":[]}",
		"{\"driver_version\":\"1\",\"gpus\":[{}]}",
		"{\"driver_version\":\"1\",\"gpus\":[{\"pci\":\"../x\",\"uuid\":\"GPU-1\"}]}",
		"{\"driver_version\":\"1\",\"gpus\":[{\"pci\":\"0000:06:00.0\",\"uuid\":\"a b\"}]}",
		("{\"driver_version\":\"1\",\"gpus\":[{\"pci\":\"0000:06:00.0\","
		 "\"uuid\":\"GPU-1\",\"minor\":-1}]}"),
	};
	struct nv_facts f;
	struct err e;

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		if (nv_facts_parse(&arena, str_of(bad[i]), &f, &e) != -EPROTO)
			FAIL("accepted: %s", bad[i]);
}

TEST(merging_keeps_capability_minors_and_takes_nvmls_order)
{
	struct nv_gpus gpus = {0};
	struct nv_facts f;
	struct err e;

	struct nv_gpu g = {.pci = "0000:06:00.0", .uuid = "GPU-aa", .minor = 1};
	struct nv_mig one = {.index = 0, .gi = 1, .gi_cap = 12, .ci_cap = 13};
	struct nv_mig two = {.index = 1, .gi = 2, .gi_cap = 21, .ci_cap = 22};
	struct nv_mig new = {.index = 2, .gi = 5, .gi_cap = 51, .ci_cap = 52};
	arena_push(&arena, &g.migs, new);
	arena_push(&arena, &g.migs, one);
	arena_push(&arena, &g.migs, two);
	arena_push(&arena, &gpus, g);
	arena_push(&arena, &gpus, ((struct nv_gpu){.pci = "0000:07:00.0"}));
	arena_push(&arena, &gpus, ((struct nv_gpu){.pci = "0000:08:00.0"}));
	CHECK_OK(nv_facts_parse(&arena, str_of(answer), &f, &e), &e);
	nv_facts_merge(&arena, &f, &gpus);

	CHECK_STR(gpus.v[0].migs.v[0].uuid, "MIG-a");
	CHECK_INT(gpus.v[0].migs.v[0].gi_cap, 21);
	CHECK_STR(gpus.v[0].migs.v[1].uuid, "MIG-b");
	CHECK_INT(gpus.v[0].migs.v[1].ci_cap, 13);
	CHECK(!gpus.v[0].migs.v[2].uuid);
	CHECK_INT(gpus.v[0].migs.v[2].index, 2);
	CHECK_STR(gpus.v[0].brand, "Nvidia");
	CHECK_INT(gpus.v[0].mig_enabled, NV_YES);
	CHECK(!gpus.v[0].sick);
	CHECK_STR(gpus.v[1].sick, "NVML cannot ask it: UUID: Unknown Error");
	CHECK(!gpus.v[2].sick);
}

TEST(a_crash_a_hang_and_a_missing_library_are_ordinary_errors)
{
	struct nv_facts f;
	struct err e;

	CHECK_INT(ask("kill -SEGV $$", &f, &e), -EIO);
	CHECK(strstr(e.text, "libnvidia-ml crashed (Segmentation fault): the driver's "));
	CHECK_INT(ask("sleep 60", &f, &e), -ETIMEDOUT);
	CHECK_STR(e.text,
		  "NVML gave no answer in 0.3 s: a GPU or the driver hangs; look for Xid and "
		  "NVRM lines in dmesg");
	CHECK_INT(ask("echo 'nvml-facts: load NVML: none' >&2; exit 3", &f, &e), -ENOENT);
	CHECK_STR(e.text, "load NVML: none");
	CHECK_INT(ask("echo 'nvml-facts: start NVML: Driver Not Loaded' >&2; exit 1", &f, &e),
		  -EIO);
	CHECK_STR(e.text, "start NVML: Driver Not Loaded");
	CHECK_INT(ask("echo '{'", &f, &e), -EPROTO);
	CHECK(strstr(e.text, "nvml-facts: answer:"));
}

TEST(the_program_gets_an_empty_environment_and_the_library)
{
	struct nv_facts_query q = {.library = "/drv/usr/lib64/libnvidia-ml.so.580.159.04",
				   .driver_root = "/drv",
				   .deadline_ns = 5000000000ull};
	struct nv_facts f;
	struct err e;

	q.program = program("echo \"$* ${HOME-none} ${LD_PRELOAD-none}\" >&2; exit 1");
	CHECK_INT(setenv("LD_PRELOAD", "", 1), 0);
	CHECK_INT(nv_facts_ask(&arena, &q, &f, &e), -EIO);
	CHECK_STR(e.text, "--library=/drv/usr/lib64/libnvidia-ml.so.580.159.04 none none");
	(void)unlink(q.program);
	(void)rmdir(dirname(arena_strdup(&arena, q.program)));
}
