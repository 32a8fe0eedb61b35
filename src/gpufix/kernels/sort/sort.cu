// The sorting stage of a tile rasteriser: one (tile, depth) key per tile that a splat touches,
// radix sort, then each tile's range in the sorted list.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common sort.cu -o sort && ./sort
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common sort.cu -lamdhip64 -o sort
//
// --size is the number of splats on a 1920x1080 image of 16x16 tiles; each touches about 11 tiles.
// The sort itself is CUB's or rocPRIM's. All results are integers and must be exact.
#include <cstring>

#include "device_sort.h"
#include "harness.h"

constexpr unsigned kTilesX = 120, kTilesY = 68, kTiles = kTilesX * kTilesY;
constexpr int kTileBits = 13, kThreads = 256;
static_assert(kTiles <= 1u << kTileBits, "tile ids must fit the sorted key bits");

struct Rect {
    unsigned short x0, y0, x1, y1;  // in tiles, x1 and y1 exclusive
};

__host__ __device__ inline unsigned area(Rect r) {
    return unsigned(r.x1 - r.x0) * unsigned(r.y1 - r.y0);
}

// Positive floats sort as their bits do.
__host__ __device__ inline uint64_t make_key(unsigned tile, float depth) {
    uint32_t bits;
    memcpy(&bits, &depth, sizeof bits);
    return uint64_t(tile) << 32 | bits;
}

__host__ __device__ inline unsigned nth_tile(Rect r, unsigned i) {
    unsigned width = r.x1 - r.x0;
    return (r.y0 + i / width) * kTilesX + r.x0 + i % width;
}

// ---- data and references ---------------------------------------------------------------------
struct Scene {
    std::vector<Rect> rects;
    std::vector<float> depths;
};

static Scene make_scene(size_t splats, uint64_t seed) {
    Scene s;
    s.rects.resize(splats);
    s.depths.resize(splats);
    auto draw = [&](uint64_t stream, size_t i, unsigned most) {
        return unsigned(gpu::random_bits(seed + stream, i) >> 33) % most;
    };
    for (size_t i = 0; i < splats; ++i) {
        unsigned x = draw(0, i, kTilesX), y = draw(1, i, kTilesY);
        unsigned w = draw(2, i, 8), h = draw(3, i, 8);  // 0: off screen, touches nothing
        s.rects[i] = {(unsigned short)x, (unsigned short)y,
                      (unsigned short)std::min(x + w, kTilesX),
                      (unsigned short)std::min(y + h, kTilesY)};
        s.depths[i] = 0.2f + 100.0f * gpu::uniform(seed + 4, i);
    }
    return s;
}

struct Instances {
    std::vector<uint64_t> keys;
    std::vector<uint32_t> ids;
};

static Instances duplicate_reference(const Scene& s) {
    Instances out;
    for (size_t i = 0; i < s.rects.size(); ++i)
        for (unsigned t = 0; t < area(s.rects[i]); ++t) {
            out.keys.push_back(make_key(nth_tile(s.rects[i], t), s.depths[i]));
            out.ids.push_back(uint32_t(i));
        }
    return out;
}

static Instances sort_reference(const Instances& in) {
    // Ids ascend in the input: ties by id are ties by position, what a stable sort gives.
    std::vector<std::pair<uint64_t, uint32_t>> pairs(in.keys.size());
    for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = {in.keys[i], in.ids[i]};
    std::sort(pairs.begin(), pairs.end());
    Instances out;
    for (const auto& [key, id] : pairs) {
        out.keys.push_back(key);
        out.ids.push_back(id);
    }
    return out;
}

static std::vector<uint2> ranges_reference(const Instances& sorted) {
    std::vector<uint2> out(kTiles, uint2{0, 0});
    for (uint32_t i = 0; i < sorted.keys.size(); ++i) {
        uint2& range = out[sorted.keys[i] >> 32];
        if (range.y == 0) range.x = i;
        range.y = i + 1;
    }
    return out;
}

// ---- kernels ---------------------------------------------------------------------------------
__global__ void area_kernel(const Rect* __restrict__ rects, unsigned n, unsigned* __restrict__ out) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = area(rects[i]);
}

// A wave takes one splat per lane and writes all their instances side by side: a splat of many
// tiles holds nobody up, and the stores are coalesced. `ends` is the inclusive sum of the areas.
__global__ void __launch_bounds__(kThreads)
    duplicate_kernel(const Rect* __restrict__ rects, const float* __restrict__ depths,
                     const unsigned* __restrict__ ends, unsigned n, uint64_t* __restrict__ keys,
                     uint32_t* __restrict__ ids) {
    unsigned i = blockIdx.x * kThreads + threadIdx.x;
    unsigned first = i - unsigned(gpu::lane_id());
    if (first >= n) return;  // the whole wave
    unsigned mine = i < n ? i : n - 1;
    unsigned begin = first ? ends[first - 1] : 0, end = ends[mine];
    unsigned total = gpu::shfl(gpu::kFullMask, end, gpu::kWaveSize - 1);
    Rect rect = rects[mine];
    unsigned corner = unsigned(rect.y0) * kTilesX + rect.x0, width = rect.x1 - rect.x0;
    float depth = depths[mine];
    for (unsigned base = begin; base < total; base += gpu::kWaveSize) {
        unsigned at = base + unsigned(gpu::lane_id());
        int owner = 0;  // how many splats of the wave end at or before `at`
#pragma unroll
        for (int step = gpu::kWaveSize / 2; step > 0; step /= 2)
            if (gpu::shfl(gpu::kFullMask, end, owner + step - 1) <= at) owner += step;
        unsigned before = gpu::shfl(gpu::kFullMask, end, owner ? owner - 1 : 0);
        unsigned t = at - (owner ? before : begin);
        unsigned w = gpu::shfl(gpu::kFullMask, width, owner);
        unsigned tile = gpu::shfl(gpu::kFullMask, corner, owner);
        float z = gpu::shfl(gpu::kFullMask, depth, owner);
        if (at >= total) continue;
        keys[at] = make_key(tile + t / w * kTilesX + t % w, z);
        ids[at] = first + unsigned(owner);
    }
}

