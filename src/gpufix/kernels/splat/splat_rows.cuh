// Rows of 16 x 3 coefficients between memory and threads, one row a thread. A wave moves its rows
// together by way of shared memory: with each lane along its own row, every access would touch as many
// lines of the cache as there are lanes.
#pragma once

#include "splat_types.cuh"

namespace gpufix_splat {

constexpr int kProjectThreads = 128;
constexpr int kRowVectors = 12, kRowPitch = 13;  // float4s; the pitch puts neighbours into other banks

struct Rows {
    float4 vectors[kProjectThreads * kRowPitch];

    __device__ float* own() { return reinterpret_cast<float*>(vectors + threadIdx.x * kRowPitch); }
};

__device__ inline int wave_thread() { return int(threadIdx.x) / gpu::kWaveSize * gpu::kWaveSize; }

// The first kFloats of each wanted row of `all`, row blockIdx.x * kProjectThreads + t for thread t, into
// the threads' own places. All lanes of the wave come here.
template <int kFloats>
__device__ inline void fetch_rows(Rows& rows, const float* all, bool wanted) {
    constexpr int kEach = (kFloats + 3) / 4;
    const gpu::lane_mask mask = gpu::ballot(gpu::kFullMask, wanted);
    const int first = wave_thread();
    const auto* from = reinterpret_cast<const float4*>(all) + (size_t(blockIdx.x) * kProjectThreads + first) * kRowVectors;
#pragma unroll
    for (int i = 0; i < kEach; ++i) {
        int at = i * gpu::kWaveSize + gpu::lane_id(), row = at / kEach, part = at % kEach;
        if (mask >> row & 1) rows.vectors[(first + row) * kRowPitch + part] = from[row * kRowVectors + part];
    }
    gpu::sync_wave();
}

// The threads' own places, whole, into the first n rows of `all`.
__device__ inline void store_rows(const Rows& rows, float* all, int n) {
    gpu::sync_wave();
    const int first = wave_thread(), block = int(blockIdx.x) * kProjectThreads;
    auto* to = reinterpret_cast<float4*>(all) + (size_t(block) + first) * kRowVectors;
#pragma unroll
    for (int i = 0; i < kRowVectors; ++i) {
        int at = i * gpu::kWaveSize + gpu::lane_id(), row = at / kRowVectors, part = at % kRowVectors;
        if (block + first + row < n) to[at] = rows.vectors[(first + row) * kRowPitch + part];
    }
}

}  // namespace gpufix_splat
