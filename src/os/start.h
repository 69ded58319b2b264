/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * start: a known state for a program that a container runtime started
 * (security.md 2.5 P0). What it was given (descriptors, environment, working
 * directory, limits, signals) may come from the image or belong to the runtime.
 */

/*
 * Brings the process into that state and gives it so many seconds to live. Of
 * the environment only the variables named stay (keep ends with NULL). The
 * first thing main() does; nothing may hold a descriptor above 2.
 */
void start_clean(const char *const *keep, unsigned seconds);
