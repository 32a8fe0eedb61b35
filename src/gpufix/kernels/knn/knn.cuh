// Exact mean squared distance of each point to its 3 nearest others.
//
// Points are sorted along a Morton curve and cut into leaves of 8; boxes around 8, 8*32, 8*32^2, ...
// consecutive points form a tree that needs no pointers. A wave takes as many consecutive points as
// it has lanes and walks the tree once for all of them: lanes test a node's children at once against
// the wave's own box, then a child is entered when some lane's own point still needs it. A lane's
// test and its distances round the same way, so pruning never loses a neighbour.
//
// Coordinates must be finite. With fewer than 4 points the mean is over the others there are (0 for
// a lone point). At most 2^28 points.
#pragma once

#include <cmath>
#include <cstdint>

#include "../common/double_buffer_sort.h"

namespace gpufix_knn {

constexpr int kNeighbours = 3;
constexpr int kLeaf = 8, kFanout = 32, kLevels = 6;  // leaves are level 0; level 5 is one root
constexpr long long kMaxPoints = 1LL << 28;          // kLeaf * kFanout^5
constexpr int kAxisBits = 21;
constexpr int kSearchThreads = 128;

// ---- Morton keys -----------------------------------------------------------------------------
struct Frame {
    double low[3], scale;
};

constexpr int kSamples = 1024;

__device__ inline void sort_samples(float* v) {
    for (int size = 2; size <= kSamples; size *= 2)
        for (int stride = size / 2; stride > 0; stride /= 2) {
            __syncthreads();
            int i = threadIdx.x, j = i ^ stride;
            if (j > i && (v[i] > v[j]) == ((i & size) == 0)) {
                float t = v[i];
                v[i] = v[j];
                v[j] = t;
            }
        }
    __syncthreads();
}

// The cube that the Morton grid covers: four times the range of the middle 97% of a sample, so that
// a few points far away do not squeeze all others into one cell. Points outside go to its border.
static __global__ void __launch_bounds__(kSamples)
    frame_kernel(const float* points, long long n, Frame* frame) {
    __shared__ float v[kSamples];
    int count = n < kSamples ? int(n) : kSamples, tail = count / 64;
    double low[3], extent = 0;
    for (int axis = 0; axis < 3; ++axis) {
        long long at = n * threadIdx.x / kSamples;
        if (n < kSamples) at = threadIdx.x;
        __syncthreads();
        v[threadIdx.x] = at < n ? points[3 * at + axis] : INFINITY;
        sort_samples(v);
        double a = v[tail], b = v[count - 1 - tail], margin = 1.5 * (b - a);
        if (a == b) a = v[0], b = v[count - 1], margin = 0;
        low[axis] = a - margin;
        extent = fmax(extent, b - a + 2 * margin);
    }
    if (threadIdx.x) return;
    for (int axis = 0; axis < 3; ++axis) frame->low[axis] = low[axis];
    frame->scale = extent > 0 ? double(1 << kAxisBits) / extent : 0;
}

__device__ inline uint64_t spread(uint64_t x) {  // bit i to bit 3i
    x = (x | x << 32) & 0x001f00000000ffffull;
    x = (x | x << 16) & 0x001f0000ff0000ffull;
    x = (x | x << 8) & 0x100f00f00f00f00full;
    x = (x | x << 4) & 0x10c30c30c30c30c3ull;
    return (x | x << 2) & 0x1249249249249249ull;
}

static __global__ void __launch_bounds__(256)
    key_kernel(const float* points, long long n, const Frame* frame, uint64_t* keys, uint32_t* ids) {
    long long i = blockIdx.x * 256LL + threadIdx.x;
    if (i >= n) return;
    uint64_t key = 0;
    for (int axis = 0; axis < 3; ++axis) {
        double cell = (points[3 * i + axis] - frame->low[axis]) * frame->scale;
        cell = fmin(fmax(cell, 0.0), double((1 << kAxisBits) - 1));
        key |= spread(uint64_t(cell)) << axis;
    }
    keys[i] = key;
    ids[i] = uint32_t(i);
}

// ---- tree ------------------------------------------------------------------------------------
struct Box {
    float4 low, high;  // w unused
};

struct Tree {
    const float4* points;  // in Morton order, padded to whole leaves; w: the point's index, as bits
    const Box* boxes[kLevels];
    int count[kLevels];
    int n;
};

__device__ inline Box empty_box() {
    return {{INFINITY, INFINITY, INFINITY, 0}, {-INFINITY, -INFINITY, -INFINITY, 0}};
}

// The union over groups of kWidth lanes.
template <int kWidth>
__device__ inline Box merge_lanes(Box b) {
#pragma unroll
    for (int o = kWidth / 2; o > 0; o /= 2) {
        b.low.x = fminf(b.low.x, gpu::shfl_xor(gpu::kFullMask, b.low.x, o));
        b.low.y = fminf(b.low.y, gpu::shfl_xor(gpu::kFullMask, b.low.y, o));
        b.low.z = fminf(b.low.z, gpu::shfl_xor(gpu::kFullMask, b.low.z, o));
        b.high.x = fmaxf(b.high.x, gpu::shfl_xor(gpu::kFullMask, b.high.x, o));
        b.high.y = fmaxf(b.high.y, gpu::shfl_xor(gpu::kFullMask, b.high.y, o));
        b.high.z = fmaxf(b.high.z, gpu::shfl_xor(gpu::kFullMask, b.high.z, o));
    }
    return b;
}

static __global__ void __launch_bounds__(256)
    leaf_kernel(const float* in, const uint32_t* ids, int n, int leaves, float4* points, Box* boxes) {
    int i = int(blockIdx.x * 256 + threadIdx.x);
    Box b = empty_box();
    float4 p = {INFINITY, INFINITY, INFINITY, 0};
    if (i < n) {
        uint32_t id = ids[i];
        p = {in[3 * size_t(id)], in[3 * size_t(id) + 1], in[3 * size_t(id) + 2], __uint_as_float(id)};
        b = {p, p};
    }
    if (i < leaves * kLeaf) points[i] = p;
    b = merge_lanes<kLeaf>(b);
    if (i % kLeaf == 0 && i / kLeaf < leaves) boxes[i / kLeaf] = b;
}

static __global__ void __launch_bounds__(256)
    parent_kernel(const Box* children, int count, Box* parents, int parent_count) {
    int i = int(blockIdx.x * 256 + threadIdx.x);
    Box b = merge_lanes<kFanout>(i < count ? children[i] : empty_box());
    if (i % kFanout == 0 && i / kFanout < parent_count) parents[i / kFanout] = b;
}

// ---- search ----------------------------------------------------------------------------------
// Fixed fused order: with monotone rounding, a box's distance is never above that of a point in it.
__device__ inline float norm2(float x, float y, float z) { return fmaf(x, x, fmaf(y, y, z * z)); }

__device__ inline float gap(const float4& low, const float4& high, const Box& b) {
    float x = fmaxf(fmaxf(b.low.x - high.x, low.x - b.high.x), 0.0f);
    float y = fmaxf(fmaxf(b.low.y - high.y, low.y - b.high.y), 0.0f);
    float z = fmaxf(fmaxf(b.low.z - high.z, low.z - b.high.z), 0.0f);
    return norm2(x, y, z);
}

struct Search {
    const Tree& tree;
    float4 point;       // this lane's
    Box group;          // around all lanes' points
    int own, own_end;   // leaves that hold the wave's own points, and one more on each side
    float best[3];      // ascending; below zero when the lane has no point

