// Attention for sm_90a: one warpgroup has the tensor memory accelerator fill kDepth buffers of K and V,
// two compute 64 queries each, with wgmma. While the weights of one block of keys are computed, the
// matrix units multiply the scores of the next and the values of the last (Shah et al.,
// FlashAttention-3, 2024).
#pragma once

#include "hopper.h"

#if defined(GPUFIX_TENSOR_MAPS)

namespace wgmma {

using gpu::bf16;

constexpr int kDim = 128, kRows = 128, kKeys = 128, kDepth = 2;
constexpr int kConsumers = kRows / 64, kThreads = (1 + kConsumers) * gpu::kWarpgroup;
constexpr int kTile = kKeys * kDim;  // elements: two blocks of 64 columns
static_assert(kRows == kKeys, "one tensor map serves Q, K and V, and one block of keys the diagonal");
constexpr size_t kShared = (1 + 2 * kDepth) * kTile * sizeof(bf16) + 1024;  // tiles begin at 1024 bytes

struct Maps {
    gpu::TensorMap q, k, v;
};

inline gpu::TensorMap map(const bf16* data, unsigned heads, unsigned length) {
    return gpu::tensor_map(data, kDim, length, heads, kRows);
}

struct Problem {
    unsigned length;
    bool causal;
    float scale;  // log2(e) / sqrt(kDim): exp2 is the hardware's
};

#if defined(GPUFIX_WGMMA)

struct Buffers {
    bf16 *q, *k, *v;  // v and k: kDepth tiles
    gpu::Barrier *q_full, *k_full, *k_empty, *v_full, *v_empty;
};

__device__ inline void load_tile(bf16* to, const gpu::TensorMap& map, gpu::Barrier& full, int row, int head) {
    gpu::arrive_expecting(full, kTile * sizeof(bf16));
#pragma unroll
    for (int block = 0; block < kDim / gpu::kTileRow; ++block)
        gpu::load_box(to + block * kKeys * gpu::kTileRow, map, full, block * gpu::kTileRow, row, head);
}

// Blocks of keys, the last first: only that one has keys to hide.
__device__ inline void produce(const Buffers& buffers, const Maps& maps, int first, int blocks, int head) {
    load_tile(buffers.q, maps.q, *buffers.q_full, first, head);
    for (int i = 0; i < blocks; ++i) {
        int s = i % kDepth, row = (blocks - 1 - i) * kKeys;
        unsigned parity = unsigned(i) / kDepth % 2 ^ 1;
        gpu::wait(buffers.k_empty[s], parity);
        load_tile(buffers.k + s * kTile, maps.k, buffers.k_full[s], row, head);
        gpu::wait(buffers.v_empty[s], parity);
        load_tile(buffers.v + s * kTile, maps.v, buffers.v_full[s], row, head);
    }
}

struct Softmax {
    float most[2] = {-INFINITY, -INFINITY}, total[2] = {0, 0};  // of this lane's two rows
};

// Of a lane's element i of an accumulator: which of its two rows.
__device__ constexpr int slot(int i) { return i / 2 % 2; }

__device__ inline void mask(float (&s)[64], unsigned query, unsigned key, const Problem& problem) {
    unsigned row = query + unsigned(gpu::lane_id()) / 4, column = key + unsigned(gpu::lane_id()) % 4 * 2;
#pragma unroll
    for (int i = 0; i < 64; ++i) {
        unsigned at = column + i / 4 * 8 + i % 2;
        if (at >= problem.length || (problem.causal && at > row + slot(i) * 8)) s[i] = -INFINITY;
    }
}

// Turns scores into weights relative to the new maximum. What was summed before is to be multiplied by
// `rescale`.
__device__ inline void update(Softmax& state, float (&s)[64], float scale, float (&rescale)[2]) {
    float shift[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
        float most = state.most[row];
#pragma unroll
        for (int i = 0; i < 64; ++i)
            if (slot(i) == row) most = fmaxf(most, s[i]);
        most = fmaxf(most, gpu::shfl_xor(gpu::kFullMask, most, 1));
        most = fmaxf(most, gpu::shfl_xor(gpu::kFullMask, most, 2));
        shift[row] = most * scale;
        rescale[row] = gpu::exp2_fast(state.most[row] * scale - shift[row]);
        state.most[row] = most;
        state.total[row] *= rescale[row];
    }
#pragma unroll
    for (int i = 0; i < 64; ++i) {
        s[i] = gpu::exp2_fast(s[i] * scale - shift[slot(i)]);
        state.total[slot(i)] += s[i];  // this lane's columns: combined at the end
    }
}

__device__ inline void pack(const float (&s)[64], uint32_t (&weights)[32]) {
#pragma unroll
    for (int i = 0; i < 32; ++i) weights[i] = gpu::pack_bf16(s[2 * i], s[2 * i + 1]);
}

__device__ inline void multiply_scores(float (&s)[64], const bf16* q, const bf16* k) {
    gpu::wgmma_fence();
#pragma unroll
    for (int d = 0; d < kDim; d += 16) {
        int at = d / gpu::kTileRow * kKeys * gpu::kTileRow + d % gpu::kTileRow;
        gpu::wgmma_128_transposed(s, gpu::operand(q + at, 1024), gpu::operand(k + at, 1024), d > 0);
    }
    gpu::wgmma_commit();
}

__device__ inline void multiply_values(float (&out)[64], const uint32_t (&weights)[32], const bf16* v, bool add) {
    gpu::wgmma_fence();
#pragma unroll
    for (int key = 0; key < kKeys; key += 16)
        gpu::wgmma_128(out, weights + key / 4,
                       gpu::operand(v + key * gpu::kTileRow, 1024, kKeys * gpu::kTileRow * sizeof(bf16)), add || key > 0);
    gpu::wgmma_commit();
}

__device__ inline void store(const float (&out)[64], const Softmax& state, bf16* o, unsigned query, unsigned length) {
    int lane = gpu::lane_id();
#pragma unroll
    for (int row = 0; row < 2; ++row) {
        float total = state.total[row];
        total += gpu::shfl_xor(gpu::kFullMask, total, 1);
        total += gpu::shfl_xor(gpu::kFullMask, total, 2);
        unsigned at = query + lane / 4 + row * 8;
        if (at >= length) continue;
        bf16* to = o + size_t(at) * kDim + lane % 4 * 2;
#pragma unroll
        for (int j = 0; j < kDim / 8; ++j)
            *reinterpret_cast<uint32_t*>(to + j * 8) =
                gpu::pack_bf16(out[4 * j + 2 * row] / total, out[4 * j + 2 * row + 1] / total);
    }
}

// Warpgroups take turns: while one has the matrix units, the other computes weights.
__device__ inline void take_turn(unsigned group) {
    asm volatile("bar.sync %0, 256;" ::"r"(1 + group) : "memory");
}
__device__ inline void pass_turn(unsigned group) {
    asm volatile("bar.arrive %0, 256;" ::"r"(2 - group) : "memory");
}

__device__ inline void consume(const Buffers& buffers, bf16* o, unsigned first, int blocks, const Problem& problem) {
    unsigned group = threadIdx.x / gpu::kWarpgroup - 1, my_rows = group * 64;
    unsigned query = first + my_rows + threadIdx.x / 32 % 4 * 16;
    const bf16* q = buffers.q + my_rows * gpu::kTileRow;
    auto release = [](gpu::Barrier& empty) {
        if (gpu::lane_id() == 0) gpu::arrive(empty);
    };
    float out[64], s[64], rescale[2];
    uint32_t weights[32];
    Softmax state;
    if (group == 1) pass_turn(1);  // the first turn is group 0
    gpu::wait(*buffers.q_full, 0);
    gpu::wait(buffers.k_full[0], 0);
    take_turn(group);
    multiply_scores(s, q, buffers.k);
    pass_turn(group);
    gpu::wgmma_wait<0>();
    release(buffers.k_empty[0]);
    unsigned last = unsigned(blocks - 1) * kKeys;
    if (problem.causal || last + kKeys > problem.length) mask(s, query, last, problem);
    update(state, s, problem.scale, rescale);
    pack(s, weights);
    for (int i = 1; i < blocks; ++i) {
        int now = i % kDepth, before = (i - 1) % kDepth;
        gpu::wait(buffers.k_full[now], unsigned(i) / kDepth % 2);
        take_turn(group);
        multiply_scores(s, q, buffers.k + now * kTile);
        gpu::wait(buffers.v_full[before], unsigned(i - 1) / kDepth % 2);
        multiply_values(out, weights, buffers.v + before * kTile, i > 1);
        pass_turn(group);
        gpu::wgmma_wait<1>();
        release(buffers.k_empty[now]);
        update(state, s, problem.scale, rescale);
        gpu::wgmma_wait<0>();
        release(buffers.v_empty[before]);
#pragma unroll
        for (int j = 0; j < 64; ++j) out[j] *= rescale[slot(j)];
        pack(s, weights);
    }
    int before = (blocks - 1) % kDepth;
    gpu::wait(buffers.v_full[before], unsigned(blocks - 1) / kDepth % 2);
    multiply_values(out, weights, buffers.v + before * kTile, blocks > 1);
    gpu::wgmma_wait<0>();
    store(out, state, o, query, problem.length);
    if (group == 0) take_turn(0);  // the other's last pass must not stay open
}

__global__ void __launch_bounds__(kThreads, 1)
    attention_kernel(const __grid_constant__ Maps maps, bf16* __restrict__ o, Problem problem) {
    extern __shared__ uint4 shared_bytes[];
    __shared__ gpu::Barrier barriers[1 + 4 * kDepth];
    unsigned skipped = -gpu::shared_address(shared_bytes) % 1024;
    bf16* tiles = reinterpret_cast<bf16*>(reinterpret_cast<char*>(shared_bytes) + skipped);
    Buffers buffers{tiles, tiles + kTile, tiles + (1 + kDepth) * kTile, barriers, barriers + 1,
                    barriers + 1 + kDepth, barriers + 1 + 2 * kDepth, barriers + 1 + 3 * kDepth};
    if (threadIdx.x == 0) {
        gpu::init(*buffers.q_full, 1);
        for (int s = 0; s < kDepth; ++s) {
            gpu::init(buffers.k_full[s], 1);
            gpu::init(buffers.v_full[s], 1);
            gpu::init(buffers.k_empty[s], kConsumers * gpu::kWarpgroup / 32);
            gpu::init(buffers.v_empty[s], kConsumers * gpu::kWarpgroup / 32);
        }
        gpu::fence_barriers();
    }
    __syncthreads();
    // Later queries see more keys when causal: start with the longest work.
    unsigned block = problem.causal ? gridDim.x - 1 - blockIdx.x : blockIdx.x, first = block * kRows;
    unsigned end = problem.causal ? min(problem.length, first + kRows) : problem.length;
    int blocks = int((end + kKeys - 1) / kKeys);
    if (threadIdx.x < gpu::kWarpgroup) {
        gpu::give_registers<24>();
        if (threadIdx.x == 0) produce(buffers, maps, int(first), blocks, int(blockIdx.y));
    } else {
        gpu::take_registers<240>();
        consume(buffers, o + size_t(blockIdx.y) * problem.length * kDim, first, blocks, problem);
    }
}

#else

__global__ void attention_kernel(const __grid_constant__ Maps, bf16*, Problem) {}

#endif

}  // namespace wgmma

#endif
