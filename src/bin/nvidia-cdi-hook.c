/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nvidia-cdi-hook: what container runtimes run, as root and between host and
 * container, for CDI specifications. A static program: runc up to 1.3.0-rc.1
 * gives hooks the image's environment, and nothing in it can capture a program
 * that has no loader (CVE-2025-23266).
 */

#include "app/cdi-hook.h"

int main(int argc, char **argv)
{
	(void)argc;
	return cdi_hook_main(argv);
}
