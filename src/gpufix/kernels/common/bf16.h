// bfloat16 as bits: no vendor header, so that a source costs nothing to compile and both vendors
// round alike (to nearest, ties to even).
#pragma once

#include <cstdint>
#include <cstring>

#include "random.h"

namespace gpu {

struct bf16 {
    uint16_t bits;
};

__host__ __device__ inline float to_float(bf16 v) {
    uint32_t bits = uint32_t(v.bits) << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

__host__ __device__ inline bf16 to_bf16(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7fffffff) > 0x7f800000) return {uint16_t(bits >> 16 | 0x40)};  // NaN stays NaN
    return {uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// Two neighbours in one word, the lower address in the lower half.
__device__ inline uint32_t pack_bf16(float low, float high) {
#if defined(GPUFIX_CUDA) && __CUDA_ARCH__ >= 800
    uint32_t packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
#else
    return uint32_t(to_bf16(high).bits) << 16 | to_bf16(low).bits;
#endif
}

[[maybe_unused]] static __global__ void fill_uniform_signed(bf16* out, size_t n, uint64_t seed,
                                                                  float scale = 1.0f) {
    size_t step = static_cast<size_t>(gridDim.x) * blockDim.x;
    for (size_t i = blockIdx.x * static_cast<size_t>(blockDim.x) + threadIdx.x; i < n; i += step)
        out[i] = to_bf16(scale * uniform_signed(seed, i));
}

}  // namespace gpu
