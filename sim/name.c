/* SPDX-License-Identifier: Apache-2.0 */
#include "name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/str.h"

static int make_address(const char *name, struct sockaddr_un *ret, socklen_t *ret_n, struct err *e)
{
	int n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "nvidia-gpu-sim/%s", name);

	if (name[0] == '\0' || n >= (int)sizeof(ret->sun_path) - 1)
		return err_set(e, EINVAL, "\"%s\" is no name for a simulation: 1 to %zu bytes",
			       name, sizeof(ret->sun_path) - 17);
	ret->sun_family = AF_UNIX;
	ret->sun_path[0] = '\0';
	*ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return 0;
}

int name_listen(const char *name, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	socklen_t n;
	int ret = make_address(name, &address, &n, e);

	if (ret < 0)
		return ret;
	if (fd < 0)
		return err_sys(e, "make a socket");
	if (bind(fd, (struct sockaddr *)&address, n) < 0)
		return errno == EADDRINUSE ? err_set(e, EADDRINUSE,
						     "a simulation named \"%s\" is running", name)
					   : err_sys(e, "take the name \"%s\"", name);
	if (listen(fd, 16) < 0)
		return err_sys(e, "take the name \"%s\"", name);
	return steal_fd(&fd);
}

void name_answer(int listener, pid_t pid)
{
	auto_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	/* The caller tells an end without an answer by itself. */
	if (fd >= 0)
		(void)!write(fd, &pid, sizeof(pid));
}

int name_ask(const char *name, pid_t *ret, struct err *e)
{
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t n;
	int code = make_address(name, &address, &n, e);

	if (code < 0)
		return code;
	if (fd < 0)
		return err_sys(e, "make a socket");
	if (connect(fd, (struct sockaddr *)&address, n) < 0)
		return err_set(e, ECONNREFUSED, "no simulation named \"%s\" is running", name);
	if (read(fd, ret, sizeof(*ret)) != sizeof(*ret))
		return err_set(e, ECONNREFUSED, "the simulation \"%s\" has just ended", name);
	return 0;
}
