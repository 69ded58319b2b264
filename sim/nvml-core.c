/* SPDX-License-Identifier: Apache-2.0 */
#include "nvml-core.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"

#define VERSION_PATH "/proc/driver/nvidia/version"

enum kind { DEVICE, GPU_INSTANCE, COMPUTE_INSTANCE };

/* What stands behind the opaque pointers that callers hold. */
struct handle {
	enum kind kind;
	uint32_t domain, bus, device;
	bool mig; /* then gi and, but for GPU instances, ci count */
	uint32_t gi, ci;
	struct handle *next;
};

/* A description and its memory, which other threads may still be answering from: kept for good. */
struct reading {
	struct arena arena;
	struct machine machine;
	struct reading *before;
};

static struct {
	pthread_mutex_t lock;
	unsigned users; /* nvmlInit without nvmlShutdown */
	struct reading *newest;
	struct machine *machine; /* of the newest */
	struct stat seen;	 /* of the description, when it was read */
	struct handle *handles;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void unlock(pthread_mutex_t **lock)
{
	(void)pthread_mutex_unlock(*lock);
}

#define LOCKED()                                                                                   \
	AUTO(unlock) pthread_mutex_t *locked_ = &state.lock;                                       \
	(void)pthread_mutex_lock(locked_)

static bool is_same_file(const struct stat *x, const struct stat *y)
{
	return x->st_ino == y->st_ino && x->st_dev == y->st_dev && x->st_size == y->st_size &&
	       x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

/* Reads the description when it is another one than before. */
static nvml_return refresh(void)
{
	struct reading *r;
	struct stat st;
	struct err e;

	if (stat(MACHINE_PATH, &st) < 0)
		return NVML_DRIVER_NOT_LOADED;
	if (state.machine && is_same_file(&st, &state.seen))
		return NVML_OK;
	r = mem_alloc(sizeof(*r));
	if (machine_load(&r->arena, MACHINE_PATH, &r->machine, &e) < 0) {
		(void)fprintf(stderr, "libnvidia-ml (simulated): %s\n", e.text);
		arena_done(&r->arena);
		free(r);
		return NVML_UNKNOWN_ERROR;
	}
	r->before = state.newest;
	state.newest = r;
	state.machine = &r->machine;
	state.seen = st;
	return NVML_OK;
}

static void log_call(const char *call, int gpu)
{
	auto_close int fd = open(SIM_CALLS_PATH, O_WRONLY | O_APPEND | O_CLOEXEC);
	char line[128];
	int n;

	if (fd < 0)
		return;
	n = gpu < 0 ? snprintf(line, sizeof(line), "%d %s -\n", (int)getpid(), call)
		    : snprintf(line, sizeof(line), "%d %s %d\n", (int)getpid(), call, gpu);
	(void)!write(fd, line, (size_t)n);
}

static nvml_return suffer(const struct machine_fault *f)
{
	if (f->delay_ms > 0) {
		struct timespec t = {.tv_sec = f->delay_ms / 1000,
				     .tv_nsec = (long)(f->delay_ms % 1000) * 1000000};

		while (nanosleep(&t, &t) < 0 && errno == EINTR)
			;
	}
	while (f->hang)
		(void)pause();
	if (f->crash)
		(void)raise(SIGSEGV);
	return f->missing ? NVML_FUNCTION_NOT_FOUND : (nvml_return)f->result;
}

static nvml_return fault(const char *call, const struct machine *m, const struct machine_gpu *gpu)
{
	int index = gpu ? (int)gpu->index : -1;
	const struct machine_fault *f = machine_fault(m, call, index);

	log_call(call, index);
	return f ? suffer(f) : NVML_OK;
}

nvml_return sim_gpu_fault(const char *call, const struct machine *m, const struct machine_gpu *gpu)
{
	const struct machine_fault *f = machine_fault(m, call, (int)gpu->index);

	/* Faults of whatever GPU were suffered when the call began. */
	return f && f->gpu >= 0 ? suffer(f) : NVML_OK;
}

/* What the loaded kernel module says about itself, against the version of this library. */
static nvml_return check_module(const struct machine *m)
{
	AUTO(arena_done) struct arena a = {0};
	struct str text;

	if (!m->loaded || fs_read(&a, VERSION_PATH, 4096, &text, NULL) < 0)
		return NVML_DRIVER_NOT_LOADED;
	return str_contains(text, arena_printf(&a, " %s ", m->driver.version))
		       ? NVML_OK
		       : NVML_VERSION_MISMATCH;
}

/* A node that the simulator made has no driver behind it: whoever may open it gets ENXIO. */
static int try_open(const char *path)
{
	auto_close int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);

	/* Capability nodes may be read only. */
	if (fd < 0 && errno == EACCES)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0 || errno == ENXIO || errno == ENODEV ? 0 : errno;
}

nvml_return sim_start(const char *call)
{
	nvml_return r;
	int code;

	LOCKED();
	r = refresh();
	if (r != NVML_OK)
		return r;
	r = fault(call, state.machine, NULL);
	if (r == NVML_OK)
		r = check_module(state.machine);
	if (r != NVML_OK)
		return r;
	/* As a real one does in a container whose device cgroup was rewritten behind its back. */
	code = try_open("/dev/nvidiactl");
	if (code != 0)
		return code == ENOENT ? NVML_DRIVER_NOT_LOADED : NVML_UNKNOWN_ERROR;
	state.users++;
	return NVML_OK;
}

nvml_return sim_system(const char *call, struct sim_target *ret)
{
	nvml_return r;

	LOCKED();
	if (state.users == 0)
		return NVML_UNINITIALIZED;
	r = refresh();
	if (r != NVML_OK)
		return r;
	*ret = (struct sim_target){.machine = state.machine};
	return fault(call, state.machine, NULL);
}

nvml_return sim_stop(const char *call)
{
	struct sim_target t;
	nvml_return r = sim_system(call, &t);

	LOCKED();
	if (r == NVML_OK)
		state.users--;
	return r;
}

static const struct handle *known(const void *p, enum kind kind)
{
	for (const struct handle *h = state.handles; h; h = h->next)
		if (h == p && h->kind == kind)
			return h;
	return NULL;
}

static const struct machine_mig *find_mig(const struct machine_gpu *gpu, const struct handle *h)
{
	for (size_t i = 0; gpu->mig_enabled && i < gpu->migs.n; i++) {
		const struct machine_mig *m = &gpu->migs.v[i];

		if (m->gi == h->gi && (h->kind == GPU_INSTANCE || m->ci == h->ci))
			return m;
	}
	return NULL;
}

/* What the handle names on the machine as it is now. */
static nvml_return look_up(const void *p, enum kind kind, struct sim_target *ret)
{
	const struct handle *h;
	nvml_return r;

	LOCKED();
	if (state.users == 0)
		return NVML_UNINITIALIZED;
	r = refresh();
	if (r != NVML_OK)
		return r;
	h = known(p, kind);
	if (!h)
		return NVML_INVALID_ARGUMENT;
	*ret = (struct sim_target){.machine = state.machine};
	for (size_t i = 0; i < state.machine->gpus.n; i++) {
		const struct machine_gpu *g = &state.machine->gpus.v[i];

		if (g->domain == h->domain && g->bus == h->bus && g->device == h->device)
			ret->gpu = g;
	}
	if (!ret->gpu)
		return NVML_GPU_IS_LOST;
	if (h->mig)
		ret->mig = find_mig(ret->gpu, h);
	return h->mig && !ret->mig ? NVML_NOT_FOUND : NVML_OK;
}

static nvml_return begin(const char *call, const void *p, enum kind kind, struct sim_target *ret)
{
	nvml_return r = look_up(p, kind, ret);

	if (r == NVML_OK)
		r = fault(call, ret->machine, ret->gpu);
	return r == NVML_OK && ret->gpu->lost ? NVML_GPU_IS_LOST : r;
}

nvml_return sim_device(const char *call, nvml_device device, struct sim_target *ret)
{
	return begin(call, device, DEVICE, ret);
}

nvml_return sim_gpu(const char *call, nvml_device device, struct sim_target *ret)
{
	nvml_return r = begin(call, device, DEVICE, ret);

	return r == NVML_OK && ret->mig ? NVML_NOT_SUPPORTED : r;
}

nvml_return sim_gi(const char *call, nvml_gpu_instance gi, struct sim_target *ret)
{
	return begin(call, gi, GPU_INSTANCE, ret);
}

nvml_return sim_ci(const char *call, nvml_compute_instance ci, struct sim_target *ret)
{
	return begin(call, ci, COMPUTE_INSTANCE, ret);
}

static void *handle_of(struct handle want)
{
	struct handle *h;

	LOCKED();
	for (h = state.handles; h; h = h->next)
		if (h->kind == want.kind && h->domain == want.domain && h->bus == want.bus &&
		    h->device == want.device && h->mig == want.mig && h->gi == want.gi &&
		    h->ci == want.ci)
			return h;
	h = mem_alloc(sizeof(*h));
	*h = want;
	h->next = state.handles;
	state.handles = h;
	return h;
}

static struct handle on_gpu(enum kind kind, const struct machine_gpu *gpu)
{
	return (struct handle){
		.kind = kind, .domain = gpu->domain, .bus = gpu->bus, .device = gpu->device};
}

nvml_device sim_handle(const struct machine_gpu *gpu, const struct machine_mig *mig)
{
	struct handle h = on_gpu(DEVICE, gpu);

	if (mig) {
		h.mig = true;
		h.gi = mig->gi;
		h.ci = mig->ci;
	}
	return handle_of(h);
}

nvml_gpu_instance sim_gi_handle(const struct machine_gpu *gpu, uint32_t gi)
{
	struct handle h = on_gpu(GPU_INSTANCE, gpu);

	h.mig = true;
	h.gi = gi;
	return handle_of(h);
}

nvml_compute_instance sim_ci_handle(const struct machine_gpu *gpu, uint32_t gi, uint32_t ci)
{
	struct handle h = on_gpu(COMPUTE_INSTANCE, gpu);

	h.mig = true;
	h.gi = gi;
	h.ci = ci;
	return handle_of(h);
}

bool sim_may_use(const struct machine_gpu *gpu)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/dev/nvidia%u", gpu->minor);
	return try_open(path) == 0;
}

