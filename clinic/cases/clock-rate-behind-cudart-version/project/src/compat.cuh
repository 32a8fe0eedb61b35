#pragma once
#include <cuda_runtime.h>

#if defined(CUDART_VERSION) && CUDART_VERSION >= 9000
#define SHFL_DOWN(v, d) __shfl_down_sync(0xffffffffu, (v), (d))
#else
#define SHFL_DOWN(v, d) __shfl_down((v), (d))
#endif

inline int clock_khz(int device) {
#if CUDART_VERSION >= 13000
  int khz = 0;
  cudaDeviceGetAttribute(&khz, cudaDevAttrClockRate, device);
  return khz;
#else
  cudaDeviceProp prop;
  cudaGetDeviceProperties(&prop, device);
  return prop.clockRate;
#endif
}

inline cudaError_t prefetch(const void *p, size_t n, int device, cudaStream_t stream) {
#if CUDART_VERSION < 13000
  return cudaMemPrefetchAsync(p, n, device, stream);
#else
  cudaMemLocation to{cudaMemLocationTypeDevice, device};
  return cudaMemPrefetchAsync(p, n, to, 0, stream);
#endif
}
