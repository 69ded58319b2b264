/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* pci: addresses of PCI functions, as procfs, sysfs, NVML and people write them. */

#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"

struct nv_pci {
	uint32_t domain;
	uint8_t bus, device, function;
};

/* "0000:00:06.0", "00000000:00:06.0" or "00:06.0", hexadecimal in either case; -EINVAL otherwise.
 */
int nv_pci_parse(struct str text, struct nv_pci *ret) MUST_USE;

/* Order on the bus: <0, 0, >0. */
int nv_pci_compare(const struct nv_pci *a, const struct nv_pci *b);

/* As the kernel names it: "0000:00:06.0". */
const char *nv_pci_text(struct arena *a, const struct nv_pci *p);
