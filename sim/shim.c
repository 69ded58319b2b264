/* SPDX-License-Identifier: Apache-2.0 */
#include "shim.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/path.h"
#include "codec/json.h"
#include "place.h"

enum { MAX_CONFIG = 16 << 20 };

char *shim_real_runtime(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	auto_free char *real = NULL;

	if (n < 0)
		return NULL;
	self[n] = '\0';
	real = mem_printf("%s%s", PLACE_REAL, self);
	return access(real, X_OK) == 0 ? steal_ptr(real) : NULL;
}

/* Global options of runc and crun that stand alone; others take the next word. */
static bool stands_alone(const char *option)
{
	static const char alone[][20] = {"--debug", "--systemd-cgroup", "--help", "-h", "--usage",
					 "-?",	    "--version",	"-v",	  "-V"};

	for (size_t i = 0; i < COUNT_OF(alone); i++)
		if (strcmp(option, alone[i]) == 0)
			return true;
	return strchr(option, '=') != NULL;
}

/* The words behind create or run, or NULL for every other command. */
static char **find_create(char **argv)
{
	char **word = argv + 1;

	while (*word && (*word)[0] == '-')
		word += stands_alone(*word) || !word[1] ? 1 : 2;
	if (!*word || (strcmp(*word, "create") != 0 && strcmp(*word, "run") != 0))
		return NULL;
	return word + 1;
}

/* The value of an option in any of its spellings; NULL: not given. */
static const char *find_value(char **words, const char *name, char letter)
{
	size_t n = strlen(name);

	for (; *words && strcmp(*words, "--") != 0; words++) {
		const char *word = *words;

		if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, n) == 0) {
			if (word[2 + n] == '=')
				return word + 3 + n;
			if (word[2 + n] == '\0')
				return words[1];
		}
		if (word[0] == '-' && word[1] == letter) {
			if (word[2] == '\0')
				return words[1];
			return word[2] == '=' ? word + 3 : word + 2;
		}
	}
	return NULL;
}

static struct json *make_hook(struct arena *a, const char *rootfs)
{
	struct json *hook = json_new(a, JSON_OBJECT), *args = json_new(a, JSON_ARRAY);

	json_append(args, json_new_str(a, STR("nvidia-gpu-sim")));
	json_append(args, json_new_str(a, STR("hook")));
	json_append(args, json_new_str(a, str_of(rootfs)));
	json_set(a, hook, "path", json_new_str(a, STR(PLACE_PROGRAM)));
	json_set(a, hook, "args", args);
	return hook;
}

/* True when the document has to be written. */
static bool add_hook(struct arena *a, struct json *config, const char *rootfs)
{
	struct json *hooks = json_need(a, config, "hooks", JSON_OBJECT);
	struct json *list = hooks ? json_need(a, hooks, "prestart", JSON_ARRAY) : NULL;
	struct json *hook = make_hook(a, rootfs);

	if (!list)
		return false;
	if (!list->first) {
		json_append(list, hook);
		return true;
	}
	/* A bundle that is started again has it already. */
	if (json_equal(list->first, hook))
		return false;
	if (str_is(json_str(json_get(list->first, "path")), PLACE_PROGRAM))
		json_replace(list->first, hook);
	else
		json_insert_before(list->first, hook);
	return true;
}

static int edit_bundle(struct arena *a, const char *bundle, const char *path, struct err *e)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	auto_free char *dir = realpath(bundle, NULL), *rootfs = NULL;
	struct json *config = NULL;
	struct str text, root;
	int ret = fs_read(a, path, MAX_CONFIG, &text, e);

	if (ret == 0)
		ret = json_parse(a, text, path, NULL, &config, e);
	if (ret < 0)
		return ret;
	root = json_str(json_get(json_get(config, "root"), "path"));
	if (!dir || root.n == 0)
		return 0;
	rootfs = root.p[0] == '/' ? mem_dup(root.p, root.n) : path_join(dir, arena_str(a, root));
	if (!add_hook(a, config, rootfs))
		return 0;
	json_write(config, &out);
	return fs_write_atomic(path, strbuf_str(&out), 0644, FS_NO_SYNC | FS_KEEP_OWNER, e);
}

int shim_run(const char *real, char **argv, struct err *e)
{
	AUTO(arena_done) struct arena a = {0};
	char **words = find_create(argv);
	struct err why = {""};

	if (words) {
		const char *bundle = find_value(words, "bundle", 'b');
		const char *path = find_value(words, "config", 'f');
		auto_free char *standard = path_join(bundle ? bundle : ".", "config.json");

		/* The runtime says better what is wrong with its bundle; only tell why we did
		 * nothing. */
		if (edit_bundle(&a, bundle ? bundle : ".", path ? path : standard, &why) < 0)
			(void)fprintf(stderr,
				      "nvidia-gpu-sim: no simulated /proc/driver in this "
				      "container: %s\n",
				      why.text);
	}
	(void)execv(real, argv);
	return err_sys(e, "start %s", real);
}
