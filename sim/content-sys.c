/* SPDX-License-Identifier: Apache-2.0 */
/* What sysfs says about the GPUs and the driver's modules. */
#include "content.h"

struct pci_device {
	const char *address, *driver; /* "": none */
	uint32_t vendor, device, subsystem, class_code, irq;
	int32_t numa_node;
	bool lost;
};

static void add_config(struct arena *a, struct content *t, const char *path,
		       const struct pci_device *d)
{
	const uint32_t id[] = {d->vendor | d->device << 16, 0x00100006, d->class_code << 8 | 0xa1,
			       0x00000000};
	char *bytes = arena_alloc(a, 256);

	/* A device that fell off the bus answers every read with ones. */
	if (d->lost)
		memset(bytes, 0xff, 256);
	for (size_t i = 0; !d->lost && i < sizeof(id); i++)
		bytes[i] = (char)(id[i / 4] >> (8 * (i % 4)));
	for (size_t i = 0; !d->lost && i < 4; i++)
		bytes[0x2c + i] = (char)(d->subsystem >> (8 * i));
	content_text(a, t, path, 0644, "");
	t->v[t->n - 1].data = (struct str){bytes, 256};
}

static void add_value(struct arena *a, struct content *t, const char *dir, const char *name,
		      const char *text)
{
	content_text(a, t, arena_printf(a, "%s/%s", dir, name), 0444, text);
}

static const char *add_pci(struct arena *a, struct content *t, const struct pci_device *d)
{
	const char *dir = arena_printf(a, "/sys/bus/pci/devices/%s", d->address);
	bool is_bound = d->driver[0] != '\0';

	add_value(a, t, dir, "vendor", arena_printf(a, "0x%04x\n", d->vendor));
	add_value(a, t, dir, "device", arena_printf(a, "0x%04x\n", d->device));
	add_value(a, t, dir, "subsystem_vendor",
		  arena_printf(a, "0x%04x\n", d->subsystem & 0xffff));
	add_value(a, t, dir, "subsystem_device", arena_printf(a, "0x%04x\n", d->subsystem >> 16));
	add_value(a, t, dir, "class", arena_printf(a, "0x%06x\n", d->class_code));
	add_value(a, t, dir, "revision", "0xa1\n");
	add_value(a, t, dir, "irq", arena_printf(a, "%u\n", d->irq));
	add_value(a, t, dir, "numa_node", arena_printf(a, "%d\n", d->numa_node));
	add_value(a, t, dir, "enable", "1\n");
	add_value(a, t, dir, "uevent",
		  arena_printf(a, "%s%s%sPCI_CLASS=%X\nPCI_ID=%04X:%04X\nPCI_SLOT_NAME=%s\n",
			       is_bound ? "DRIVER=" : "", d->driver, is_bound ? "\n" : "",
			       d->class_code, d->vendor, d->device, d->address));
	add_config(a, t, arena_printf(a, "%s/config", dir), d);
	if (is_bound)
		content_link(a, t, arena_printf(a, "%s/driver", dir),
			     arena_printf(a, "../../../bus/pci/drivers/%s", d->driver));
	content_link(a, t, arena_printf(a, "%s/subsystem", dir), "../../../bus/pci");
	return dir;
}

static void add_drm(struct arena *a, const struct machine *m, const struct machine_gpu *gpu,
		    const char *dir, struct content *t)
{
	if (gpu->drm_card >= 0)
		content_text(a, t, arena_printf(a, "%s/drm/card%d/dev", dir, gpu->drm_card), 0444,
			     arena_printf(a, "%u:%d\n", m->majors.drm, gpu->drm_card));
	if (gpu->drm_render >= 0)
		content_text(a, t, arena_printf(a, "%s/drm/renderD%d/dev", dir, gpu->drm_render),
			     0444, arena_printf(a, "%u:%d\n", m->majors.drm, gpu->drm_render));
}

static void add_module(struct arena *a, struct content *t, const char *name, const char *version)
{
	add_value(a, t, arena_printf(a, "/sys/module/%s", name), "version",
		  arena_printf(a, "%s\n", version));
	add_value(a, t, arena_printf(a, "/sys/module/%s", name), "initstate", "live\n");
}

void content_add_sys(struct arena *a, const struct machine *m, struct content *t)
{
	for (size_t i = 0; i < m->gpus.n; i++) {
		const struct machine_gpu *gpu = &m->gpus.v[i];
		const struct pci_device d = {.address = gpu->pci,
					     .driver = m->loaded ? "nvidia" : gpu->held_by,
					     .vendor = 0x10de,
					     .device = gpu->device_id,
					     .subsystem = gpu->subsystem_id,
					     .class_code = gpu->class_code,
					     .irq = gpu->irq,
					     .numa_node = gpu->numa_node,
					     .lost = gpu->lost};

		add_drm(a, m, gpu, add_pci(a, t, &d), t);
	}
	for (size_t i = 0; i < m->switches.n; i++) {
		const struct pci_device d = {
			.address = m->switches.v[i].pci,
			.driver = m->loaded ? "nvidia-nvswitch" : "",
			.vendor = 0x10de,
			.device = 0x22a3,
			.subsystem = 0x179610de,
			.class_code = 0x068000,
			.numa_node = -1,
		};

		(void)add_pci(a, t, &d);
	}
	if (!m->loaded)
		return;
	add_module(a, t, "nvidia", m->driver.version);
	add_module(a, t, "nvidia_uvm", m->driver.version);
	if (m->modeset) {
		add_module(a, t, "nvidia_modeset", m->driver.version);
		add_module(a, t, "nvidia_drm", m->driver.version);
	}
	/* Hosted machines tell the kernel where the driver's firmware lies. */
	if (m->driver.layout == MACHINE_LOCAL && (m->driver.parts & MACHINE_PART_FIRMWARE))
		content_text(a, t, "/sys/module/firmware_class/parameters/path", 0644,
			     "/usr/local/nvidia/firmware\n");
}
