// Which tiles a splat reaches, the list of (tile, splat) in tile and depth order, and each tile's part.
#pragma once

#include "splat_types.cuh"

namespace gpufix_splat {

constexpr int kTileThreads = 256;
constexpr uint32_t kNoRoom = 0xffffffff;  // the end of a tile's range where the list had no room

// A rectangle of tiles, past its last ones.
struct Tiles {
    int x0, y0, x1, y1;
};

__device__ inline Tiles all_tiles(const Camera& c) { return {0, 0, c.tiles_x(), c.tiles_y()}; }

// The tiles that diff_gaussian_rasterization lists for a radius. Its pixels have their centres at
// whole numbers, and it looks from the first tile that the square begins in to the last that ends
// less than a pixel before the square does.
__device__ inline Tiles box_tiles(const Camera& c, float x, float y, int radius) {
    auto tile = [](float v, int most) { return int(fminf(fmaxf(v * (1.0f / kTile), 0.0f), float(most))); };
    float r = float(radius), px = x - 0.5f, py = y - 0.5f, end = float(kTile - 1);
    return {tile(px - r, c.tiles_x()), tile(py - r, c.tiles_y()), tile(px + r + end, c.tiles_x()),
            tile(py + r + end, c.tiles_y())};
}

// Where a splat's alpha reaches 1/255, slightly widened, so that neither rounding nor the fast unit loses a
// pixel. Relative to its middle. Counting tiles and writing them must agree to the bit: no product is left
// for a compiler to fuse with a sum or not.
struct Ellipse {
    float height, slope, reach2, right_y;  // slope: of the line through its top and its bottom

    __device__ explicit Ellipse(const Splat& s) {
        const float by_a = gpu::reciprocal_fast(s.a), half_b = -0.5f * s.b;
        height = fmaf(s.half_height, 1.0001f, 1e-3f);
        slope = half_b * by_a;
        reach2 = fmaf((s.log2_opacity + kLog2Of255) * by_a, 1.0002f, 1e-5f);
        right_y = half_b * gpu::reciprocal_fast(s.c) * fmaf(s.half_width, 1.0001f, 1e-3f);
    }

    // How far it goes at the pixel centres of a row of tiles that begins at `y`; whether it comes there.
    __device__ bool span(float y, float* left, float* right) const {
        float top = fmaxf(y + 0.5f, -height), bottom = fminf(y + (kTile - 0.5f), height);
        float yr = fminf(fmaxf(right_y, top), bottom), yl = fminf(fmaxf(-right_y, top), bottom);
        const float by_height = gpu::reciprocal_fast(height);
        float tr = yr * by_height, tl = yl * by_height;
        *right = fmaf(slope, yr, gpu::sqrt_fast(fmaxf(reach2 * fmaf(-tr, tr, 1.0f), 0.0f))) + 1e-2f;
        *left = fmaf(slope, yl, -gpu::sqrt_fast(fmaxf(reach2 * fmaf(-tl, tl, 1.0f), 0.0f))) - 1e-2f;
        return top <= bottom;
    }
};

// Calls visit(tile row, first tile, past the last) for each row of tiles, among those given, with a pixel
// centre inside the ellipse. The ellipse, and not its box: long diagonal splats reach few of the tiles in
// their box.
template <class Visit>
__device__ inline void for_each_tile_row(const Splat& s, const Tiles& within, Visit visit) {
    const Ellipse ellipse(s);
    auto clamped = [](float v, int least, int most) { return int(fminf(fmaxf(v, float(least)), float(most))); };
    auto first_tile = [&](float from, int least, int most) {  // the first with a pixel centre at or after `from`
        return clamped(ceilf((from - (kTile - 0.5f)) * (1.0f / kTile)), least, most);
    };
    auto past_tile = [&](float to, int least, int most) {  // one past the last with a pixel centre at or before `to`
        return clamped(floorf((to - 0.5f) * (1.0f / kTile)) + 1, least, most);
    };
    const int last = past_tile(s.y + ellipse.height, within.y0, within.y1);
    for (int row = first_tile(s.y - ellipse.height, within.y0, within.y1); row < last; ++row) {
        float left, right;
        (void)ellipse.span(float(row * kTile) - s.y, &left, &right);
        int begin = first_tile(s.x + left, within.x0, within.x1), end = past_tile(s.x + right, within.x0, within.x1);
        if (begin < end) visit(row, begin, end);
    }
}

static __global__ void __launch_bounds__(kTileThreads)
    gather_counts_kernel(const uint32_t* ids, const uint32_t* count, int n, uint32_t* out) {
    int i = int(blockIdx.x * kTileThreads + threadIdx.x);
    if (i < n) out[i] = count[ids[i]];
}

__device__ inline Splat load_splat(const Splat* splats, uint32_t id) {
    const auto* from = reinterpret_cast<const float4*>(splats + id);
    float4 p = from[0], q = from[1];
    return {p.x, p.y, p.z, p.w, q.x, q.y, q.z, q.w, 0, 0, 0, 0};
}

constexpr uint32_t kManyTiles = 64;  // beyond it, a wave writes one splat's tiles together
constexpr uint32_t kWindow = 512;    // entries of the list that a wave gathers before it writes them

// A part of the list on its way from a wave's lanes to memory: each lane's entries lie in a row, and
// would be written to as many places as there are lanes.
struct Window {
    uint32_t tile[kWindow], id[kWindow];
};

// One lane's splat: its entries are list[begin] to list[begin + count - 1]. All lanes of a wave come here.
template <class EachTile>
__device__ inline void write_windows(Window& w, uint32_t begin, uint32_t count, uint32_t id, EachTile each_tile,
                                     uint32_t* tiles, uint32_t* values) {
    const uint32_t first = gpu::shfl(gpu::kFullMask, begin, 0);
    const uint32_t total = gpu::wave_max(count ? begin + count : first) - first;
    for (uint32_t from = 0; from < total; from += kWindow) {
        uint32_t at = begin - first - from;  // in the window when it is less than kWindow
        if (count && begin - first < from + kWindow && begin - first + count > from)
            each_tile([&](uint32_t tile) {
                if (at < kWindow) w.tile[at] = tile, w.id[at] = id;
                ++at;
            });
        gpu::sync_wave();
        for (uint32_t k = gpu::lane_id(); k < min(kWindow, total - from); k += gpu::kWaveSize) {
            tiles[first + from + k] = w.tile[k];
            values[first + from + k] = w.id[k];
        }
        gpu::sync_wave();
    }
}

// How many entries the list has room for, and how many there are: on the device, where the host has not
// waited for it; null where it has, and there is room for all.
struct Room {
    uint32_t entries;
    const unsigned long long* total;