    __device__ void offer(float d) {
        if (d >= best[2]) return;
        best[2] = fminf(best[2], fmaxf(best[1], d));
        best[1] = fminf(best[1], fmaxf(best[0], d));
        best[0] = fminf(best[0], d);
    }
    __device__ float distance(const float4& p) const {
        return norm2(p.x - point.x, p.y - point.y, p.z - point.z);
    }
    __device__ void scan_own(int self) {
        for (int i = own * kLeaf; i < own_end * kLeaf; ++i) {
            float d = distance(tree.points[i]);
            if (i != self) offer(d);
        }
    }
    __device__ void scan(int leaf) {
        if (leaf >= own && leaf < own_end) return;
        const float4* p = tree.points + size_t(leaf) * kLeaf;
        float d[kLeaf];
#pragma unroll
        for (int i = 0; i < kLeaf; ++i) d[i] = distance(p[i]);
#pragma unroll
        for (int i = 0; i < kLeaf; ++i) offer(d[i]);
    }
    // Which children of `node` of level kLevel + 1 come within reach of the wave.
    template <int kLevel>
    __device__ gpu::lane_mask reachable(int node) const {
        float reach = gpu::wave_max(best[2]);
        int lane = gpu::lane_id(), child = node * kFanout + lane;
        bool near = false;
        if (lane < kFanout && child < tree.count[kLevel])
            near = gap(group.low, group.high, tree.boxes[kLevel][child]) < reach;
        return gpu::ballot(gpu::kFullMask, near);
    }
    template <int kLevel>
    __device__ __forceinline__ void visit(int node) {
        if constexpr (kLevel == 0) {
            scan(node);
        } else {
            gpu::lane_mask open = reachable<kLevel - 1>(node);
            while (open) {
                int child = node * kFanout + gpu::first_lane(open);
                open &= open - 1;
                bool wanted = gap(point, point, tree.boxes[kLevel - 1][child]) < best[2];
                if (gpu::any(gpu::kFullMask, wanted)) visit<kLevel - 1>(child);
            }
        }
    }
};

static __global__ void __launch_bounds__(kSearchThreads) search_kernel(const Tree tree, float* mean) {
    int self = int(blockIdx.x * kSearchThreads + threadIdx.x);
    int wave_begin = self - gpu::lane_id();
    if (wave_begin >= tree.n) return;  // whole waves only: votes and shuffles need every lane
    bool real = self < tree.n;
    float4 point = tree.points[real ? self : tree.n - 1];
    // A leaf more on each side: where the curve jumps within the wave's points, the few beyond the
    // jump find near points at once, instead of walking half of the tree with a wide reach.
    int own = wave_begin / kLeaf - 1, own_end = own + gpu::kWaveSize / kLeaf + 2;
    if (own < 0) own = 0;
    if (own_end > tree.count[0]) own_end = tree.count[0];
    float start = real ? INFINITY : -1.0f;
    Search search{tree, point, merge_lanes<gpu::kWaveSize>({point, point}), own, own_end,
                  {start, start, start}};
    search.scan_own(self);
    search.visit<kLevels - 1>(0);
    if (!real) return;
    int found = tree.n - 1 < kNeighbours ? tree.n - 1 : kNeighbours;
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kNeighbours; ++i)  // constant indices keep the three in registers
        if (i < found) sum += search.best[i];
    mean[__float_as_uint(point.w)] = found ? sum / float(found) : 0.0f;
}

