#include "compat.cuh"

#if CUDART_VERSION < 12000
texture<float, 1, cudaReadModeElementType> table_ref;
#define LOOKUP(table, i) tex1Dfetch(table_ref, (i))
#else
#define LOOKUP(table, i) tex1Dfetch<float>((table), (i))
#endif

__global__ void sum(cudaTextureObject_t table, float *out, int n) {
  float v = threadIdx.x < n ? LOOKUP(table, threadIdx.x) : 0.0f;
  for (int d = 16; d > 0; d /= 2) v += SHFL_DOWN(v, d);
  if (threadIdx.x == 0) *out = v;
}

int describe(const void *p, size_t n, int device) {
  prefetch(p, n, device, nullptr);
  return clock_khz(device) / 1000;
}
