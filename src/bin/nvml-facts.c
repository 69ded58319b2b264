/* SPDX-License-Identifier: Apache-2.0 */

/*
 * nvml-facts: asks libnvidia-ml.so.1 what only it can say and prints the answer
 * as one JSON document. The one program that loads NVML; whoever runs it keeps
 * the time (nv/facts.h).
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage, 3 no NVML library.
 */

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "base/fs.h"
#include "nv/nvml.h"

static const char usage[] =
	"usage: nvml-facts [--driver-root=DIR] [--library=PATH]\n"
	"Prints what NVML says about driver and GPUs, as JSON.\n\n"
	"  --driver-root=DIR  enter DIR before NVML is loaded\n"
	"  --library=PATH     this libnvidia-ml.so.1, seen from the driver root\n";

static int run(const char *driver_root, const char *library, struct err *e)
{
	AUTO(strbuf_done) struct strbuf out = {0};
	struct nvml nvml;
	int r = nvml_confine(driver_root, e);

	if (r == 0)
		r = nvml_open(library, &nvml, e);
	if (r == 0)
		r = nvml_write_facts(&nvml, &out, e);
	if (r < 0)
		return r;
	if (fwrite(out.p, 1, out.n, stdout) != out.n || fflush(stdout) != 0)
		return err_sys(e, "write the answer");
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"driver-root", required_argument, NULL, 'r'},
						{"library", required_argument, NULL, 'l'},
						{"help", no_argument, NULL, 'h'},
						{"version", no_argument, NULL, 'v'},
						{0}};
	const char *driver_root = NULL, *library = NULL;
	struct err e;
	int option, r;

	while ((option = getopt_long(argc, argv, "hv", options, NULL)) != -1) {
		switch (option) {
		case 'r':
			driver_root = optarg;
			break;
		case 'l':
			library = optarg;
			break;
		case 'h':
			return fputs(usage, stdout) < 0;
		case 'v':
			return puts("nvml-facts " VERSION) < 0;
		default:
			return fputs(usage, stderr) < 0 ? 1 : 2;
		}
	}
	if (optind < argc)
		return fputs(usage, stderr) < 0 ? 1 : 2;

	r = run(driver_root, library, &e);
	if (r < 0)
		(void)fprintf(stderr, "nvml-facts: %s\n", e.text);
	/* Without NVML's own clean-up: it may hang, and the kernel does it anyway. */
	(void)fflush(NULL);
	_exit(r == 0 ? 0 : r == -ENOENT ? 3 : 1);
}
