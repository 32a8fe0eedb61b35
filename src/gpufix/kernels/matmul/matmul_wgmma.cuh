// The matrix product for sm_90a: one warpgroup has the tensor memory accelerator fill kDepth buffers,
// two multiply what lies there, 64 x 256 elements of C each. A block a multiprocessor walks over the tiles.
#pragma once

#include "hopper.h"

#if defined(GPUFIX_TENSOR_MAPS)

namespace wgmma {

using gpu::bf16;

constexpr int kTileM = 128, kTileN = 256, kTileK = gpu::kTileRow, kDepth = 4;
constexpr int kConsumers = kTileM / 64, kThreads = (1 + kConsumers) * gpu::kWarpgroup;
constexpr int kStageA = kTileM * kTileK, kStageB = kTileK * kTileN;
constexpr size_t kShared = kDepth * (kStageA + kStageB) * sizeof(bf16) + 1024;  // tiles begin at 1024 bytes
constexpr unsigned kGroup = 16;  // rows of tiles walked together, so that their A and B stay in L2

struct Maps {
    gpu::TensorMap a, b;
};

inline Maps maps(const bf16* a, const bf16* b, size_t n) {
    return {gpu::tensor_map(a, n, n, 1, kTileM), gpu::tensor_map(b, n, n, 1, kTileK)};
}

#if defined(GPUFIX_WGMMA)

struct Stages {
    bf16* tiles;  // of A, then of B, kDepth times
    gpu::Barrier *full, *empty;
    __device__ bf16* a(unsigned s) const { return tiles + s * (kStageA + kStageB); }
    __device__ bf16* b(unsigned s) const { return a(s) + kStageA; }
};

struct Tile {
    unsigned m, n;
};

__device__ inline Tile tile_at(unsigned index, unsigned n) {
    unsigned tiles_m = n / kTileM, tiles_n = n / kTileN, per_group = kGroup * tiles_n, group = index / per_group;
    unsigned rows = min(kGroup, tiles_m - group * kGroup), within = index % per_group;
    return {(group * kGroup + within % rows) * kTileM, within / rows * kTileN};
}

__device__ inline void produce(const Stages& stages, const Maps& maps, unsigned n) {
    unsigned step = 0, tiles = n / kTileM * (n / kTileN);
    for (unsigned index = blockIdx.x; index < tiles; index += gridDim.x) {
        Tile tile = tile_at(index, n);
        for (unsigned k = 0; k < n; k += kTileK, ++step) {
            unsigned s = step % kDepth;
            gpu::wait(stages.empty[s], step / kDepth % 2 ^ 1);
            gpu::arrive_expecting(stages.full[s], (kStageA + kStageB) * sizeof(bf16));
            gpu::load_box(stages.a(s), maps.a, stages.full[s], int(k), int(tile.m));
#pragma unroll
            for (int block = 0; block < kTileN / gpu::kTileRow; ++block)
                gpu::load_box(stages.b(s) + block * kTileK * gpu::kTileRow, maps.b, stages.full[s],
                              int(tile.n) + block * gpu::kTileRow, int(k));
        }
    }
}

__device__ inline void store(const float (&d)[128], bf16* c, size_t n) {
    int lane = gpu::lane_id();
    c += size_t(threadIdx.x / 32 % 4 * 16 + lane / 4) * n + lane % 4 * 2;
#pragma unroll
    for (int j = 0; j < kTileN / 8; ++j)
#pragma unroll
        for (int half = 0; half < 2; ++half)
            *reinterpret_cast<uint32_t*>(c + size_t(half * 8) * n + j * 8) =
                gpu::pack_bf16(d[4 * j + 2 * half], d[4 * j + 2 * half + 1]);
}

__device__ inline void consume(const Stages& stages, bf16* c, unsigned n) {
    unsigned step = 0, tiles = n / kTileM * (n / kTileN), my_rows = (threadIdx.x / gpu::kWarpgroup - 1) * 64;
    auto release = [&](unsigned of_step) {
        if (gpu::lane_id() == 0) gpu::arrive(stages.empty[of_step % kDepth]);
    };
    for (unsigned index = blockIdx.x; index < tiles; index += gridDim.x) {
        float d[128];
        for (unsigned k = 0; k < n; k += kTileK, ++step) {
            unsigned s = step % kDepth;
            gpu::wait(stages.full[s], step / kDepth % 2);
            gpu::wgmma_fence();
#pragma unroll
            for (int i = 0; i < kTileK; i += 16)
                gpu::wgmma_256(d, gpu::operand(stages.a(s) + my_rows * kTileK + i, 1024),
                               gpu::operand(stages.b(s) + i * gpu::kTileRow, 1024, kTileK * gpu::kTileRow * sizeof(bf16)),
                               k + i > 0);
            gpu::wgmma_commit();
            gpu::wgmma_wait<1>();
            if (k > 0) release(step - 1);
        }
        gpu::wgmma_wait<0>();
        release(step - 1);
        Tile tile = tile_at(index, n);
        store(d, c + size_t(tile.m + my_rows) * n + tile.n, n);
    }
}

__global__ void __launch_bounds__(kThreads, 1)
    matmul_kernel(const __grid_constant__ Maps maps, bf16* __restrict__ c, unsigned n) {
    extern __shared__ uint4 shared_bytes[];
    __shared__ gpu::Barrier full[kDepth], empty[kDepth];
    unsigned skipped = -gpu::shared_address(shared_bytes) % 1024;
    Stages stages{reinterpret_cast<bf16*>(reinterpret_cast<char*>(shared_bytes) + skipped), full, empty};
    if (threadIdx.x == 0) {
        for (int s = 0; s < kDepth; ++s) {
            gpu::init(full[s], 1);
            gpu::init(empty[s], kConsumers * gpu::kWarpgroup / 32);
        }
        gpu::fence_barriers();
    }
    __syncthreads();
    if (threadIdx.x < gpu::kWarpgroup) {
        gpu::give_registers<40>();
        if (threadIdx.x == 0) produce(stages, maps, n);
    } else {
        gpu::take_registers<232>();
        consume(stages, c, n);
    }
}

#else

__global__ void matmul_kernel(const __grid_constant__ Maps, bf16*, unsigned) {}

#endif

}  // namespace wgmma

#endif