static bool may_use_capability(uint32_t minor)
{
	char path[48];

	(void)snprintf(path, sizeof(path), "/dev/nvidia-caps/nvidia-cap%u", minor);
	return try_open(path) == 0;
}

bool sim_may_use_mig(const struct machine_gpu *gpu, const struct machine_mig *mig)
{
	return may_use_capability(machine_gi_minor(gpu->minor, mig->gi)) &&
	       may_use_capability(machine_ci_minor(gpu->minor, mig->gi, mig->ci));
}

unsigned sim_count(const struct machine *m)
{
	unsigned n = 0;

	for (size_t i = 0; i < m->gpus.n; i++)
		n += !m->gpus.v[i].excluded && sim_may_use(&m->gpus.v[i]);
	return n;
}

const struct machine_gpu *sim_at(const struct machine *m, unsigned index)
{
	for (size_t i = 0; i < m->gpus.n; i++) {
		const struct machine_gpu *g = &m->gpus.v[i];

		if (!g->excluded && sim_may_use(g) && index-- == 0)
			return g;
	}
	return NULL;
}

unsigned sim_index_of(const struct machine *m, const struct machine_gpu *gpu)
{
	unsigned n = 0;

	for (const struct machine_gpu *g = m->gpus.v; g < gpu; g++)
		n += !g->excluded && sim_may_use(g);
	return n;
}

nvml_return sim_text(char *to, unsigned size, const char *text)
{
	if (!to)
		return NVML_INVALID_ARGUMENT;
	if (!text)
		return NVML_NOT_SUPPORTED;
	if (strlen(text) >= size)
		return NVML_INSUFFICIENT_SIZE;
	memcpy(to, text, strlen(text) + 1);
	return NVML_OK;
}
