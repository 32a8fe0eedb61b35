// What the lanes of a wave tell one another: votes, lane masks, shuffles, synchronisation, sums.
// Waves of 32 and of 64 lanes; the references are plain loops over the lanes.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common warp.cu -o warp && ./warp
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common warp.cu -lamdhip64 -o warp
//
// --size is the number of waves (votes, branch, shuffle, exchange) or of float32 elements (sum).
#include <array>

#include "harness.h"

constexpr int kMostLanes = 64, kThreads = 256;

static bool predicate(uint64_t seed, size_t i) { return gpu::random_bits(seed, i) & 1; }

__device__ inline size_t global_thread() { return size_t(blockIdx.x) * blockDim.x + threadIdx.x; }

// ---- wave size -------------------------------------------------------------------------------
// The compiled constant must be the hardware's: every mask in the suite depends on it.
__global__ void wave_size_kernel(unsigned long long* out) {
    out[0] = gpu::kWaveSize;
    out[1] = sizeof(gpu::lane_mask) * 8;
}

static void run_size(gpu::Program& program) {
    gpu::DeviceArray<unsigned long long> out(2);
    out.poison();
    wave_size_kernel<<<1, 1>>>(out.data());
    GPU_CHECK_LAUNCH();
    auto got = out.download();
    gpu::Result r("size", {{"lanes", double(got[0])}, {"mask_bits", double(got[1])}});
    r.exact(size_t(got[0] != unsigned(program.device.wave_size)) + size_t(got[1] < got[0]));
    program.report(r);
}

// ---- votes by a whole wave -------------------------------------------------------------------
constexpr int kVoteFields = 5;

__global__ void votes_kernel(uint64_t seed, unsigned long long* out) {
    size_t i = global_thread();
    bool p = gpu::random_bits(seed, i) & 1;
    gpu::lane_mask votes = gpu::ballot(gpu::kFullMask, p);
    unsigned long long* o = out + i * kVoteFields;
    o[0] = votes;
    o[1] = gpu::any(gpu::kFullMask, p) + 2 * gpu::all(gpu::kFullMask, p);
    o[2] = gpu::any(gpu::kFullMask, false) + 2 * gpu::all(gpu::kFullMask, true);
    o[3] = gpu::popcount(votes & gpu::lanes_below());
    o[4] = unsigned(gpu::first_lane(votes) + 1);
}

static void votes_reference(uint64_t seed, size_t first, int lanes, unsigned long long* out) {
    unsigned long long votes = 0;
    int rank = 0, lowest = 0;
    for (int l = lanes - 1; l >= 0; --l)
        if (predicate(seed, first + l)) votes |= 1ull << l, lowest = l + 1;
    unsigned long long whole = lanes == 64 ? ~0ull : (1ull << lanes) - 1;
    for (int l = 0; l < lanes; ++l) {
        unsigned long long* o = out + size_t(l) * kVoteFields;
        o[0] = votes;
        o[1] = unsigned(votes != 0) + 2 * unsigned(votes == whole);
        o[2] = 2;
        o[3] = unsigned(rank);
        o[4] = unsigned(lowest);
        rank += predicate(seed, first + l);
    }
}

// ---- votes by the lanes that took a branch ---------------------------------------------------
constexpr int kBranchFields = 4;

__global__ void branch_kernel(uint64_t seed, unsigned long long* out) {
    size_t i = global_thread();
    bool taken = gpu::random_bits(seed, i) & 1, p = gpu::random_bits(seed + 1, i) & 1;
    gpu::lane_mask mine = gpu::ballot(gpu::kFullMask, taken);
    unsigned long long* o = out + i * kBranchFields;
    if (taken) {
        o[0] = gpu::ballot(mine, p);
        o[1] = gpu::any(mine, p) + 2 * gpu::all(mine, p);
        // How many of a mask run together is up to the hardware; never a lane from outside it.
        o[2] = (gpu::active_mask() & ~mine) != 0;
        o[3] = gpu::shfl(mine, unsigned(i), gpu::first_lane(mine));
    } else {
        gpu::lane_mask others = gpu::kFullMask & ~mine;
        o[0] = gpu::ballot(others, p);
        o[1] = gpu::any(others, p) + 2 * gpu::all(others, p);
        o[2] = (gpu::active_mask() & mine) != 0;
        o[3] = gpu::shfl(others, unsigned(i), gpu::first_lane(others));
    }
    gpu::sync_wave();
}

