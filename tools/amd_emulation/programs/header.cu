// The header that `gpufix fix` writes for HIP builds (SRC607), against CUDA's definitions: 12 fields
// of 128 threads, warps of 32 lanes, whatever a wavefront has. On CUDA the header is empty, and this
// checks the reference below.
#include "harness.h"

#include "gpufix_hip_compat.h"

constexpr int kThreads = 128, kWarp = 32, kFields = 12;
constexpr unsigned kAll = 0xffffffffu;

struct Draw {  // of one thread; lanes and distances in range and out of it
    unsigned value;
    int lane;
    unsigned delta;
    bool vote, side;
};

__host__ __device__ inline Draw draw(uint64_t seed, unsigned thread) {
    uint64_t bits = gpu::random_bits(seed, thread);
    return {unsigned(bits), int(bits >> 32 & 255) - 128, unsigned(bits >> 40 & 127),
            (bits >> 48 & 1) != 0, (bits >> 49 & 1) != 0};
}

// ---- kernel ----------------------------------------------------------------------------------
__global__ void header_kernel(uint64_t seed, unsigned long long* out) {
    __shared__ unsigned slots[kThreads];
    __shared__ unsigned sum, most;
    unsigned thread = threadIdx.x, warp = thread / kWarp * kWarp, lane = thread % kWarp;
    Draw own = draw(seed, thread);
    unsigned v = own.value;
    unsigned long long* o = out + size_t(thread) * kFields;
    if (thread == 0) sum = most = 0;
    __syncthreads();
    unsigned members = __ballot_sync(kAll, own.side);
    o[0] = members;
    o[1] = unsigned(__any_sync(kAll, own.vote) != 0) + 2u * unsigned(__all_sync(kAll, own.vote) != 0);
    if (own.side) {
        o[2] = (__activemask() & ~members) != 0;
        o[3] = __ballot_sync(members, own.vote);
        o[4] = __shfl_sync(members, v, __ffs(int(members)) - 1);
    } else {
        o[2] = (__activemask() & members) != 0;
        o[3] = __ballot_sync(~members, own.vote);
        o[4] = __shfl_sync(~members, v, __ffs(int(~members)) - 1);
    }
    __syncwarp();
    o[5] = __shfl_sync(kAll, v, own.lane);
    o[6] = __shfl_sync(kAll, v, own.lane, 8);
    o[7] = __shfl_up_sync(kAll, v, own.delta, 16);
    o[8] = __shfl_down_sync(kAll, v, own.delta, 8);
    o[9] = __shfl_xor_sync(kAll, v, int(own.delta), 16);
    double wide = __shfl_xor_sync(kAll, double(v), 5);
    o[9] += static_cast<unsigned long long>(wide) << 32;
    slots[thread] = v;
    __syncwarp();
    o[10] = slots[warp + (lane + 7) % kWarp];
    atomicAdd_block(&sum, v);
    atomicMax_block(&most, v);
    __syncthreads();
    o[11] = (static_cast<unsigned long long>(most) << 32) + sum;
}

// ---- reference: PTX ISA, vote.sync and shfl.sync ----------------------------------------------
static void reference(uint64_t seed, std::vector<unsigned long long>& out) {
    unsigned sum = 0, most = 0;
    for (unsigned t = 0; t < kThreads; ++t) {
        unsigned v = draw(seed, t).value;
        sum += v;
        most = v > most ? v : most;
    }
    for (unsigned t = 0; t < kThreads; ++t) {
        unsigned warp = t / kWarp * kWarp, votes = 0, members = 0, mine = 0;
        int lane = int(t % kWarp);
        auto value = [&](int l) { return draw(seed, warp + unsigned(l)).value; };
        Draw own = draw(seed, t);
        int leader = kWarp;
        for (int l = kWarp - 1; l >= 0; --l) {
            Draw d = draw(seed, warp + unsigned(l));
            votes |= unsigned(d.vote) << l;
            members |= unsigned(d.side) << l;
            mine |= unsigned(d.vote && d.side == own.side) << l;
            if (d.side == own.side) leader = l;
        }
        int by = int(own.delta % kWarp);
        auto group = [&](int width) { return lane & -width; };
        unsigned long long* o = out.data() + size_t(t) * kFields;
        o[0] = members;
        o[1] = unsigned(votes != 0) + 2u * unsigned(votes == kAll);
        o[2] = 0;
        o[3] = mine;
        o[4] = value(leader);
        o[5] = value(own.lane & 31);
        o[6] = value(group(8) + (own.lane & 7));
        o[7] = value(lane - by < group(16) ? lane : lane - by);
        o[8] = value(lane + by > group(8) + 7 ? lane : lane + by);
        o[9] = value((lane ^ by) > group(16) + 15 ? lane : lane ^ by);
        o[9] += static_cast<unsigned long long>(value(lane ^ 5)) << 32;
        o[10] = value((lane + 7) % kWarp);
        o[11] = (static_cast<unsigned long long>(most) << 32) + sum;
    }
}

int main(int argc, char** argv) {
    gpu::Program program("header", argc, argv);
    const char* names[kFields] = {"ballot", "any and all", "active mask", "ballot in a branch",
                                  "shuffle in a branch", "shuffle", "shuffle in groups of 8", "up", "down",
                                  "xor, and of doubles", "syncwarp", "block atomics"};
    gpu::DeviceArray<unsigned long long> out(size_t(kThreads) * kFields);
    out.poison();
    header_kernel<<<1, kThreads>>>(program.args.seed, out.data());
    GPU_CHECK_LAUNCH();
    auto got = out.download();
    std::vector<unsigned long long> want(got.size());
    reference(program.args.seed, want);
    for (int f = 0; f < kFields; ++f) {
        if (!program.wants(names[f])) continue;
        size_t wrong = 0;
        for (size_t t = 0; t < kThreads; ++t) wrong += got[t * kFields + f] != want[t * kFields + f];
        gpu::Result r(names[f], {{"threads", double(kThreads)}});
        r.exact(wrong);
        program.report(r);
    }
    return program.finish();
}
