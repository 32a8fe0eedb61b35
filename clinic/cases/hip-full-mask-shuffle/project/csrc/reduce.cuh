#pragma once
#include "runtime.h"

constexpr unsigned kFull = 0xffffffffu;

template <typename T>
__device__ T warp_sum(T v) {
#pragma unroll
  for (int d = 16; d > 0; d /= 2) v += __shfl_down_sync(kFull, v, d);
  return v;
}
