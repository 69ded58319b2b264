/* SPDX-License-Identifier: Apache-2.0 */
#include "app/ctk.h"

int main(int argc, char **argv)
{
	(void)argc;
	return ctk_main(argv);
}
