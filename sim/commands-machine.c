/* SPDX-License-Identifier: Apache-2.0 */
/* run, set, exec: a machine, from inside and from outside. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "change.h"
#include "commands.h"
#include "place.h"
#include "platform.h"
#include "run.h"

enum { MAX_DESCRIPTION = 4 << 20, USAGE = 2 };

struct run_values {
	const char *platform, *root, *driver_root, *name;
	struct strv changes;
};

static const struct cli_option run_options[] = {
	{"platform p", CLI_STRING(struct run_values, platform), .value = "NAME|FILE",
	 .required = true, .help = "What machine to simulate: a name that `list` shows, or a file"},
	{"root", CLI_STRING(struct run_values, root), .value = "DIR",
	 .help = "Simulate inside the Debian tree in DIR instead of this one"},
	{"driver-root", CLI_STRING(struct run_values, driver_root), .value = "DIR",
	 .help = "Where the driver is installed: / or a prefix such as /run/nvidia/driver"},
	{"name", CLI_STRING(struct run_values, name), .value = "NAME",
	 .help = "A name by which `set` and `exec` find the machine from outside"},
	{"set", CLI_ITEMS(struct run_values, changes), .value = "KEY=VALUE",
	 .help = "Change the description first, in the words of `set`"},
};

static const char *const *terminated(struct arena *a, const struct strv *words)
{
	const char **argv = arena_array(a, const char *, words->n + 1);

	for (size_t i = 0; i < words->n; i++)
		argv[i] = words->v[i];
	return argv;
}

/* The description with the changes asked for on the command line. */
static int describe(struct arena *a, const struct run_values *v, struct machine *m, struct err *e)
{
	AUTO(strbuf_done) struct strbuf text = {0};
	struct strv changes = v->changes;
	int ret = platform_load(a, v->platform, m, e);

	if (v->driver_root)
		arena_push(a, &changes, arena_printf(a, "driver.root=%s", v->driver_root));
	if (ret < 0 || changes.n == 0)
		return ret;
	machine_write(m, &text);
	return change_apply(a, str_of(arena_strdup(a, text.p)), &changes, m, e);
}

static int run_run(const struct cli_call *call, struct err *e)
{
	const struct run_values *v = call->options;
	struct machine machine;
	const struct run_options o = {.machine = &machine,
				      .root = v->root,
				      .name = v->name,
				      .argv = terminated(call->arena, &call->arguments)};
	int ret;

	if (call->arguments.n == 0) {
		(void)fprintf(stderr, "nvidia-gpu-sim: run needs a command: run --platform NAME -- "
				      "COMMAND\n");
		return USAGE;
	}
	ret = describe(call->arena, v, &machine, e);
	return ret < 0 ? ret : run_machine(call->arena, &o, e);
}

const struct cli_command command_run = {
	"run",
	.summary = "Run a command on a simulated machine",
	.about = "The command's exit status is passed on; 127 when it is not found, 128 and the "
		 "signal when it is killed. Signals are passed on too. When the command ends, "
		 "everything it has left running is killed.",
	.arguments = "-- COMMAND [ARGUMENT...]",
	CLI_OPTIONS(struct run_values, run_options),
	.run = run_run,
};

struct where_values {
	const char *name;
	uint32_t pid;
};

static const struct cli_option where_options[] = {
	{"name", CLI_STRING(struct where_values, name), .value = "NAME",
	 .help = "The machine that was started with this --name"},
	{"pid", CLI_U32(struct where_values, pid), .value = "PID",
	 .help = "The machine of this process: `run` itself or anything in it"},
};

/* 1 when a machine was entered, 0 when we are in one already. */
static int enter(const struct where_values *where, struct err *e)
{
	pid_t pid;
	int ret;

	if (!where->name && where->pid == 0)
		return platform_is_inside()
			       ? 0
			       : err_set(e, ESRCH,
					 "not inside a simulation: say which one with --name or "
					 "--pid");
	ret = run_find(where->name, where->pid, &pid, e);
	if (ret == 0)
		ret = run_enter(pid, e);
	return ret < 0 ? ret : 1;
}

