/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>

#include "machine-fields.h"

/* What a driver of that major version brings when the description does not say. */
static const struct {
	uint32_t driver;
	char cuda[6];
} cuda_of_driver[] = {
	{590, "13.1"}, {580, "13.0"}, {575, "12.9"}, {570, "12.8"}, {565, "12.7"}, {560, "12.6"},
	{555, "12.5"}, {550, "12.4"}, {545, "12.3"}, {535, "12.2"}, {530, "12.1"}, {525, "12.0"},
	{520, "11.8"}, {515, "11.7"}, {510, "11.6"}, {470, "11.4"}, {450, "11.0"}, {0, "10.2"},
};

static const struct {
	char name[12], compute[6];
} architectures[] = {
	{"kepler", "3.5"}, {"maxwell", "5.2"}, {"pascal", "6.1"},
	{"volta", "7.0"},  {"turing", "7.5"},  {"ampere", "8.0"},
	{"ada", "8.9"},	   {"hopper", "9.0"},  {"blackwell", "10.0"},
};

/* FNV-1a, so that a name that is not given is the same in every run. */
static uint64_t hash(uint64_t seed, const char *text)
{
	uint64_t h = 0xcbf29ce484222325u ^ seed;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3u;
	return h;
}

static const char *make_uuid(struct arena *a, const char *kind, const char *seed)
{
	uint64_t x = hash(0, seed), y = hash(x, seed);

	/* Version 4, variant 1, as the driver's own look. */
	return arena_printf(a, "%s-%08x-%04x-4%03x-%04x-%012llx", kind, (unsigned)(x >> 32),
			    (unsigned)(x >> 16) & 0xffff, (unsigned)x & 0xfff,
			    ((unsigned)(y >> 48) & 0x3fff) | 0x8000,
			    (unsigned long long)(y & 0xffffffffffffu));
}

/* "0000:00:06.0" in lower case. */
static int parse_pci(const char *text, uint32_t *domain, uint32_t *bus, uint32_t *device)
{
	struct str s = str_of(text);

	if (s.n != 12 || text[4] != ':' || text[7] != ':' || strcmp(text + 10, ".0") != 0 ||
	    strpbrk(text, "ABCDEF"))
		return -EBADMSG;
	if (str_to_u32_base(str_sub(s, 0, 4), 16, domain) < 0 ||
	    str_to_u32_base(str_sub(s, 5, 7), 16, bus) < 0 ||
	    str_to_u32_base(str_sub(s, 8, 10), 16, device) < 0 || *device > 31)
		return -EBADMSG;
	return 0;
}

/* "9.0" */
static int parse_capability(const char *text, uint32_t *major, uint32_t *minor)
{
	struct str s = str_of(text);
	size_t dot = str_find(s, '.');

	if (str_to_u32(str_sub(s, 0, dot), major) < 0 ||
	    str_to_u32(str_sub(s, dot + 1, s.n), minor) < 0)
		return -EBADMSG;
	return 0;
}

/* The number before the mark, taken off *rest together with it. */
static bool take_number(struct str *rest, const char *mark, uint32_t *ret)
{
	size_t digits = 0;

	while (digits < rest->n && rest->p[digits] >= '0' && rest->p[digits] <= '9')
		digits++;
	if (!str_has_prefix(str_sub(*rest, digits, rest->n), mark) ||
	    str_to_u32(str_sub(*rest, 0, digits), ret) < 0)
		return false;
	*rest = str_sub(*rest, digits + strlen(mark), rest->n);
	return true;
}

