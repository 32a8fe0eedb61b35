#include "managed.h"

#include <cuda_runtime.h>

static int current_device() {
  int device = 0;
  cudaGetDevice(&device);
  return device;
}

void *managed_new(size_t bytes) {
  void *p = nullptr;
  if (cudaMallocManaged(&p, bytes) != cudaSuccess) return nullptr;
  return p;
}

int managed_to_device(void *p, size_t bytes, int device) {
  int where = device < 0 ? current_device() : device;
  return cudaMemPrefetchAsync(p, bytes, where, cudaStreamPerThread);
}

int managed_to_host(void *p, size_t bytes) {
  return cudaMemPrefetchAsync(p, bytes, cudaCpuDeviceId, cudaStreamPerThread);
}
