// A triangle rasteriser in software: setup, binning, coarse, fine.
//
// Vertices are (x, y) in pixels and a depth; a pixel's centre is at (i + 0.5, j + 0.5). x and y are
// snapped to 1/256 pixel, and from there coverage is exact integer arithmetic with the top-left
// rule: of triangles that share an edge, exactly one owns a pixel on it. Both windings are drawn.
// The nearest depth wins, the lowest triangle index among equals, so the result does not depend on
// any order of execution and bins may be filled with atomics. Triangles with an index out of range,
// a coordinate beyond 16384 pixels or one that is not finite are left out.
//
// Nothing relies on lanes running in step: threads meet at block barriers, and lanes of a wave only
// through votes and shuffles that every lane reaches.
#pragma once

#include <cstdint>

#include "../common/double_buffer_sort.h"

namespace gpufix_raster {

constexpr int kSubpixel = 256, kHalf = kSubpixel / 2;
constexpr float kGuard = 16384.0f;
constexpr int kTile = 16, kBin = 64, kBinTiles = kBin / kTile;
constexpr int kThreads = 256;

struct Mesh {
    const float* vertices;  // vertex_count x 3
    const int* triangles;   // triangle_count x 3
    int vertex_count, triangle_count;
};

struct Target {
    int width, height;  // at most 16384
    __host__ __device__ int bins_x() const { return (width + kBin - 1) / kBin; }
    __host__ __device__ int bins_y() const { return (height + kBin - 1) / kBin; }
    __host__ __device__ int bins() const { return bins_x() * bins_y(); }
};

// Snapped and wound so that its area is positive; flipped: vertices 1 and 2 were exchanged.
struct Triangle {
    int x[3], y[3];
    float z[3];
    int first_x, first_y, last_x, last_y;  // pixels whose centres its box holds; empty: last < first
    int flipped, unused[2];
};

__device__ inline long long edge(int ax, int ay, int bx, int by, int px, int py) {
    return (long long)(bx - ax) * (py - ay) - (long long)(by - ay) * (px - ax);
}

// One edge as a test on pixels: inside means value(i, j) >= 0 for the pixel i right and j below the
// origin. Zero on the edge counts for top and left edges only, hence the -1; a whole pixel is 256
// units, so dividing by it with rounding down keeps the sign exact and the numbers in 32 bits.
struct EdgeTest {
    int at_origin, step_x, step_y;
    __device__ int value(int i, int j) const { return at_origin + step_x * i + step_y * j; }
    // The largest value over a square of pixels.
    __device__ int most(int size) const {
        return at_origin + (step_x > 0 ? step_x * (size - 1) : 0) + (step_y > 0 ? step_y * (size - 1) : 0);
    }
};

__device__ inline EdgeTest edge_test(const Triangle& t, int i, int origin_x, int origin_y) {
    int j = i == 2 ? 0 : i + 1, dx = t.x[j] - t.x[i], dy = t.y[j] - t.y[i];
    long long e = edge(t.x[i], t.y[i], t.x[j], t.y[j], origin_x * kSubpixel + kHalf, origin_y * kSubpixel + kHalf);
    bool owned = dy < 0 || (dy == 0 && dx > 0);
    e = (owned ? e : e - 1) >> 8;
    constexpr long long kFar = 1 << 30;  // beyond, 64 pixels of steps (below 2^30) cannot turn the sign
    e = e > kFar ? kFar : e < -kFar ? -kFar : e;
    return {int(e), -dy, dx};
}

// Whether the square may hold a covered pixel: no edge has all of it outside.
__device__ inline bool reaches(const Triangle& t, int x, int y, int size) {
    if (t.first_x >= x + size || t.last_x < x || t.first_y >= y + size || t.last_y < y) return false;
#pragma unroll
    for (int i = 0; i < 3; ++i)
        if (edge_test(t, i, x, y).most(size) < 0) return false;
    return true;
}

// ---- setup -----------------------------------------------------------------------------------
__device__ inline bool load_triangle(const Mesh& mesh, const Target& target, int index, Triangle& t) {
#pragma unroll
    for (int i = 0; i < 3; ++i) {
        int at = mesh.triangles[3 * size_t(index) + i];
        if (at < 0 || at >= mesh.vertex_count) return false;
        const float* v = mesh.vertices + 3 * size_t(at);
        if (!(fabsf(v[0]) <= kGuard && fabsf(v[1]) <= kGuard && fabsf(v[2]) < INFINITY)) return false;
        t.x[i] = int(rintf(v[0] * kSubpixel));
        t.y[i] = int(rintf(v[1] * kSubpixel));
        t.z[i] = v[2];
    }
    long long area = edge(t.x[0], t.y[0], t.x[1], t.y[1], t.x[2], t.y[2]);
    if (area == 0) return false;
    t.flipped = area < 0;
    if (t.flipped) {
        int x = t.x[1], y = t.y[1];
        float z = t.z[1];
        t.x[1] = t.x[2], t.y[1] = t.y[2], t.z[1] = t.z[2];
        t.x[2] = x, t.y[2] = y, t.z[2] = z;
    }
    t.first_x = max(0, (min(t.x[0], min(t.x[1], t.x[2])) - kHalf + kSubpixel - 1) >> 8);
    t.first_y = max(0, (min(t.y[0], min(t.y[1], t.y[2])) - kHalf + kSubpixel - 1) >> 8);
    t.last_x = min(target.width - 1, (max(t.x[0], max(t.x[1], t.x[2])) - kHalf) >> 8);
    t.last_y = min(target.height - 1, (max(t.y[0], max(t.y[1], t.y[2])) - kHalf) >> 8);
    return t.first_x <= t.last_x && t.first_y <= t.last_y;
}

template <class Visit>
__device__ inline void for_each_bin(const Triangle& t, const Target& target, Visit visit) {
    if (t.last_x < t.first_x) return;
    int left = t.first_x / kBin, right = t.last_x / kBin;
    for (int y = t.first_y / kBin; y <= t.last_y / kBin; ++y)
        for (int x = left; x <= right; ++x)
            if (reaches(t, x * kBin, y * kBin, kBin)) visit(y * target.bins_x() + x);
}

// Adds to counters[bin] for each lane with a bin of 0 or more, one atomic for all lanes of a wave
// with the same bin, since neighbouring triangles mostly share one. Returns what each lane's own
// atomic would have. Every lane of the wave must come here.
__device__ inline uint32_t add_together(uint32_t* counters, int bin) {
    uint32_t before = 0;
    gpu::lane_mask waiting = gpu::ballot(gpu::kFullMask, bin >= 0);
    while (waiting) {
        int leader = gpu::first_lane(waiting), its = gpu::shfl(gpu::kFullMask, bin, leader);
        gpu::lane_mask same = gpu::ballot(gpu::kFullMask, bin == its);
        uint32_t begin = 0;
        if (gpu::lane_id() == leader) begin = atomicAdd(counters + its, uint32_t(gpu::popcount(same)));
        begin = gpu::shfl(gpu::kFullMask, begin, leader);
        if (bin == its) before = begin + uint32_t(gpu::popcount(same & gpu::lanes_below()));
        waiting &= ~same;
    }
    return before;
}

static __global__ void __launch_bounds__(kThreads)
    setup_kernel(const Mesh mesh, const Target target, Triangle* triangles, uint32_t* bin_count, unsigned long long* total) {
    int i = int(blockIdx.x * kThreads + threadIdx.x), first = -1;
    Triangle t = {};
    if (i >= mesh.triangle_count || !load_triangle(mesh, target, i, t)) {
        t = {};
        t.last_x = -1;
    }
    if (i < mesh.triangle_count) triangles[i] = t;
    unsigned long long count = 0;
    for_each_bin(t, target, [&](int bin) {
        if (count++ == 0) first = bin;
        else atomicAdd(bin_count + bin, 1u);
    });
    add_together(bin_count, first);
    count = gpu::wave_sum(count);
    if (gpu::lane_id() == 0 && count) atomicAdd(total, count);
}

// ---- binning ---------------------------------------------------------------------------------
// `filled` starts at zero and ends as the counts again.
static __global__ void __launch_bounds__(kThreads)
    bin_kernel(const Target target, const Triangle* triangles, int n, const uint32_t* end, const uint32_t* count,
               uint32_t* filled, uint32_t* list) {
    int i = int(blockIdx.x * kThreads + threadIdx.x), first = -1;
    if (i < n) {
        bool more = false;
        for_each_bin(triangles[i], target, [&](int bin) {
            if (more) list[end[bin] - count[bin] + atomicAdd(filled + bin, 1u)] = uint32_t(i);
            else first = bin;
            more = true;
        });
    }
    uint32_t at = add_together(filled, first);
    if (first >= 0) list[end[first] - count[first] + at] = uint32_t(i);
}

// ---- coarse ----------------------------------------------------------------------------------
// A block a bin: which of the bin's 4 x 4 tiles each of its triangles reaches, one bit a tile.
static __global__ void __launch_bounds__(kThreads)
    coarse_kernel(const Target target, const Triangle* triangles, const uint32_t* end, const uint32_t* count,
                  const uint32_t* list, uint16_t* masks) {
    int bin = int(blockIdx.x), x = bin % target.bins_x() * kBin, y = bin / target.bins_x() * kBin;
    for (uint32_t k = end[bin] - count[bin] + threadIdx.x; k < end[bin]; k += kThreads) {
        const Triangle t = triangles[list[k]];
        unsigned mask = 0;
        for (int tile = 0; tile < kBinTiles * kBinTiles; ++tile)
            if (reaches(t, x + tile % kBinTiles * kTile, y + tile / kBinTiles * kTile, kTile)) mask |= 1u << tile;
        masks[k] = uint16_t(mask);
    }
}

// ---- fine ------------------------------------------------------------------------------------
struct Sample {
    float depth, weight1, weight2;  // of vertices 1 and 2 of the wound triangle; 0 has the rest
};

// Every operation is rounded on its own or fused by name: the same bits on any device.
__device__ inline Sample sample(const Triangle& t, int x, int y) {
    int px = x * kSubpixel + kHalf, py = y * kSubpixel + kHalf;
    float inverse = 1.0f / float(edge(t.x[0], t.y[0], t.x[1], t.y[1], t.x[2], t.y[2]));
    float b1 = float(edge(t.x[2], t.y[2], t.x[0], t.y[0], px, py)) * inverse;
    float b2 = float(edge(t.x[0], t.y[0], t.x[1], t.y[1], px, py)) * inverse;
    return {fmaf(b2, t.z[2] - t.z[0], fmaf(b1, t.z[1] - t.z[0], t.z[0])), b1, b2};
}

struct Output {
    int* triangle;        // -1 where nothing is
    float* depth;         // infinite there
    float* barycentrics;  // 2 a pixel: the weights of vertices 1 and 2 as given; 0 there
};

struct Nearest {
    int triangle = -1;
    float depth = INFINITY;
    __device__ void offer(const Triangle* triangles, int index, int x, int y) {
        float z = sample(triangles[index], x, y).depth;
        if (triangle >= 0 && !(z < depth || (z == depth && index < triangle))) return;
        depth = z;
        triangle = index;
    }
    __device__ void store(const Triangle* triangles, const Target& target, int x, int y, const Output& out) const {
        if (x >= target.width || y >= target.height) return;
        Sample s = {INFINITY, 0, 0};
        bool flipped = false;
        if (triangle >= 0) {
            s = sample(triangles[triangle], x, y);
            flipped = triangles[triangle].flipped;
        }
        size_t at = size_t(y) * target.width + x;
        out.triangle[at] = triangle;
        out.depth[at] = s.depth;
        out.barycentrics[2 * at] = flipped ? s.weight2 : s.weight1;
        out.barycentrics[2 * at + 1] = flipped ? s.weight1 : s.weight2;
    }
};

// Triangles that a tile's block has picked, ready for its pixels.
struct Picked {
    EdgeTest tests[2 * kThreads][3];
    int index[2 * kThreads];
    int count;
};

// Threads look through the bin's list for the tile's triangles until at least kThreads are picked
// (or the list ends): the pixels then have long runs between barriers. Returns where to go on.
__device__ inline uint32_t pick(Picked& picked, const Triangle* triangles, const uint32_t* list, const uint16_t* masks,
                                uint32_t at, uint32_t end, int tile, int left, int top) {
    if (threadIdx.x == 0) picked.count = 0;
    __syncthreads();
    for (bool room = true; room && at < end; at += kThreads) {
        uint32_t mine = at + threadIdx.x;
        if (mine < end && masks[mine] >> tile & 1) {
            int slot = atomicAdd(&picked.count, 1);
            picked.index[slot] = int(list[mine]);
            const Triangle t = triangles[list[mine]];
#pragma unroll
            for (int e = 0; e < 3; ++e) picked.tests[slot][e] = edge_test(t, e, left, top);
        }
        __syncthreads();
        room = picked.count <= kThreads;
        __syncthreads();
    }
    return at;
}

// A block a tile, a thread a pixel.
static __global__ void __launch_bounds__(kThreads)
    fine_kernel(const Target target, const Triangle* triangles, const uint32_t* end, const uint32_t* count,
                const uint32_t* list, const uint16_t* masks, const Output out) {
    __shared__ Picked picked;
    int bin = int(blockIdx.x) / (kBinTiles * kBinTiles), tile = int(blockIdx.x) % (kBinTiles * kBinTiles);
    int left = bin % target.bins_x() * kBin + tile % kBinTiles * kTile;
    int top = bin / target.bins_x() * kBin + tile / kBinTiles * kTile;
    int i = int(threadIdx.x) % kTile, j = int(threadIdx.x) / kTile;
    bool real = left + i < target.width && top + j < target.height;
    Nearest nearest;
    for (uint32_t at = end[bin] - count[bin]; at < end[bin];) {
        at = pick(picked, triangles, list, masks, at, end[bin], tile, left, top);
        for (int slot = 0; real && slot < picked.count; ++slot) {
            const EdgeTest(&t)[3] = picked.tests[slot];
            if ((t[0].value(i, j) | t[1].value(i, j) | t[2].value(i, j)) >= 0)
                nearest.offer(triangles, picked.index[slot], left + i, top + j);
        }
        __syncthreads();
    }
    nearest.store(triangles, target, left + i, top + j, out);
}

// ---- launchers -------------------------------------------------------------------------------
struct Carver {
    char* base;
    size_t used = 0;
    template <class T>
    T* take(size_t count) {
        T* p = base ? reinterpret_cast<T*>(base + used) : nullptr;
        used += (count * sizeof(T) + 255) / 256 * 256;
        return p;
    }
};

struct SetupSpace {
    Triangle* triangles;
    uint32_t *bin_count, *bin_end, *bin_filled;
    unsigned long long* total;
    char* temp;
    size_t scan_bytes = 0, bytes;
    SetupSpace(void* base, int n, const Target& target) {
        Carver c{static_cast<char*>(base)};
        triangles = c.take<Triangle>(n);
        bin_count = c.take<uint32_t>(target.bins()), bin_end = c.take<uint32_t>(target.bins());
        bin_filled = c.take<uint32_t>(target.bins());
        total = c.take<unsigned long long>(1);
        (void)gpu::prefix_sum(nullptr, scan_bytes, bin_count, bin_end, target.bins(), nullptr);
        temp = c.take<char>(scan_bytes);
        bytes = c.used;
    }
};

struct ListSpace {
    uint32_t* list;
    uint16_t* masks;
    size_t bytes;
    ListSpace(void* base, uint32_t pairs) {
        Carver c{static_cast<char*>(base)};
        list = c.take<uint32_t>(pairs);
        masks = c.take<uint16_t>(pairs);
        bytes = c.used;
    }
};

inline size_t setup_bytes(int triangle_count, const Target& t) { return SetupSpace(nullptr, triangle_count, t).bytes; }
inline size_t list_bytes(uint32_t pairs) { return ListSpace(nullptr, pairs).bytes; }
inline unsigned grid(long long n) { return unsigned((n + kThreads - 1) / kThreads); }

inline bool sound(const Mesh& m, const Target& t) {
    return m.vertex_count >= 0 && m.triangle_count >= 0 && t.width > 0 && t.height > 0 && t.width <= 16384 &&
           t.height <= 16384;
}

// Setup and counting; waits for the device to learn how many (bin, triangle) pairs there are, by
// which the caller sizes the list's workspace.
inline gpuError_t prepare(const Mesh& m, const Target& t, void* setup_space, uint32_t* pairs, gpuStream_t stream) {
    *pairs = 0;
    if (!sound(m, t)) return GPUFIX_RT(ErrorInvalidValue);
    if (m.triangle_count == 0) return gpuSuccess;
    SetupSpace w(setup_space, m.triangle_count, t);
    gpuError_t status = gpuMemsetAsync(w.bin_count, 0, sizeof(uint32_t) * t.bins(), stream);
    if (status == gpuSuccess) status = gpuMemsetAsync(w.total, 0, sizeof *w.total, stream);
    if (status != gpuSuccess) return status;
    setup_kernel<<<grid(m.triangle_count), kThreads, 0, stream>>>(m, t, w.triangles, w.bin_count, w.total);
    status = gpu::prefix_sum(w.temp, w.scan_bytes, w.bin_count, w.bin_end, t.bins(), stream);
    if (status != gpuSuccess) return status;
    unsigned long long total = 0;
    status = gpuMemcpyAsync(&total, w.total, sizeof total, gpuMemcpyDeviceToHost, stream);
    if (status == gpuSuccess) status = gpuStreamSynchronize(stream);
    if (status == gpuSuccess && total > 0x7fffffffull) status = GPUFIX_RT(ErrorInvalidValue);
    *pairs = uint32_t(total);
    return status;
}

inline gpuError_t rasterise(const Mesh& m, const Target& t, void* setup_space, void* list_space, uint32_t pairs,
                            const Output& out, gpuStream_t stream) {
    SetupSpace w(setup_space, m.triangle_count, t);
    ListSpace l(list_space, pairs);
    const size_t bytes = sizeof(uint32_t) * t.bins();
    gpuError_t status = gpuMemsetAsync(pairs ? w.bin_filled : w.bin_count, 0, bytes, stream);
    if (!pairs && status == gpuSuccess) status = gpuMemsetAsync(w.bin_end, 0, bytes, stream);
    if (status != gpuSuccess) return status;
    if (pairs) {
        bin_kernel<<<grid(m.triangle_count), kThreads, 0, stream>>>(
            t, w.triangles, m.triangle_count, w.bin_end, w.bin_count, w.bin_filled, l.list);
        coarse_kernel<<<t.bins(), kThreads, 0, stream>>>(t, w.triangles, w.bin_end, w.bin_count, l.list, l.masks);
    }
    fine_kernel<<<t.bins() * kBinTiles * kBinTiles, kThreads, 0, stream>>>(
        t, w.triangles, w.bin_end, w.bin_count, l.list, l.masks, out);
    return gpuGetLastError();
}

}  // namespace gpufix_raster
