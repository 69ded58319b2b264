/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * config-keys: the table of config.toml's keys, shared by those who read the file and
 * write the default one.
 *
 * Rows stand in the order of the default file. They hold characters, not
 * pointers: no relocations at the start of a program.
 */

#include "app/config.h"

enum config_type {
	CONFIG_BOOL,
	CONFIG_STRING,
	CONFIG_LIST,	 /* of strings */
	CONFIG_TRISTATE, /* a bool or "auto" */
};

enum config_written {
	CONFIG_PLAIN,	  /* with its default */
	CONFIG_COMMENTED, /* behind '#', with the value suggested */
	CONFIG_LEFT_OUT,
};

struct config_row {
	char key[60]; /* dotted */
	enum config_type type;
	size_t at;	  /* in struct config */
	char initial[76]; /* default: "true", a string, or a list with commas between */
	enum config_written written;
	char suggestion[44];
};

extern const struct config_row config_rows[];
extern const size_t config_row_count;

/* The items of a list as a row spells it. */
void config_row_list(struct arena *a, const char *initial, struct strv *ret);
