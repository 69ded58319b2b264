/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>

#include "codec/json.h"
#include "nv/nvml.h"

#define MAX_GPUS 1024

/* Names of enum nvmlBrandType_t, as nvidia-container-cli has always printed them. */
static const char brands[][12] = {"Unknown",	"Quadro",      "Tesla",	    "NVS",	 "GRID",
				  "GeForce",	"TITAN",       "VApps",	    "VPC",	 "VCS",
				  "VWS",	"CloudGaming", "QuadroRTX", "NvidiaRTX", "Nvidia",
				  "GeForceRTX", "TitanRTX"};

/* Adds `"key":` with a comma where one is needed. */
static void add_key(struct strbuf *out, const char *key)
{
	char last = out->n > 0 ? out->p[out->n - 1] : '\0';

	if (last != '{' && last != '[')
		strbuf_addc(out, ',');
	json_quote(out, str_of(key));
	strbuf_addc(out, ':');
}

static void add_text(struct strbuf *out, const char *key, const char *value)
{
	add_key(out, key);
	json_quote(out, str_of(value));
}

static void add_number(struct strbuf *out, const char *key, unsigned value)
{
	add_key(out, key);
	strbuf_printf(out, "%u", value);
}

static void add_bool(struct strbuf *out, const char *key, bool value)
{
	add_key(out, key);
	strbuf_adds(out, value ? "true" : "false");
}

/* One device that is asked; the first refusal of what every device must know ends it. */
struct asking {
	const struct nvml *n;
	nvml_device device;
	struct strbuf *out;
	const char *what; /* the call that failed */
	nvml_return code;
};

static bool ok(struct asking *q, const char *what, nvml_return code)
{
	if (code == NVML_OK)
		return true;
	q->what = what;
	q->code = code;
	return false;
}

/* "1g.10gb": the name of a MIG device is "NVIDIA A100-SXM4-80GB MIG 1g.10gb". */
static const char *profile_of(const char *name)
{
	const char *mig = strstr(name, " MIG ");

	return mig ? mig + 5 : NULL;
}

/* The same from numbers, for drivers before 470, whose MIG devices have no names of their own. */
static void profile_from_attributes(const struct asking *q, nvml_device mig, char *to, size_t size)
{
	struct nvml_attributes at = {0};
	unsigned gb;

	to[0] = '\0';
	if (!q->n->attributes || q->n->attributes(mig, &at) != NVML_OK)
		return;
	gb = (unsigned)((at.memory_mib + 1023) / 1024);
	if (at.compute_slices == at.gpu_slices)
		(void)snprintf(to, size, "%ug.%ugb", at.gpu_slices, gb);
	else
		(void)snprintf(to, size, "%uc.%ug.%ugb", at.compute_slices, at.gpu_slices, gb);
}

static bool write_mig(struct asking *q, unsigned index, nvml_device mig)
{
	char uuid[NVML_UUID_SIZE] = "", name[NVML_NAME_SIZE] = "", numbers[32];
	const struct nvml *n = q->n;
	unsigned gi = 0, ci = 0;
	const char *profile;

	if (!ok(q, "MIG instance", n->gpu_instance(mig, &gi)) ||
	    !ok(q, "MIG instance", n->compute_instance(mig, &ci)) ||
	    !ok(q, "MIG UUID", n->uuid(mig, uuid, sizeof(uuid))))
		return false;
	profile = n->name(mig, name, sizeof(name)) == NVML_OK ? profile_of(name) : NULL;
	if (!profile) {
		profile_from_attributes(q, mig, numbers, sizeof(numbers));
		profile = numbers;
	}

	if (q->out->p[q->out->n - 1] != '[')
		strbuf_addc(q->out, ',');
	strbuf_addc(q->out, '{');
	add_number(q->out, "index", index);
	add_number(q->out, "gi", gi);
	add_number(q->out, "ci", ci);
	add_text(q->out, "uuid", uuid);
	if (profile[0]) {
		add_text(q->out, "profile", profile);
		add_bool(q->out, "graphics", strstr(profile, "+gfx") != NULL);
	}
	strbuf_addc(q->out, '}');
	return true;
}

static bool write_migs(struct asking *q)
{
	const struct nvml *n = q->n;
	unsigned max = 0;
	bool fine = true;

	if (!n->mig_max || !n->mig_handle || !n->gpu_instance || !n->compute_instance)
		return ok(q, "MIG devices", NVML_FUNCTION_NOT_FOUND);
	if (!ok(q, "number of MIG devices", n->mig_max(q->device, &max)))
		return false;
	add_key(q->out, "migs");
	strbuf_addc(q->out, '[');
	for (unsigned i = 0; i < max && fine; i++) {
		nvml_device mig = NULL;
		nvml_return code = n->mig_handle(q->device, i, &mig);

		if (code == NVML_NOT_FOUND || code == NVML_INVALID_ARGUMENT)
			continue; /* places that hold no MIG device */
		fine = ok(q, "MIG device", code) && write_mig(q, i, mig);
	}
	strbuf_addc(q->out, ']');
	return fine;
}

