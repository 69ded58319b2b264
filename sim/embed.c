/* SPDX-License-Identifier: Apache-2.0 */
#include "embed.h"

struct str embed_find(const char *name)
{
	for (const struct embed *file = embed_list; file->name; file++)
		if (strcmp(file->name, name) == 0)
			return (struct str){file->start, (size_t)(file->end - file->start)};
	return (struct str){0};
}