// ---- launcher --------------------------------------------------------------------------------
struct Layout {
    size_t frame, keys, ids, boxes[kLevels], sort, sort_bytes, total;
    int count[kLevels];
};

// Where things lie in the workspace: about 28 bytes a point. The sorted points take the place of
// the keys, which nobody needs by then.
inline gpuError_t lay_out(long long n, Layout& at) {
    size_t used = 0;
    auto take = [&used](size_t bytes) {
        size_t begin = used;
        used += (bytes + 255) / 256 * 256;
        return begin;
    };
    at.frame = take(sizeof(Frame));
    size_t padded = size_t(n + kLeaf - 1) / kLeaf * kLeaf;
    at.keys = take(padded * sizeof(float4));
    at.ids = take(padded * 2 * sizeof(uint32_t));
    size_t count = padded / kLeaf;
    for (int level = 0; level < kLevels; ++level) {
        at.count[level] = int(count);
        at.boxes[level] = take(count * sizeof(Box));
        count = (count + kFanout - 1) / kFanout;
    }
    gpu::Pair2<uint64_t> keys{nullptr, nullptr};
    gpu::Pair2<uint32_t> ids{nullptr, nullptr};
    at.sort_bytes = 0;
    gpuError_t status = gpu::sort_double_buffer(nullptr, at.sort_bytes, keys, ids, int(n), 0,
                                                3 * kAxisBits, nullptr);
    at.sort = take(at.sort_bytes);
    at.total = used;
    return status;
}

// Bytes that mean_distance needs for n points; 0 when n is out of range.
inline size_t workspace_bytes(long long n) {
    Layout at;
    return n < 1 || n > kMaxPoints || lay_out(n, at) != gpuSuccess ? 0 : at.total;
}

inline unsigned blocks_for(long long n, int threads) { return unsigned((n + threads - 1) / threads); }

inline void build(const float* points, long long n, const Layout& at, char* base,
                  const uint32_t* ids, gpuStream_t stream) {
    auto boxes = [&](int level) { return reinterpret_cast<Box*>(base + at.boxes[level]); };
    leaf_kernel<<<blocks_for(at.count[0] * (long long)kLeaf, 256), 256, 0, stream>>>(
        points, ids, int(n), at.count[0], reinterpret_cast<float4*>(base + at.keys), boxes(0));
    for (int level = 1; level < kLevels; ++level)
        parent_kernel<<<blocks_for((long long)at.count[level] * kFanout, 256), 256, 0, stream>>>(
            boxes(level - 1), at.count[level - 1], boxes(level), at.count[level]);
}

// points: n x 3 float32; mean: n float32. Nothing is read back: safe to capture in a graph.
inline gpuError_t mean_distance(const float* points, long long n, float* mean, void* workspace,
                                gpuStream_t stream) {
    if (n == 0) return gpuSuccess;
    Layout at;
    if (n < 0 || n > kMaxPoints) return GPUFIX_RT(ErrorInvalidValue);
    gpuError_t status = lay_out(n, at);
    if (status != gpuSuccess) return status;
    char* base = static_cast<char*>(workspace);
    auto* frame = reinterpret_cast<Frame*>(base + at.frame);
    auto* key = reinterpret_cast<uint64_t*>(base + at.keys);
    auto* id = reinterpret_cast<uint32_t*>(base + at.ids);
    gpu::Pair2<uint64_t> keys{key, key + n};
    gpu::Pair2<uint32_t> ids{id, id + n};
    frame_kernel<<<1, kSamples, 0, stream>>>(points, n, frame);
    key_kernel<<<blocks_for(n, 256), 256, 0, stream>>>(points, n, frame, keys.now, ids.now);
    status = gpu::sort_double_buffer(base + at.sort, at.sort_bytes, keys, ids, int(n), 0,
                                     3 * kAxisBits, stream);
    if (status != gpuSuccess) return status;
    build(points, n, at, base, ids.now, stream);
    Tree tree{reinterpret_cast<const float4*>(base + at.keys), {}, {}, int(n)};
    for (int level = 0; level < kLevels; ++level) {
        tree.boxes[level] = reinterpret_cast<const Box*>(base + at.boxes[level]);
        tree.count[level] = at.count[level];
    }
    search_kernel<<<blocks_for(n, kSearchThreads), kSearchThreads, 0, stream>>>(tree, mean);
    return gpuGetLastError();
}

}  // namespace gpufix_knn
