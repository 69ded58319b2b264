/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nvidia-container-runtime, and by the name it is called by
 * nvidia-container-runtime.cdi and nvidia-container-runtime.legacy.
 */

#include "app/runtime.h"
#include "base/path.h"
#include "base/str.h"

/* The mode that the program's name asks for; the GPU operator appends ".real" to names. */
static const char *mode_of_name(const char *path)
{
	struct str name = str_of(path_base(path));

	if (str_has_suffix(name, ".real"))
		name = str_sub(name, 0, name.n - strlen(".real"));
	if (str_has_suffix(name, ".cdi"))
		return "cdi";
	if (str_has_suffix(name, ".legacy"))
		return "legacy";
	return NULL;
}

int main(int argc, char **argv)
{
	return runtime_main(argc, argv, argc > 0 ? mode_of_name(argv[0]) : NULL);
}
