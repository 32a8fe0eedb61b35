#pragma once

#ifdef USE_ROCM
#include <hip/hip_runtime.h>
typedef unsigned long long lanes_t;

__device__ inline int lane_id() { return __lane_id(); }
__device__ inline lanes_t lanes_where(bool p) { return __ballot(p); }
__device__ inline int lanes_below(lanes_t m) { return __popcll(m & ((1ull << lane_id()) - 1)); }
__device__ inline int first_lane(lanes_t m) { return __ffsll(m) - 1; }
__device__ inline int from_lane(int v, int lane) { return __shfl(v, lane); }
#else
#include <cuda_runtime.h>
typedef unsigned lanes_t;

__device__ inline int lane_id() {
  int id;
  asm volatile("mov.u32 %0, %%laneid;" : "=r"(id));
  return id;
}
__device__ inline lanes_t lanes_where(bool p) { return __ballot_sync(0xffffffffu, p); }
__device__ inline int lanes_below(lanes_t m) {
  unsigned below;
  asm("mov.u32 %0, %%lanemask_lt;" : "=r"(below));
  return __popc(m & below);
}
__device__ inline int first_lane(lanes_t m) { return __ffs(m) - 1; }
__device__ inline int from_lane(int v, int lane) { return __shfl_sync(0xffffffffu, v, lane); }
#endif
