// Counter-based random numbers: element i of stream `seed`, the same on host and device, so that a
// large input can be drawn on the device and its reference computed on the host.
#pragma once

#include <cstdint>

#include "gpufix_gpu.h"

namespace gpu {

// splitmix64's finaliser (Steele, Lea, Flood 2014) over a Weyl sequence.
__host__ __device__ inline uint64_t random_bits(uint64_t seed, uint64_t i) {
    uint64_t z = seed + (i + 1) * 0x9E3779B97F4A7C15ull;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// In [0, 1), on float's 2^-24 grid.
__host__ __device__ inline float uniform(uint64_t seed, uint64_t i) {
    return static_cast<float>(random_bits(seed, i) >> 40) * 0x1p-24f;
}

// In [-1, 1).
__host__ __device__ inline float uniform_signed(uint64_t seed, uint64_t i) {
    return 2.0f * uniform(seed, i) - 1.0f;
}

// Blocks of 256 threads for fill_uniform_signed: enough for n elements, and for any GPU.
inline unsigned fill_blocks(size_t n) {
    size_t blocks = (n + 255) / 256;
    return blocks < 1 ? 1 : blocks < 4096 ? static_cast<unsigned>(blocks) : 4096;
}

[[maybe_unused]] static __global__ void fill_uniform_signed(float* out, size_t n, uint64_t seed) {
    size_t step = static_cast<size_t>(gridDim.x) * blockDim.x;
    for (size_t i = blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x; i < n; i += step)
        out[i] = uniform_signed(seed, i);
}

}  // namespace gpu
