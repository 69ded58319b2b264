/* SPDX-License-Identifier: Apache-2.0 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macro.h"
#include "nvidia-smi.h"

#define RULE                                                                                       \
	"+---------------------------------------------------------------------------------------" \
	"--+"
#define GPU_RULE                                                                                   \
	"+-----------------------------------------+------------------------+-------------------"  \
	"---+"
#define MIG_RULE                                                                                   \
	"+------------------+----------------------------------+-----------+--------------------"  \
	"---+"
#define MIB		  (1024 * 1024)
#define ROOM_OF_PROCESSES 64

/* A value with its unit, or what stands for none. */
struct cell {
	char text[24];
};

static struct cell amount(bool known, uint64_t value, const char *unit)
{
	struct cell c = {"N/A"};

	if (known)
		(void)snprintf(c.text, sizeof(c.text), "%llu%s", (unsigned long long)value, unit);
	return c;
}

static void print_head(const struct smi *smi)
{
	char driver[NVML_VERSION_SIZE] = "N/A", cuda[16] = "N/A", date[40] = "";
	time_t now = time(NULL);
	struct tm local;
	int version = 0;

	if (localtime_r(&now, &local))
		(void)strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &local);
	(void)smi->driver_version(driver, sizeof(driver));
	if (smi->cuda_version(&version) == NVML_OK)
		(void)snprintf(cuda, sizeof(cuda), "%d.%d", version / 1000, version % 1000 / 10);
	(void)printf("%s       \n" RULE "\n", date);
	(void)printf("| NVIDIA-SMI %-22s Driver Version: %-14s CUDA Version: %-8s |\n", driver,
		     driver, cuda);
	(void)puts(GPU_RULE);
	(void)puts("| GPU  Name                 Persistence-M | Bus-Id          Disp.A | Volatile "
		   "Uncorr. ECC |");
	(void)puts("| Fan  Temp   Perf          Pwr:Usage/Cap |           Memory-Usage | GPU-Util  "
		   "Compute M. |");
	(void)puts("|                                         |                        |           "
		   "    MIG M. |");
	(void)puts("|=========================================+========================+==========="
		   "===========|");
}

static const char *on_off(nvml_return r, unsigned on)
{
	return r != NVML_OK ? "N/A" : on ? "On" : "Off";
}

static void print_identity(const struct smi *smi, const struct smi_gpu *g)
{
	char name[NVML_NAME_SIZE] = "";
	unsigned persistence = 0, display = 0, ecc = 0, pending = 0;
	struct nvml_pci_v3 pci = {0};
	struct cell errors = {"N/A"};
	uint64_t n = 0;
	nvml_return known, active;

	(void)smi->name(g->device, name, sizeof(name));
	(void)smi->pci(g->device, &pci);
	known = smi->persistence(g->device, &persistence);
	active = smi->display_active(g->device, &display);
	if (smi->ecc_mode(g->device, &ecc, &pending) == NVML_OK && ecc &&
	    smi->ecc_errors(g->device, NVML_UNCORRECTED, NVML_VOLATILE, &n) == NVML_OK)
		errors = amount(true, n, "");
	else if (!ecc)
		errors = (struct cell){"Off"};
	(void)printf("| %3u  %-31.31s%-3s | %18s %-3s | %20s |\n", g->index, name,
		     on_off(known, persistence), pci.bus_id, on_off(active, display), errors.text);
}

static const char *compute_mode(const struct smi *smi, nvml_device gpu)
{
	static const char names[][11] = {"Default", "E. Thread", "Prohibited", "E. Process"};
	unsigned mode = 0;

	return smi->compute_mode(gpu, &mode) == NVML_OK && mode < COUNT_OF(names) ? names[mode]
										  : "N/A";
}

static void print_state(const struct smi *smi, nvml_device gpu)
{
	struct nvml_memory_v2 m = {.version = NVML_STRUCT_VERSION(struct nvml_memory_v2, 2)};
	unsigned fan = 0, temperature = 0, performance = 0, power = 0, limit = 0;
	struct nvml_utilization load = {0};
	bool cooled = smi->fan(gpu, &fan) == NVML_OK;
	bool memory = smi->memory(gpu, &m) == NVML_OK;
	bool busy = smi->utilization(gpu, &load) == NVML_OK;
	bool draws = smi->power(gpu, &power) == NVML_OK;
	bool limited = smi->power_limit(gpu, &limit) == NVML_OK;

	(void)smi->temperature(gpu, 0, &temperature);
	(void)smi->performance(gpu, &performance);
	(void)printf("| %3s   %2uC    P%-2u %14s / %5s | %10s / %9s | %7s %12s |\n",
		     amount(cooled, fan, "%").text, temperature, performance,
		     amount(draws, power / 1000, "W").text, amount(limited, limit / 1000, "W").text,
		     amount(memory, m.used / MIB, "MiB").text,
		     amount(memory, m.total / MIB, "MiB").text, amount(busy, load.gpu, "%").text,
		     compute_mode(smi, gpu));
}

static bool is_mig(const struct smi *smi, nvml_device gpu, bool *ret_enabled)
{
	unsigned now = 0, later = 0;
	bool capable = smi->mig_mode(gpu, &now, &later) == NVML_OK;

	*ret_enabled = capable && now == 1;
	return capable;
}

static void print_gpu(const struct smi *smi, const struct smi_gpu *g)
{
	bool enabled, capable = is_mig(smi, g->device, &enabled);

	print_identity(smi, g);
	print_state(smi, g->device);
	(void)printf(
		"|                                         |                        | %20s |\n",
		!capable  ? "N/A"
		: enabled ? "Enabled"
			  : "Disabled");
	(void)puts(GPU_RULE);
}