    __device__ bool lacks() const { return total && *total > entries; }
};

// In depth order, so that a stable sort by tile alone leaves each tile's splats in depth order.
// `end` is the running sum of the counts. kBoxed: within the tiles of each one's radius. Room that is
// left goes to a tile behind the last.
template <bool kBoxed>
__global__ void __launch_bounds__(kTileThreads)
    expand_kernel(const Camera c, const Splat* splats, const uint32_t* ids, const uint32_t* end, int n,
                  const int* radii, const Room room, uint32_t* tiles, uint32_t* values) {
    if (room.lacks()) return;
    if (room.total)
        for (size_t k = *room.total + blockIdx.x * kTileThreads + threadIdx.x; k < room.entries;
             k += size_t(gridDim.x) * kTileThreads) {
            tiles[k] = uint32_t(c.tiles());
            values[k] = 0;
        }
    auto within = [&](const Splat& s, uint32_t id) {
        return kBoxed ? box_tiles(c, s.x, s.y, radii[id]) : all_tiles(c);
    };
    int i = int(blockIdx.x * kTileThreads + threadIdx.x);
    uint32_t begin = 0, count = 0, id = 0;
    if (i < n) {
        begin = i ? end[i - 1] : 0;
        count = end[i] - begin;
        id = ids[i];
    }
    Splat s{};
    if (count && count <= kManyTiles) s = load_splat(splats, id);
    auto each_tile = [&](auto visit) {
        for_each_tile_row(s, within(s, id), [&](int row, int first, int last) {
            for (int x = first; x < last; ++x) visit(uint32_t(row * c.tiles_x() + x));
        });
    };
    gpu::lane_mask large = gpu::ballot(gpu::kFullMask, count > kManyTiles);
    if (!large) {
        __shared__ Window windows[kTileThreads / 32];
        write_windows(windows[threadIdx.x / gpu::kWaveSize], begin, count, id, each_tile, tiles, values);
        return;
    }
    if (count && count <= kManyTiles) {
        uint32_t at = begin;
        each_tile([&](uint32_t tile) {
            tiles[at] = tile;
            values[at++] = id;
        });
    }
    for (; large; large &= large - 1) {
        int owner = gpu::first_lane(large);
        uint32_t at = gpu::shfl(gpu::kFullMask, begin, owner), its = gpu::shfl(gpu::kFullMask, id, owner);
        const Splat one = load_splat(splats, its);
        for_each_tile_row(one, within(one, its), [&](int row, int first, int last) {
            for (int x = first + gpu::lane_id(); x < last; x += gpu::kWaveSize) {
                tiles[at + (x - first)] = uint32_t(row * c.tiles_x() + x);
                values[at + (x - first)] = its;
            }
            at += uint32_t(last - first);
        });
    }
}

constexpr uint32_t kRangeEntries = 4;  // a thread's

// ranges[t] = [begin, end) of tile t in the sorted list; zeroed before, for tiles without splats.
static __global__ void __launch_bounds__(kTileThreads)
    ranges_kernel(const uint32_t* tiles, const Room room, int tile_count, uint2* ranges) {
    const uint32_t thread = blockIdx.x * kTileThreads + threadIdx.x, first = thread * kRangeEntries;
    if (room.lacks()) {
        for (uint32_t t = thread; t < uint32_t(tile_count); t += gridDim.x * kTileThreads) ranges[t] = {0, kNoRoom};
        return;
    }
    if (first >= room.entries) return;
    const uint32_t none = 0xffffffff;
    const uint4 four = *reinterpret_cast<const uint4*>(tiles + first);  // there is room for whole ones
    const uint32_t tile[] = {first ? tiles[first - 1] : none, four.x, four.y, four.z, four.w};
#pragma unroll
    for (uint32_t k = 0; k < kRangeEntries; ++k) {
        const uint32_t at = first + k, before = tile[k], here = at < room.entries ? tile[k + 1] : none;
        if (at > room.entries || here == before) continue;
        if (before < uint32_t(tile_count)) ranges[before].y = at;
        if (here < uint32_t(tile_count)) ranges[here].x = at;
    }
    // The last tile's end, where the entries fill the last thread's four.
    if (first + kRangeEntries == room.entries && four.w < uint32_t(tile_count)) ranges[four.w].y = room.entries;
}

}  // namespace gpufix_splat
