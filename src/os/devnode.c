/* SPDX-License-Identifier: Apache-2.0 */
#include "os/devnode.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static char type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFCHR:
		return 'c';
	case S_IFBLK:
		return 'b';
	case S_IFIFO:
		return 'p';
	default:
		return '\0';
	}
}

int devnode_stat(const char *path, struct devnode *ret, struct err *e)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_sys(e, "look at device %s", path);
	if (type_of(st.st_mode) == '\0')
		return err_set(e, ENODEV, "%s is not a device node", path);
	*ret = (struct devnode){
		.type = type_of(st.st_mode),
		.major = major(st.st_rdev),
		.minor = minor(st.st_rdev),
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
	};
	return 0;
}

bool devnode_is_char(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode);
}

/* "Character devices:", lines of a right-aligned number and a name, an empty line, block devices.
 */
int devnode_major(struct str proc_devices, const char *name, uint32_t *ret)
{
	struct str line;

	while (str_split(&proc_devices, '\n', &line)) {
		struct str number;

		line = str_trim(line);
		if (str_is(line, "Block devices:"))
			return 0;
		if (str_split(&line, ' ', &number) && str_is(line, name) &&
		    str_to_u32(number, ret) == 0)
			return 1;
	}
	return 0;
}