/* [<c>c.]<g>g.<m>gb[+<attribute>]... */
static int parse_profile(struct machine_mig *mig, uint32_t *ret_gb)
{
	struct str rest = str_of(mig->profile), attribute;

	mig->ci_slices = 0;
	(void)take_number(&rest, "c.", &mig->ci_slices);
	if (!take_number(&rest, "g.", &mig->gi_slices) || !take_number(&rest, "gb", ret_gb) ||
	    mig->gi_slices == 0 || mig->gi_slices > 8 || *ret_gb == 0)
		return -EBADMSG;
	if (mig->ci_slices == 0)
		mig->ci_slices = mig->gi_slices;
	if (mig->ci_slices > mig->gi_slices)
		return -EBADMSG;
	if (rest.n > 0 && rest.p[0] != '+' && rest.p[0] != '-')
		return -EBADMSG;
	while (str_split(&rest, '+', &attribute)) {
		if (str_is(attribute, "gfx"))
			mig->graphics = true;
		else if (str_is(attribute, "me") || str_is(attribute, "me.all"))
			mig->media = true;
		else if (attribute.n > 0 && !str_is(attribute, "-me"))
			return -EBADMSG;
	}
	return 0;
}

static int finish_mig(struct machine_gpu *gpu, size_t i, uint32_t *next, struct err *e)
{
	struct machine_mig *mig = &gpu->migs.v[i];
	uint32_t gb, slices, whole = gpu->memory_mib / 1024;

	if (parse_profile(mig, &gb) < 0)
		return err_set(
			e, EBADMSG,
			"MIG profile \"%s\" is not of the form 1g.10gb, 1c.3g.40gb or 1g.10gb+me",
			mig->profile);
	for (size_t k = 0; k < i; k++)
		if (gpu->migs.v[k].gi == mig->gi && gpu->migs.v[k].ci == mig->ci)
			return err_set(e, EBADMSG, "MIG instance gi %u ci %u is there twice",
				       mig->gi, mig->ci);
	/* Memory comes in eighths of the GPU's. */
	slices = whole > 0 ? (gb * 8 + whole / 2) / whole : mig->gi_slices;
	if (slices == 0)
		slices = 1;
	if (mig->start == UINT32_MAX)
		mig->start = i > 0 && gpu->migs.v[i - 1].gi == mig->gi ? gpu->migs.v[i - 1].start
								       : *next;
	*next = mig->start + slices;
	if (mig->memory_mib == 0)
		mig->memory_mib = gpu->memory_mib / 8 * slices;
	if (mig->multiprocessors == 0)
		mig->multiprocessors = gpu->multiprocessors / 8 * mig->ci_slices;
	return 0;
}

int machine_finish_gpu(struct arena *a, struct machine_gpu *gpu, struct err *e)
{
	struct machine_migs own = {0};
	uint32_t next = 0;
	int ret;

	if (!gpu->pci || parse_pci(gpu->pci, &gpu->domain, &gpu->bus, &gpu->device) < 0)
		return err_set(e, EBADMSG,
			       "a GPU needs a \"pci\" address like 0000:3b:00.0, in lower case");
	for (size_t i = 0; !gpu->compute_capability && i < COUNT_OF(architectures); i++)
		if (strcmp(gpu->architecture, architectures[i].name) == 0)
			gpu->compute_capability = architectures[i].compute;
	if (!gpu->compute_capability)
		return err_set(
			e, EBADMSG,
			"GPU %s: architecture \"%s\" is unknown: give \"compute_capability\" too",
			gpu->pci, gpu->architecture);
	if (parse_capability(gpu->compute_capability, &gpu->compute_major, &gpu->compute_minor) < 0)
		return err_set(e, EBADMSG,
			       "GPU %s: \"compute_capability\" \"%s\" is not of the form 9.0",
			       gpu->pci, gpu->compute_capability);
	if (gpu->mig_enabled)
		gpu->mig_capable = true;
	if (gpu->migs.n > 0 && !gpu->mig_enabled)
		return err_set(e, EBADMSG, "GPU %s has MIG instances but \"enabled\" is not true",
			       gpu->pci);
	/* The list may be the one that all GPUs share. */
	for (size_t i = 0; i < gpu->migs.n; i++)
		arena_push(a, &own, gpu->migs.v[i]);
	gpu->migs = own;
	for (size_t i = 0; i < gpu->migs.n; i++) {
		ret = finish_mig(gpu, i, &next, e);
		if (ret < 0)
			return err_in(e, ret, "GPU %s", gpu->pci);
	}
	return 0;
}