// ranges must be zeroed: a tile without instances keeps (0, 0).
__global__ void ranges_kernel(const uint64_t* __restrict__ keys, unsigned n,
                              uint2* __restrict__ ranges) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    unsigned tile = unsigned(keys[i] >> 32);
    if (i == 0 || tile != unsigned(keys[i - 1] >> 32)) ranges[tile].x = i;
    if (i + 1 == n || tile != unsigned(keys[i + 1] >> 32)) ranges[tile].y = i + 1;
}

// ---- launchers -------------------------------------------------------------------------------
static unsigned blocks_for(size_t n) { return unsigned((n + kThreads - 1) / kThreads); }

struct Pair {
    gpu::DeviceArray<uint64_t> keys;
    gpu::DeviceArray<uint32_t> ids;
    explicit Pair(size_t n) : keys(n), ids(n) { poison(); }
    void poison() { keys.poison(), ids.poison(); }
    size_t mismatches(const Instances& want) const {
        auto k = keys.download();
        auto v = ids.download();
        size_t wrong = 0;
        for (size_t i = 0; i < k.size(); ++i) wrong += k[i] != want.keys[i] || v[i] != want.ids[i];
        return wrong;
    }
};

static void run_duplicate(gpu::Program& program, const Scene& scene, const Instances& want,
                          Pair& out) {
    auto n = unsigned(scene.rects.size());
    gpu::DeviceArray<Rect> rects(scene.rects);
    gpu::DeviceArray<float> depths(scene.depths);
    gpu::DeviceArray<unsigned> areas(n), ends(n);
    size_t temp_bytes = 0;
    gpu::inclusive_sum(nullptr, temp_bytes, areas.data(), ends.data(), n);
    gpu::DeviceArray<char> temp(temp_bytes);
    auto launch = [&] {
        area_kernel<<<blocks_for(n), kThreads>>>(rects.data(), n, areas.data());
        gpu::inclusive_sum(temp.data(), temp_bytes, areas.data(), ends.data(), n);
        duplicate_kernel<<<blocks_for(n), kThreads>>>(rects.data(), depths.data(), ends.data(), n,
                                                      out.keys.data(), out.ids.data());
    };
    launch();
    GPU_CHECK_LAUNCH();
    gpu::Result r("duplicate", {{"splats", double(n)}, {"instances", double(want.keys.size())}});
    r.exact(out.mismatches(want));
    if (program.wants("duplicate")) program.report(r, launch);
}

static void run_sort(gpu::Program& program, const Pair& in, const Instances& want, Pair& out) {
    size_t n = want.keys.size(), temp_bytes = 0;
    int bits = 32 + kTileBits;
    auto sort = [&](void* temp) {
        gpu::sort_pairs(temp, temp_bytes, in.keys.data(), out.keys.data(), in.ids.data(),
                        out.ids.data(), n, 0, bits);
    };
    sort(nullptr);
    gpu::DeviceArray<char> temp(temp_bytes);
    auto launch = [&] { sort(temp.data()); };
    launch();
    GPU_CHECK_LAUNCH();
    gpu::Result r("sort", {{"instances", double(n)}, {"passes", double((bits + 7) / 8)}});
    r.exact(out.mismatches(want));
    if (program.wants("sort")) program.report(r, launch);
}

static void run_ranges(gpu::Program& program, const Pair& sorted, const Instances& reference) {
    size_t n = reference.keys.size();
    gpu::DeviceArray<uint2> ranges(kTiles);
    auto launch = [&] {
        ranges_kernel<<<blocks_for(n), kThreads>>>(sorted.keys.data(), unsigned(n), ranges.data());
    };
    ranges.zero();
    launch();
    GPU_CHECK_LAUNCH();
    auto got = ranges.download();
    auto want = ranges_reference(reference);
    size_t wrong = 0;
    for (size_t t = 0; t < kTiles; ++t) wrong += got[t].x != want[t].x || got[t].y != want[t].y;
    gpu::Result r("ranges", {{"instances", double(n)}, {"tiles", double(kTiles)}});
    r.exact(wrong);
    if (program.wants("ranges")) program.report(r, launch);
}

int main(int argc, char** argv) {
    gpu::Program program("sort", argc, argv);
    size_t splats = gpu::fit(program.args.size_or(1000000, 5000), 12 * 24 * 2);
    Scene scene;
    Instances unsorted, sorted;
    {
        gpu::HostWork host;
        scene = make_scene(splats, program.args.seed);
        unsorted = duplicate_reference(scene);
        sorted = sort_reference(unsorted);
    }
    Pair a(unsorted.keys.size()), b(unsorted.keys.size());
    run_duplicate(program, scene, unsorted, a);
    run_sort(program, a, sorted, b);
    run_ranges(program, b, sorted);
    return program.finish();
}
