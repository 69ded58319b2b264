/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * machine-fields: the plain keys of each object of a description, as tables
 * that reading and writing share. What is not a plain value (lists, nested
 * objects, sets) is code in machine.c and machine-write.c.
 */

#include "machine.h"

enum machine_type {
	MACHINE_STR,
	MACHINE_BOOL,
	MACHINE_U32,
	MACHINE_HEX, /* a uint32_t written as "0x2335" */
	MACHINE_I32, /* -1 and up */
	MACHINE_U64,
};

struct machine_field {
	const char *name;
	enum machine_type type;
	size_t offset;
	uint32_t max; /* of numbers but MACHINE_U64 */
};

struct machine_table {
	const char *what; /* "a GPU": for messages */
	const struct machine_field *fields;
	size_t n;
	const char *others; /* names of keys that are no plain values, for guesses; or NULL */
};

extern const struct machine_table machine_top_table, machine_driver_table, machine_majors_table,
	machine_gpu_table, machine_mig_table, machine_process_table, machine_switch_table,
	machine_file_table, machine_fault_table;

/* Derives what a GPU's description leaves out, and checks it (machine-finish.c). */
int machine_finish_gpu(struct arena *a, struct machine_gpu *gpu, struct err *e) MUST_USE;

/* Sorts GPUs, numbers them, names what has no name yet, and finds what cannot be twice. */
int machine_finish(struct arena *a, struct machine *m, struct err *e) MUST_USE;

/* Rows are in the order of the enums. */
extern const char *const machine_layout_names[3];
extern const char *const machine_part_list[12];