static int by_address(const void *x, const void *y)
{
	return strcmp(((const struct machine_gpu *)x)->pci, ((const struct machine_gpu *)y)->pci);
}

static void name_gpu(struct arena *a, const struct machine *m, struct machine_gpu *gpu)
{
	if (!gpu->uuid)
		gpu->uuid = make_uuid(a, "GPU", arena_printf(a, "%s %s", m->name, gpu->pci));
	if (gpu->minor == UINT32_MAX)
		gpu->minor = gpu->index;
	if (gpu->irq == 0)
		gpu->irq = 41 + gpu->index;
	for (size_t i = 0; i < gpu->migs.n; i++) {
		struct machine_mig *mig = &gpu->migs.v[i];

		if (!mig->uuid)
			mig->uuid = make_uuid(
				a, "MIG", arena_printf(a, "%s %u %u", gpu->uuid, mig->gi, mig->ci));
	}
}

static int check_distinct(const struct machine_gpu *x, const struct machine_gpu *y, struct err *e)
{
	if (strcmp(x->pci, y->pci) == 0)
		return err_set(e, EBADMSG, "two GPUs have the address %s", x->pci);
	if (strcmp(x->uuid, y->uuid) == 0)
		return err_set(e, EBADMSG, "GPUs %s and %s both have the UUID %s", x->pci, y->pci,
			       x->uuid);
	if (x->minor == y->minor)
		return err_set(e, EBADMSG, "GPUs %s and %s both have the minor %u", x->pci, y->pci,
			       x->minor);
	return 0;
}

static int finish_driver(struct machine_driver *d, struct err *e)
{
	struct str rest, piece;
	uint32_t major = 0;
	size_t pieces = 0;

	if (!d->version)
		return err_set(e, EBADMSG, "\"driver\" needs a \"version\" like 580.159.04");
	rest = str_of(d->version);
	while (str_split(&rest, '.', &piece)) {
		uint32_t number = 0;

		if (str_to_u32(piece, &number) < 0)
			pieces = 3; /* one too many */
		if (pieces++ == 0)
			major = number;
	}
	if (pieces < 2 || pieces > 3)
		return err_set(e, EBADMSG, "driver version \"%s\" is not of the form 580.159.04",
			       d->version);
	for (size_t i = 0; !d->cuda; i++)
		if (major >= cuda_of_driver[i].driver)
			d->cuda = cuda_of_driver[i].cuda;
	if (d->root[0] != '/')
		return err_set(e, EBADMSG, "driver root \"%s\" is not an absolute path", d->root);
	return 0;
}

static int finish_switches(struct machine *m, struct err *e)
{
	for (size_t i = 0; i < m->switches.n; i++) {
		struct machine_switch *s = &m->switches.v[i];

		if (!s->pci || parse_pci(s->pci, &s->domain, &s->bus, &s->device) < 0)
			return err_set(e, EBADMSG,
				       "an NVSwitch needs a \"pci\" address like 0000:05:00.0, in "
				       "lower case");
	}
	return 0;
}

int machine_finish(struct arena *a, struct machine *m, struct err *e)
{
	int ret = finish_driver(&m->driver, e);

	if (ret == 0)
		ret = finish_switches(m, e);
	if (ret < 0)
		return ret;
	if (m->gpus.n > 0)
		qsort(m->gpus.v, m->gpus.n, sizeof(m->gpus.v[0]), by_address);
	for (size_t i = 0; i < m->gpus.n; i++) {
		m->gpus.v[i].index = (uint32_t)i;
		name_gpu(a, m, &m->gpus.v[i]);
		/* The driver has capability minors for so many. */
		if (m->gpus.v[i].mig_enabled && m->gpus.v[i].minor >= MACHINE_MAX_GPUS)
			return err_set(e, EBADMSG, "GPU %s: MIG needs a device minor below %d",
				       m->gpus.v[i].pci, MACHINE_MAX_GPUS);
		for (size_t k = 0; k < i; k++) {
			ret = check_distinct(&m->gpus.v[k], &m->gpus.v[i], e);
			if (ret < 0)
				return ret;
		}
	}
	return 0;
}