static void branch_reference(uint64_t seed, size_t first, int lanes, unsigned long long* out) {
    for (bool side : {false, true}) {
        unsigned long long members = 0, votes = 0;
        size_t leader = 0;
        for (int l = lanes - 1; l >= 0; --l) {
            if (predicate(seed, first + l) != side) continue;
            members |= 1ull << l;
            leader = first + l;
            if (predicate(seed + 1, first + l)) votes |= 1ull << l;
        }
        for (int l = 0; l < lanes; ++l) {
            if (!(members >> l & 1)) continue;
            unsigned long long* o = out + size_t(l) * kBranchFields;
            o[0] = votes;
            o[1] = unsigned(votes != 0) + 2 * unsigned(votes == members);
            o[2] = 0;
            o[3] = leader;
        }
    }
}

// ---- shuffles --------------------------------------------------------------------------------
constexpr int kShuffleFields = 6, kWidth = 8;

__global__ void shuffle_kernel(uint64_t seed, unsigned long long* out) {
    size_t i = global_thread();
    int lane = gpu::lane_id();
    unsigned v = unsigned(gpu::random_bits(seed, i));
    int from = int(gpu::random_bits(seed + 1, i) % gpu::kWaveSize);
    unsigned long long* o = out + i * kShuffleFields;
    o[0] = gpu::shfl(gpu::kFullMask, v, from);
    o[1] = gpu::shfl_xor(gpu::kFullMask, v, gpu::kWaveSize / 2 + 1);
    o[2] = gpu::shfl_up(gpu::kFullMask, v, 3);      // lanes 0 to 2 keep their own
    o[3] = gpu::shfl_down(gpu::kFullMask, v, 3);    // so do the last three
    o[4] = gpu::shfl(gpu::kFullMask, v, 2, kWidth);  // lane 2 of each group of 8
    o[5] = gpu::shfl_down(gpu::kFullMask, v, 1, kWidth) + unsigned(lane);
}

static void shuffle_reference(uint64_t seed, size_t first, int lanes, unsigned long long* out) {
    auto value = [&](int l) { return unsigned(gpu::random_bits(seed, first + l)); };
    for (int l = 0; l < lanes; ++l) {
        unsigned long long* o = out + size_t(l) * kShuffleFields;
        o[0] = value(int(gpu::random_bits(seed + 1, first + l) % unsigned(lanes)));
        o[1] = value(l ^ (lanes / 2 + 1));
        o[2] = value(l < 3 ? l : l - 3);
        o[3] = value(l + 3 < lanes ? l + 3 : l);
        o[4] = value(l / kWidth * kWidth + 2);
        o[5] = value(l % kWidth == kWidth - 1 ? l : l + 1) + unsigned(l);
    }
}

// ---- exchange through shared memory, ordered by sync_wave alone -------------------------------
constexpr int kRounds = 16;

__global__ void exchange_kernel(uint64_t seed, unsigned long long* out) {
    __shared__ unsigned slots[kThreads];
    size_t i = global_thread();
    int lane = gpu::lane_id();
    unsigned* mine = slots + threadIdx.x / gpu::kWaveSize * gpu::kWaveSize;
    unsigned v = unsigned(gpu::random_bits(seed, i));
    for (int round = 0; round < kRounds; ++round) {
        mine[lane] = v;
        gpu::sync_wave();
        v = v * 3 + mine[(lane + round + 1) % gpu::kWaveSize];
        gpu::sync_wave();
    }
    out[i] = v;
}

static void exchange_reference(uint64_t seed, size_t first, int lanes, unsigned long long* out) {
    std::array<unsigned, kMostLanes> v{}, next{};
    for (int l = 0; l < lanes; ++l) v[l] = unsigned(gpu::random_bits(seed, first + l));
    for (int round = 0; round < kRounds; ++round, v = next)
        for (int l = 0; l < lanes; ++l) next[l] = v[l] * 3 + v[(l + round + 1) % lanes];
    for (int l = 0; l < lanes; ++l) out[l] = v[l];
}