static bool write_mig_mode(struct asking *q)
{
	unsigned now = 0, pending = 0;
	nvml_return code =
		q->n->mig_mode ? q->n->mig_mode(q->device, &now, &pending) : NVML_NOT_SUPPORTED;

	if (code == NVML_NOT_SUPPORTED || code == NVML_FUNCTION_NOT_FOUND)
		now = 0; /* a GPU without MIG */
	else if (!ok(q, "MIG mode", code))
		return false;
	add_bool(q->out, "mig_enabled", now == 1);
	return now != 1 || write_migs(q);
}

/* What a GPU need not say: left out when it does not. */
static void write_optional(const struct asking *q)
{
	struct nvml_addressing_mode mode = {
		.version = NVML_STRUCT_VERSION(struct nvml_addressing_mode, 1)};
	const struct nvml *n = q->n;
	int major = 0, minor = 0;
	unsigned brand = 0;
	char arch[24];

	if (n->brand && n->brand(q->device, &brand) == NVML_OK)
		add_text(q->out, "brand", brands[brand < COUNT_OF(brands) ? brand : 0]);
	if (n->compute_capability && n->compute_capability(q->device, &major, &minor) == NVML_OK) {
		(void)snprintf(arch, sizeof(arch), "%d.%d", major, minor);
		add_text(q->out, "arch", arch);
	}
	if (n->addressing_mode) {
		nvml_return code = n->addressing_mode(q->device, &mode);

		if (code == NVML_OK || code == NVML_NOT_SUPPORTED)
			add_bool(q->out, "coherent",
				 code == NVML_OK && mode.value == NVML_ADDRESSING_ATS);
	}
}

/* The PCI address first: it says which GPU the failure of a later call is about. */
static bool write_identity(struct asking *q)
{
	char name[NVML_NAME_SIZE] = "", uuid[NVML_UUID_SIZE] = "", address[32];
	const struct nvml *n = q->n;
	struct nvml_pci_v3 pci = {0};
	unsigned minor = 0;

	if (!ok(q, "PCI address", n->pci(q->device, &pci)))
		return false;
	(void)snprintf(address, sizeof(address), "%04x:%02x:%02x.0", pci.domain, pci.bus,
		       pci.device);
	add_text(q->out, "pci", address);
	if (!ok(q, "UUID", n->uuid(q->device, uuid, sizeof(uuid))))
		return false;
	add_text(q->out, "uuid", uuid);
	if (!ok(q, "name", n->name(q->device, name, sizeof(name))))
		return false;
	add_text(q->out, "name", name);
	if (!ok(q, "minor number", n->minor(q->device, &minor)))
		return false;
	add_number(q->out, "minor", minor);
	return true;
}

static void write_gpu(const struct nvml *n, unsigned index, struct strbuf *out)
{
	struct asking q = {.n = n, .out = out};
	bool fine;

	strbuf_addc(out, '{');
	add_number(out, "index", index);
	fine = ok(&q, "handle", n->handle(index, &q.device)) && write_identity(&q);
	if (fine)
		write_optional(&q);
	fine = fine && write_mig_mode(&q);
	if (!fine) {
		char text[200];

		(void)snprintf(text, sizeof(text), "%s: %s", q.what, n->error_string(q.code));
		add_text(out, "failure", text);
	}
	strbuf_addc(out, '}');
}

int nvml_write_facts(const struct nvml *n, struct strbuf *out, struct err *e)
{
	char driver[NVML_VERSION_SIZE] = "", cuda[24];
	unsigned count = 0;
	int version = 0;
	nvml_return code = n->driver_version(driver, sizeof(driver));

	if (code != NVML_OK)
		return err_set(e, EIO, "ask NVML for the driver version: %s",
			       n->error_string(code));
	code = n->count(&count);
	if (code != NVML_OK)
		return err_set(e, EIO, "ask NVML for the number of GPUs: %s",
			       n->error_string(code));
	if (count > MAX_GPUS)
		return err_set(e, EPROTO, "NVML says that there are %u GPUs", count);

	strbuf_addc(out, '{');
	add_text(out, "driver_version", driver);
	if (n->cuda_version && n->cuda_version(&version) == NVML_OK) {
		(void)snprintf(cuda, sizeof(cuda), "%d.%d", version / 1000, version % 1000 / 10);
		add_text(out, "cuda_version", cuda);
	}
	add_key(out, "gpus");
	strbuf_addc(out, '[');
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			strbuf_addc(out, ',');
		write_gpu(n, i, out);
	}
	strbuf_adds(out, "]}\n");
	return 0;
}
