/* SPDX-License-Identifier: Apache-2.0 */

/* Adds two vectors on every GPU that the process can see and checks each sum: proof that CUDA computes in the container. */

#include <cstdio>
#include <cstdlib>
#include <cuda_runtime.h>

static void check(cudaError_t r, const char *what)
{
	if (r == cudaSuccess)
		return;
	fprintf(stderr, "vectoradd: %s: %s\n", what, cudaGetErrorString(r));
	exit(1);
}

__global__ static void add(const float *a, const float *b, float *sum, int n)
{
	int i = blockIdx.x * blockDim.x + threadIdx.x;

	if (i < n)
		sum[i] = a[i] + b[i];
}

static void run(int device)
{
	const int n = 1 << 20;
	const size_t size = n * sizeof(float);
	float *a = (float *)malloc(size), *b = (float *)malloc(size), *sum = (float *)malloc(size);
	float *gpu_a, *gpu_b, *gpu_sum;

	for (int i = 0; i < n; i++) {
		a[i] = (float)i;
		b[i] = (float)(2 * i % 1000);
	}
	check(cudaSetDevice(device), "select device");
	check(cudaMalloc(&gpu_a, size), "allocate");
	check(cudaMalloc(&gpu_b, size), "allocate");
	check(cudaMalloc(&gpu_sum, size), "allocate");
	check(cudaMemcpy(gpu_a, a, size, cudaMemcpyHostToDevice), "copy in");
	check(cudaMemcpy(gpu_b, b, size, cudaMemcpyHostToDevice), "copy in");
	add<<<(n + 255) / 256, 256>>>(gpu_a, gpu_b, gpu_sum, n);
	check(cudaGetLastError(), "launch");
	check(cudaMemcpy(sum, gpu_sum, size, cudaMemcpyDeviceToHost), "copy out");
	for (int i = 0; i < n; i++) {
		if (sum[i] != a[i] + b[i]) {
			fprintf(stderr, "vectoradd: device %d: wrong sum at %d\n", device, i);
			exit(1);
		}
	}
	printf("device %d: %d sums right\n", device, n);
}

int main()
{
	int count = 0;

	check(cudaGetDeviceCount(&count), "count devices");
	for (int device = 0; device < count; device++)
		run(device);
	printf("%d device(s): Test PASSED\n", count);
	return count > 0 ? 0 : 1;
}
