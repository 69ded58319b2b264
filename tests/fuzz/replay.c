/* SPDX-License-Identifier: Apache-2.0 */

/*
 * replay: gives a fuzz target the files that are named, and those directly in
 * the directories that are. Each in a child process, so that one crash is one
 * line with the file's name and the rest still runs.
 */

#include <dirent.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "fuzz.h"

#define MAX_SIZE (64u << 20)

static int failed, passed;

/* From an allocation of exactly its size, so that reading behind it is seen. */
static void run(const char *path)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text = {0};
	struct err e;
	char *exact;

	if (fs_read(&a, path, MAX_SIZE, &text, &e) < 0) {
		(void)fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	exact = malloc(text.n > 0 ? text.n : 1);
	if (!exact)
		exit(1);
	memcpy(exact, text.p, text.n);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)exact, text.n);
	free(exact);
}

static void replay_file(const char *path)
{
	int status = 0;
	pid_t pid;

	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		run(path);
		exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
		printf("FAIL %s\n", path);
		failed++;
	} else {
		passed++;
	}
}

static void replay_directory(const char *path)
{
	AUTO(arena_done) struct arena a = {0};
	struct strv names = {0};
	struct err e;

	if (fs_list(&a, path, 100000, &names, &e) < 0) {
		printf("FAIL %s\n", e.text);
		failed++;
	}
	for (size_t i = 0; i < names.n; i++)
		replay_file(arena_printf(&a, "%s/%s", path, names.v[i]));
}

int main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			replay_directory(argv[i]);
		else
			replay_file(argv[i]);
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed > 0 || passed == 0;
}