static void print_mig(const struct smi *smi, unsigned gpu, unsigned index, nvml_device mig)
{
	struct nvml_memory_v2 m = {.version = NVML_STRUCT_VERSION(struct nvml_memory_v2, 2)};
	struct nvml_attributes at = {0};
	struct nvml_memory bar1 = {0};
	unsigned gi = 0, ci = 0;
	uint64_t errors = 0;
	bool memory = smi->memory(mig, &m) == NVML_OK;
	bool window = smi->bar1(mig, &bar1) == NVML_OK;
	bool ecc = smi->ecc_errors(mig, NVML_UNCORRECTED, NVML_VOLATILE, &errors) == NVML_OK;

	(void)smi->gpu_instance(mig, &gi);
	(void)smi->compute_instance(mig, &ci);
	(void)smi->attributes(mig, &at);
	(void)printf("| %2u %4u %3u %3u  | %17s / %9s    | %2u %6s | %2u %3u %4u %4u %4u |\n", gpu,
		     gi, ci, index, amount(memory, m.used / MIB, "MiB").text,
		     amount(memory, m.total / MIB, "MiB").text, at.multiprocessors,
		     amount(ecc, errors, "").text, at.copy_engines, at.encoders, at.decoders,
		     at.ofas, at.jpegs);
	(void)printf("|                  | %19s / %9s  |           |                       |\n",
		     amount(window, bar1.used / MIB, "MiB").text,
		     amount(window, bar1.total / MIB, "MiB").text);
	(void)puts(MIG_RULE);
}

/* How many MIG devices a GPU has; printed with print. */
static unsigned each_mig(const struct smi *smi, const struct smi_gpu *g, bool print)
{
	unsigned max = 0, n = 0;

	(void)smi->mig_max(g->device, &max);
	for (unsigned i = 0; i < max; i++) {
		nvml_device mig;

		if (smi->mig_handle(g->device, i, &mig) != NVML_OK)
			continue;
		n++;
		if (print)
			print_mig(smi, g->index, i, mig);
	}
	return n;
}

static void print_migs(const struct smi *smi, const struct smi_gpus *gpus)
{
	bool any = false;
	unsigned n = 0;

	for (size_t i = 0; i < gpus->n; i++) {
		bool enabled;

		(void)is_mig(smi, gpus->v[i].device, &enabled);
		any = any || enabled;
		n += each_mig(smi, &gpus->v[i], false);
	}
	if (!any)
		return;
	(void)puts("\n" RULE);
	(void)printf("| %-87s |\n", "MIG devices:");
	(void)puts(MIG_RULE);
	(void)puts("| GPU  GI  CI  MIG |                     Memory-Usage |        Vol|        "
		   "Shared         |");
	(void)puts(
		"|      ID  ID  Dev |                       BAR1-Usage | SM     Unc| CE ENC  DEC "
		" OFA  JPG |");
	(void)puts("|                  |                                  |        ECC|            "
		   "           |");
	(void)puts("|==================+==================================+===========+============"
		   "===========|");
	for (size_t i = 0; i < gpus->n; i++)
		(void)each_mig(smi, &gpus->v[i], true);
	if (n == 0)
		(void)printf("| %-87s |\n" RULE "\n", " No MIG devices found");
}

static void print_process(const struct smi *smi, unsigned gpu, const char *type,
			  const struct nvml_process_v2 *p)
{
	bool mig = p->gi != NVML_ABSENT_ID;
	char name[128] = "[Not Found]";

	(void)smi->process_name(p->pid, name, sizeof(name));
	(void)printf("|%5u   %3s  %3s%16u%7s   %-35.35s%11s |\n", gpu, amount(mig, p->gi, "").text,
		     amount(mig, p->ci, "").text, p->pid, type, name,
		     amount(true, p->memory / MIB, "MiB").text);
}

static bool has(const struct nvml_process_v2 *list, unsigned n, uint32_t pid)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].pid == pid)
			return true;
	return false;
}

static unsigned print_processes_of(const struct smi *smi, const struct smi_gpu *g)
{
	struct nvml_process_v2 compute[ROOM_OF_PROCESSES], graphics[ROOM_OF_PROCESSES];
	unsigned c = COUNT_OF(compute), d = COUNT_OF(graphics), n = 0;

	if (smi->compute_processes(g->device, &c, compute) != NVML_OK)
		c = 0;
	if (smi->graphics_processes(g->device, &d, graphics) != NVML_OK)
		d = 0;
	for (unsigned i = 0; i < c; i++, n++)
		print_process(smi, g->index, has(graphics, d, compute[i].pid) ? "C+G" : "C",
			      &compute[i]);
	for (unsigned i = 0; i < d; i++) {
		if (has(compute, c, graphics[i].pid))
			continue;
		print_process(smi, g->index, "G", &graphics[i]);
		n++;
	}
	return n;
}

static void print_processes(const struct smi *smi, const struct smi_gpus *gpus)
{
	unsigned n = 0;

	(void)puts("\n" RULE);
	(void)printf("| %-87s |\n", "Processes:");
	(void)puts("|  GPU   GI   CI              PID   Type   Process name                        "
		   "GPU Memory |");
	(void)puts("|        ID   ID                                                               "
		   "Usage      |");
	(void)puts(
		"|==============================================================================="
		"==========|");
	for (size_t i = 0; i < gpus->n; i++)
		n += print_processes_of(smi, &gpus->v[i]);
	if (n == 0)
		(void)printf("| %-87s |\n", " No running processes found");
	(void)puts(RULE);
}

void smi_table(const struct smi *smi, const struct smi_gpus *gpus)
{
	print_head(smi);
	for (size_t i = 0; i < gpus->n; i++)
		print_gpu(smi, &gpus->v[i]);
	print_migs(smi, gpus);
	print_processes(smi, gpus);
}