// ---- launcher of the four exact cases --------------------------------------------------------
template <class Kernel, class Reference>
static void run_exact(gpu::Program& program, const char* name, int fields, Kernel kernel,
                      Reference reference) {
    int lanes = program.device.wave_size, per_block = kThreads / lanes;
    size_t blocks = (program.args.size_or(8192, 64) + per_block - 1) / per_block;
    size_t waves = blocks * per_block;
    gpu::DeviceArray<unsigned long long> out(waves * lanes * fields);
    out.poison();
    kernel<<<unsigned(blocks), kThreads>>>(program.args.seed, out.data());
    GPU_CHECK_LAUNCH();
    auto got = out.download();
    std::vector<unsigned long long> want(got.size());
    for (size_t w = 0; w < waves; ++w)
        reference(program.args.seed, w * lanes, lanes, want.data() + w * lanes * fields);
    size_t wrong = 0;
    for (size_t i = 0; i < got.size(); ++i) wrong += got[i] != want[i];
    gpu::Result r(name, {{"waves", double(waves)}, {"lanes", double(lanes)}});
    r.exact(wrong);
    program.report(r);
}

// ---- sum: the wave reduction under load ------------------------------------------------------
constexpr int kSumBlocks = 2048, kUnroll = 4;

__device__ inline float block_sum(float v) {
    __shared__ float partial[kThreads / 32];
    int wave = int(threadIdx.x) / gpu::kWaveSize;
    v = gpu::wave_sum(v);
    if (gpu::lane_id() == 0) partial[wave] = v;
    __syncthreads();
    v = int(threadIdx.x) < kThreads / gpu::kWaveSize ? partial[threadIdx.x] : 0.0f;
    __syncthreads();
    return gpu::wave_sum(v);  // right in the first wave only
}

__global__ void __launch_bounds__(kThreads)
    sum_kernel(const float4* __restrict__ in, size_t vectors, float* __restrict__ partials) {
    float sum = 0;
    size_t step = size_t(gridDim.x) * kThreads;
    size_t i = global_thread();
    for (; i + (kUnroll - 1) * step < vectors; i += kUnroll * step) {
        float4 v[kUnroll];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) v[u] = in[i + u * step];
#pragma unroll
        for (int u = 0; u < kUnroll; ++u) sum += (v[u].x + v[u].y) + (v[u].z + v[u].w);
    }
    for (; i < vectors; i += step) sum += (in[i].x + in[i].y) + (in[i].z + in[i].w);
    sum = block_sum(sum);
    if (threadIdx.x == 0) partials[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(kThreads)
    sum_partials_kernel(const float* __restrict__ partials, float* __restrict__ out) {
    float sum = 0;
    for (int i = int(threadIdx.x); i < kSumBlocks; i += kThreads) sum += partials[i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) *out = sum;
}

static void run_sum(gpu::Program& program) {
    size_t n = gpu::fit(program.args.size_or(size_t{1} << 28, 100000), sizeof(float)) / 4 * 4;
    gpu::DeviceArray<float> in(n), partials(kSumBlocks), out(1);
    gpu::fill_uniform_signed<<<gpu::fill_blocks(n), 256>>>(in.data(), n, program.args.seed);
    GPU_CHECK_LAUNCH();
    partials.poison();
    out.poison();
    auto launch = [&] {
        sum_kernel<<<kSumBlocks, kThreads>>>(reinterpret_cast<const float4*>(in.data()), n / 4,
                                             partials.data());
        sum_partials_kernel<<<1, kThreads>>>(partials.data(), out.data());
    };
    launch();
    GPU_CHECK_LAUNCH();
    double got = out.download()[0], want = 0, magnitude = 0;
    {
        gpu::HostWork host;
        for (size_t i = 0; i < n; ++i) {
            double v = gpu::uniform_signed(program.args.seed, i);
            want += v;
            magnitude += std::fabs(v);
        }
    }
    gpu::Result r("sum", {{"n", double(n)}});
    r.tolerance = 1e-6;  // relative to the sum of magnitudes: the sum itself cancels to near zero
    r.error.max_err = r.error.rel_err = std::fabs(got - want) / magnitude;
    program.report(r, launch);
}

int main(int argc, char** argv) {
    gpu::Program program("warp", argc, argv);
    if (program.wants("size")) run_size(program);
    if (program.wants("votes"))
        run_exact(program, "votes", kVoteFields, votes_kernel, votes_reference);
    if (program.wants("branch"))
        run_exact(program, "branch", kBranchFields, branch_kernel, branch_reference);
    if (program.wants("shuffle"))
        run_exact(program, "shuffle", kShuffleFields, shuffle_kernel, shuffle_reference);
    if (program.wants("exchange"))
        run_exact(program, "exchange", 1, exchange_kernel, exchange_reference);
    if (program.wants("sum")) run_sum(program);
    return program.finish();
}
