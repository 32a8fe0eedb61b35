// Waves ("warps" to CUDA) of 32 or 64 lanes: masks, votes, shuffles and reductions.
// Every function that takes a mask must be reached by all lanes of that mask, as CUDA demands.
#pragma once

namespace gpu {

#if defined(GPUFIX_HIP)
using lane_mask = unsigned long long;
#else
using lane_mask = unsigned int;
#endif

// Lanes in a wave of the code being compiled. HIP's host pass has no wave: the 64 there only lets
// kernels parse, and a host must ask gpu::Device::wave_size. (Clang's __AMDGCN_WAVEFRONT_SIZE__
// is deprecated, so the architecture family decides; gpufix builds with each family's default.)
#if defined(GPUFIX_CUDA)
constexpr int kWaveSize = 32;
#elif defined(__GFX10__) || defined(__GFX11__) || defined(__GFX12__)
constexpr int kWaveSize = 32;
#else
constexpr int kWaveSize = 64;
#endif

constexpr lane_mask kFullMask = static_cast<lane_mask>(~0ull >> (64 - kWaveSize));

#if defined(GPUFIX_CUDA)

__device__ inline int lane_id() {
    int lane;
    asm("mov.u32 %0, %%laneid;" : "=r"(lane));
    return lane;
}
__device__ inline lane_mask active_mask() { return __activemask(); }
__device__ inline lane_mask ballot(lane_mask mask, bool p) { return __ballot_sync(mask, p); }
__device__ inline bool any(lane_mask mask, bool p) { return __any_sync(mask, p) != 0; }
__device__ inline bool all(lane_mask mask, bool p) { return __all_sync(mask, p) != 0; }
__device__ inline int popcount(lane_mask m) { return __popc(m); }
// Lowest lane in the mask; -1 when it is empty.
__device__ inline int first_lane(lane_mask m) { return __ffs(static_cast<int>(m)) - 1; }
// Orders memory among the lanes of the mask, as a block barrier does among a block's threads.
__device__ inline void sync_wave(lane_mask mask = kFullMask) { __syncwarp(mask); }

template <class T>
__device__ inline T shfl(lane_mask mask, T v, int lane, int width = kWaveSize) {
    return __shfl_sync(mask, v, lane, width);
}
template <class T>
__device__ inline T shfl_xor(lane_mask mask, T v, int lanes, int width = kWaveSize) {
    return __shfl_xor_sync(mask, v, lanes, width);
}
template <class T>
__device__ inline T shfl_up(lane_mask mask, T v, unsigned by, int width = kWaveSize) {
    return __shfl_up_sync(mask, v, by, width);
}
template <class T>
__device__ inline T shfl_down(lane_mask mask, T v, unsigned by, int width = kWaveSize) {
    return __shfl_down_sync(mask, v, by, width);
}
__device__ inline float atomic_add(float* p, float v) { return atomicAdd(p, v); }

#else  // HIP: a wave runs in lockstep, so a mask only filters what the active lanes say

__device__ inline int lane_id() { return static_cast<int>(__lane_id()); }
__device__ inline lane_mask active_mask() { return __ballot(1); }
__device__ inline lane_mask ballot(lane_mask mask, bool p) { return __ballot(p) & mask; }
__device__ inline bool any(lane_mask mask, bool p) { return ballot(mask, p) != 0; }
__device__ inline bool all(lane_mask mask, bool p) { return ballot(mask, !p) == 0; }
__device__ inline int popcount(lane_mask m) { return __popcll(m); }
__device__ inline int first_lane(lane_mask m) { return __ffsll(m) - 1; }
__device__ inline void sync_wave(lane_mask = kFullMask) {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "wavefront");
    __builtin_amdgcn_wave_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "wavefront");
}
template <class T>
__device__ inline T shfl(lane_mask, T v, int lane, int width = kWaveSize) {
    return __shfl(v, lane, width);
}
template <class T>
__device__ inline T shfl_xor(lane_mask, T v, int lanes, int width = kWaveSize) {
    return __shfl_xor(v, lanes, width);
}
template <class T>
__device__ inline T shfl_up(lane_mask, T v, unsigned by, int width = kWaveSize) {
    return __shfl_up(v, by, width);
}
template <class T>
__device__ inline T shfl_down(lane_mask, T v, unsigned by, int width = kWaveSize) {
    return __shfl_down(v, by, width);
}
// The hardware's own float add where there is one. It is wrong only on fine-grained (host-visible)
// memory, which gpuMalloc never gives.
__device__ inline float atomic_add(float* p, float v) { return unsafeAtomicAdd(p, v); }

#endif

// The lanes below this one: popcount(ballot & lanes_below()) is a rank within the wave.
__device__ inline lane_mask lanes_below() { return (static_cast<lane_mask>(1) << lane_id()) - 1; }

// Sum over all lanes of a full wave; every lane gets it.
template <class T>
__device__ inline T wave_sum(T v) {
#pragma unroll
    for (int o = kWaveSize / 2; o > 0; o /= 2) v += shfl_xor(kFullMask, v, o);
    return v;
}

template <class T>
__device__ inline T wave_max(T v) {
#pragma unroll
    for (int o = kWaveSize / 2; o > 0; o /= 2) {
        T other = shfl_xor(kFullMask, v, o);
        v = v < other ? other : v;
    }
    return v;
}

}  // namespace gpu