static int read_roots(struct arena *a, struct strv *ret, struct err *e)
{
	struct str text, line;
	int code = fs_read(a, PLACE_ROOTS, MAX_DESCRIPTION, &text, e);

	while (code == 0 && str_split(&text, '\n', &line))
		if (line.n > 0)
			arena_push(a, ret, arena_str(a, line));
	return code;
}

static int check_layout(const struct machine *old, const struct machine *now, struct err *e)
{
	if (old->driver.layout != now->driver.layout ||
	    strcmp(old->driver.root, now->driver.root) != 0)
		return err_set(e, EINVAL,
			       "the driver's layout and root cannot change while the machine runs");
	return 0;
}

/* In the machine: from its description to the changed one, by the difference of their contents. */
static int change_machine(struct arena *a, const struct strv *changes, struct err *e)
{
	auto_close int lock = open(PLACE_ROOTS, O_RDONLY | O_CLOEXEC);
	struct content before, after;
	struct machine old, now;
	struct strv roots = {0};
	bool libraries = false;
	struct str text;
	int ret;

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_sys(e, "lock the machine");
	ret = fs_read(a, MACHINE_PATH, MAX_DESCRIPTION, &text, e);
	if (ret == 0)
		ret = machine_parse(a, text, MACHINE_PATH, &old, e);
	if (ret == 0)
		ret = change_apply(a, text, changes, &now, e);
	if (ret == 0)
		ret = check_layout(&old, &now, e);
	if (ret == 0)
		ret = read_roots(a, &roots, e);
	if (ret == 0)
		ret = platform_content(a, &old, &before, e);
	if (ret == 0)
		ret = platform_content(a, &now, &after, e);
	if (ret == 0)
		ret = place_content(&before, &after, &roots, &libraries, e);
	if (ret == 0 && libraries)
		ret = place_loader_cache(a, &after, now.driver.root, e);
	return ret;
}

/* A child, because only children are in the PID namespace that was entered. */
static int change_in_child(struct arena *a, const struct strv *changes, struct err *e)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return err_sys(e, "start a process in the machine");
	if (child == 0) {
		struct err why = {""};
		int ret = change_machine(a, changes, &why);

		if (ret < 0)
			(void)fprintf(stderr, "nvidia-gpu-sim: %s\n", why.text);
		_exit(ret == 0 ? 0 : 1);
	}
	if (waitpid(child, &status, 0) < 0)
		return err_sys(e, "wait for a process in the machine");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run_set(const struct cli_call *call, struct err *e)
{
	int ret;

	if (call->arguments.n == 0) {
		(void)fprintf(stderr,
			      "nvidia-gpu-sim: set needs KEY=VALUE, such as gpu.0.lost=true\n");
		return USAGE;
	}
	ret = enter(call->options, e);
	if (ret > 0)
		return change_in_child(call->arena, &call->arguments, e);
	return ret < 0 ? ret : change_machine(call->arena, &call->arguments, e);
}

const struct cli_command command_set = {
	"set",
	.summary = "Change the running machine",
	.about = "driver=590.10 upgrades the driver; gpu.1.lost=true, gpu.0.temperature_c=90 and "
		 "majors.nvidia-uvm=510 set keys of the description; mig.0=3g.20gb,1g.5gb, "
		 "mig.0=on and mig.0=off reconfigure MIG; remove=/dev/nvidia1 and restore= take a "
		 "node or file away and give it back; "
		 "fault=nvmlInit_v2:return=18 (gpu=N, delay_ms=N, hang, crash, missing) adds a "
		 "fault, fault=none removes all.\n\nContainers that run see the change as well.",
	.arguments = "KEY=VALUE...",
	CLI_OPTIONS(struct where_values, where_options),
	.run = run_set,
};

static int run_exec(const struct cli_call *call, struct err *e)
{
	int ret;

	if (call->arguments.n == 0) {
		(void)fprintf(
			stderr,
			"nvidia-gpu-sim: exec needs a command: exec --name NAME -- COMMAND\n");
		return USAGE;
	}
	ret = enter(call->options, e);
	if (ret < 0)
		return ret;
	return run_child(terminated(call->arena, &call->arguments), e);
}

const struct cli_command command_exec = {
	"exec",
	.summary = "Run one more command on a running machine",
	.arguments = "-- COMMAND [ARGUMENT...]",
	CLI_OPTIONS(struct where_values, where_options),
	.run = run_exec,
};
