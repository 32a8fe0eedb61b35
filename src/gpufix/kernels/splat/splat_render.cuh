// Alpha compositing of each tile's splats, front to back, and its gradient.
//
// A block is one tile; a thread has four pixels of one column, so that a splat's terms in dx are
// computed once for them, and 32 threads cover 8 x 16 pixels in four compact rows of 8 x 4. The
// gradient walks the list in the same order with the same arithmetic: with the color still to come
// known from the image, nothing per pixel needs to be kept from the forward pass. Four pixels are
// summed in registers before 32 threads reduce, and only then memory is touched, once per group. Whoever
// loads a splat tells which groups it reaches, so that a group never looks at the others.
//
// Both kernels are templates of a Task: what is rendered beside the color, where the background comes
// from, and what the gradient does where alpha is clamped. ColorTask is the rasteriser's own.
#pragma once

#include <type_traits>

#include "splat_tiles.cuh"

namespace gpufix_splat {

constexpr int kRenderThreads = 64, kPixels = 4, kGroup = 32;
constexpr int kGroups = kRenderThreads / kGroup, kGroupWidth = kTile / kGroups;

// A batch of splats on its way from memory to all threads of the block.
struct Batch {
    float4 shape[kRenderThreads];   // x, y, a, b
    float4 shade[kRenderThreads];   // c, log2 opacity, red, green
    float4 rest[kRenderThreads];    // blue, inverse depth, the bits of the Gaussian's number
    gpu::lane_mask reached[kGroups][kRenderThreads / gpu::kWaveSize];  // by group, a bit a splat
};

struct ColorTask {
    static constexpr bool kDepth = false, kThroughClamp = false;
    static constexpr int kSums = kMoments;

    __device__ float background(const Camera& c, int channel) const { return c.background[channel]; }
    __device__ void store(size_t, size_t, const float (&)[3], float) const {}
    __device__ float depth_gradient(size_t) const { return 0; }
    __device__ float depth(size_t) const { return 0; }
};

// What the render kernels read: each tile's part of the list; or, where the list had no room, all
// Gaussians by depth, of which a tile takes those that it would have listed.
struct Source {
    const Splat* splats;
    const uint32_t* list;
    const uint2* ranges;
    const uint32_t *order, *count;
    const int* radii;  // null: drawn beyond box_tiles()
    uint32_t n;
};

// Loads a tile's splats, kRenderThreads at a time.
struct Loader {
    const Source& from;
    const Camera& camera;
    bool whole;  // looks through all Gaussians
    uint32_t begin, end;  // of what is not loaded yet
    bool there = false;
    uint32_t id = 0;
    float4 p{}, q{}, r{};

    __device__ Loader(const Source& source, const Camera& c) : from(source), camera(c) {
        const uint2 range = source.ranges[blockIdx.y * gridDim.x + blockIdx.x];
        whole = range.y == kNoRoom;
        begin = range.x;
        end = whole ? source.n : range.y;
        fetch();
    }
    __device__ void fetch() {
        const uint32_t at = begin + threadIdx.x;
        there = at < end;
        begin += kRenderThreads;
        if (!there) return;
        id = whole ? from.order[at] : from.list[at];
        there = !whole || from.count[id] != 0;
        if (!there) return;
        const auto* splat = reinterpret_cast<const float4*>(from.splats + id);
        p = splat[0], q = splat[1], r = splat[2];
        if (whole && from.radii) there = holds(box_tiles(camera, p.x, p.y, from.radii[id]));
    }
    __device__ bool holds(const Tiles& box) const {
        const int x = int(blockIdx.x), y = int(blockIdx.y);
        return box.x0 <= x && x < box.x1 && box.y0 <= y && y < box.y1;
    }
    // All threads of the block come here; the batch is there for all after a barrier.
    __device__ void deposit(Batch& batch) const {
        batch.shape[threadIdx.x] = p;
        batch.shade[threadIdx.x] = {q.x, q.y, r.x, r.y};
        batch.rest[threadIdx.x] = {r.z, r.w, __uint_as_float(id), 0};
        float left, right;  // the ellipse's ends within the tile's height
        const Ellipse ellipse({p.x, p.y, p.z, p.w, q.x, q.y, q.z, q.w, 0, 0, 0, 0});
        const bool some = there && ellipse.span(float(blockIdx.y * kTile) - p.y, &left, &right);
        const float edge = p.x - float(blockIdx.x * kTile);
#pragma unroll
        for (int g = 0; g < kGroups; ++g) {
            const float first = float(g * kGroupWidth) + 0.5f, last = first + float(kGroupWidth - 1);
            const auto mask = gpu::ballot(gpu::kFullMask, some && edge + right >= first && edge + left <= last);
            if (gpu::lane_id() == 0) batch.reached[g][threadIdx.x / gpu::kWaveSize] = mask;
        }
    }
};

// Calls visit(j) for each splat of the batch that reaches this thread's group.
template <class Visit>
__device__ inline void for_each_reached(const Batch& batch, Visit visit) {
#pragma unroll 1
    for (int w = 0; w < kRenderThreads / gpu::kWaveSize; ++w) {
        // Told by the group's first lane, so that the compiler knows that it is the same for all.
        auto left = gpu::shfl(gpu::kFullMask, batch.reached[threadIdx.x / kGroup][w], 0, kGroup);
        for (; left; left &= left - 1) visit(w * gpu::kWaveSize + gpu::first_lane(left));
    }
}

constexpr float kMiddle = 6;  // from a thread's first pixel down to the middle of its four

// One thread's four pixels: (x, y), (x, y + 4), (x, y + 8), (x, y + 12).
struct Pixels {
    int x, y, width, height;
    float transmittance[kPixels];
    float least[kPixels];  // the smallest exponent that counts: infinite once the pixel is finished

    __device__ explicit Pixels(const Camera& c) : width(c.width), height(c.height) {
        int lane = int(threadIdx.x) % kGroup;
        x = int(blockIdx.x) * kTile + int(threadIdx.x) / kGroup * kGroupWidth + lane % 8;
        y = int(blockIdx.y) * kTile + lane / 8;
#pragma unroll
        for (int i = 0; i < kPixels; ++i) {
            transmittance[i] = 1;
            least[i] = inside(i) ? -kLog2Of255 : INFINITY;
        }
    }
    __device__ bool inside(int i) const { return x < width && y + 4 * i < height; }
    __device__ size_t offset(int i) const { return size_t(y + 4 * i) * width + x; }
    __device__ bool finished() const {
        return fminf(fminf(least[0], least[1]), fminf(least[2], least[3])) == INFINITY;
    }
    // log2 of alpha before clamping; returns whether any pixel may take it.
    __device__ bool exponents(const float4& shape, const float4& shade, float (&e)[kPixels], float* dx, float* dy) const {
        *dx = x + 0.5f - shape.x;
        *dy = y + 0.5f - shape.y;
        float base = fmaf(-shape.z * *dx, *dx, shade.y), mixed = shape.w * *dx;
        bool some = false;
#pragma unroll
        for (int i = 0; i < kPixels; ++i) {
            float d = *dy + 4 * i;
            e[i] = fmaf(-d, fmaf(shade.x, d, mixed), base);
            some = some || e[i] >= least[i];
        }
        return some;
    }
    // Whether the pixel takes this splat, and the transmittance behind it; else the pixel ends before it.
    __device__ bool takes(int i, float alpha, float* behind) {
        *behind = fmaf(-alpha, transmittance[i], transmittance[i]);
        const bool goes_on = *behind >= kTransmittanceMin;
        least[i] = goes_on ? least[i] : INFINITY;
        return goes_on;
    }
};

// Calls visit(batch, j) for each splat that reaches this thread's group, front to back, until the
// tile's pixels are finished.
template <class Visit>
__device__ inline void walk(const Source& from, const Camera& c, const Pixels& px, Visit visit) {
    __shared__ Batch batch;
    Loader loader(from, c);
    for (uint32_t begin = loader.begin - kRenderThreads; begin < loader.end; begin += kRenderThreads) {
        if (__syncthreads_and(px.finished())) break;
        loader.deposit(batch);
        __syncthreads();
        loader.fetch();
        if (gpu::all(gpu::kFullMask, px.finished())) continue;
        for_each_reached(batch, [&](int j) { visit(batch, j); });
    }
}

template <class Task>
__global__ void __launch_bounds__(kRenderThreads)
    render_kernel(const Camera c, const Source from, float* image, const Task task) {
    Pixels px(c);
    float color[kPixels][3] = {}, depth[kPixels] = {};
    walk(from, c, px, [&](const Batch& batch, int j) {
        const float4 shape = batch.shape[j], shade = batch.shade[j];
        float e[kPixels], dx, dy;
        if (!px.exponents(shape, shade, e, &dx, &dy)) return;
        const float4 rest = batch.rest[j];
#pragma unroll
        for (int i = 0; i < kPixels; ++i) {
            if (!(e[i] >= px.least[i])) continue;
            float alpha = fminf(gpu::exp2_fast(e[i]), kAlphaMax), behind;
            if (!px.takes(i, alpha, &behind)) continue;
            float weight = alpha * px.transmittance[i];
            color[i][0] = fmaf(weight, shade.z, color[i][0]);
            color[i][1] = fmaf(weight, shade.w, color[i][1]);
            color[i][2] = fmaf(weight, rest.x, color[i][2]);
            if constexpr (Task::kDepth) depth[i] = fmaf(weight, rest.y, depth[i]);
            px.transmittance[i] = behind;
        }
    });
    const size_t plane = size_t(c.width) * c.height;
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
        if (!px.inside(i)) continue;
        for (int k = 0; k < 3; ++k) {
            color[i][k] = fmaf(px.transmittance[i], task.background(c, k), color[i][k]);
            image[k * plane + px.offset(i)] = color[i][k];
        }
        task.store(plane, px.offset(i), color[i], depth[i]);
    }
}

// ---- gradient --------------------------------------------------------------------------------
// What one thread's four pixels add to a splat's moments: v, v dy, v dy^2, and the color's gradient, then
// that of the inverse depth where it is rendered. dx is the same for all four.
template <int kSums>
struct Sums {
    static constexpr bool kDepth = kSums > kMoments;
    float v, vy, vyy, color[3], depth;

    // Which moment a lane is left with: v, v dx, v dx^2 in the first eight lanes; then v dy, v dx dy, v dy^2;
    // the colors; the depth. -1: none.
    __device__ static int moment() {
        const int lane = int(threadIdx.x) % kGroup, part = lane & 2 ? 2 : lane / 4 % 2;
        if (lane & 1 || (lane & 6) == 6) return -1;
        if (lane < 8) return part + part / 2;
        if (lane < 16) return 2 + part + (part + 1) / 2;
        if (lane < 24) return 6 + part;
        return kDepth && lane == 24 ? kMoments : -1;
    }

    // The sum over the group's 32 lanes of this lane's moment. Eight columns of four lanes: an exchange
    // halves the values that a lane still holds, and dx comes in once a column is summed. Ten shuffles,
    // where nine butterflies take 45.
    __device__ float over_group(float dx) const {
        const int lane = int(threadIdx.x) % kGroup, role = lane / 8;
        float k[3];
#pragma unroll
        for (int i = 0; i < 3; ++i) {
            const float geometry = i == 0 ? v : i == 1 ? vy : vyy;
            k[i] = (lane & 16 ? color[i] : geometry) +
                   gpu::shfl_xor(gpu::kFullMask, lane & 16 ? geometry : color[i], 16);
            k[i] += gpu::shfl_xor(gpu::kFullMask, k[i], 8);
        }
        const float first = role == 1 ? k[1] : k[0];
        const float second = role < 2 ? first * dx : k[1];
        float third = role == 0 ? second * dx : k[2];
        float sum = (lane & 4 ? second : first) + gpu::shfl_xor(gpu::kFullMask, lane & 4 ? first : second, 4);
        third += gpu::shfl_xor(gpu::kFullMask, third, 4);
        sum = (lane & 2 ? third : sum) + gpu::shfl_xor(gpu::kFullMask, lane & 2 ? sum : third, 2);
        sum += gpu::shfl_xor(gpu::kFullMask, sum, 1);
        if constexpr (kDepth) {
            float all = depth;
#pragma unroll
            for (int o = 16; o > 0; o /= 2) all += gpu::shfl_xor(gpu::kFullMask, all, o);
            if (role == 3) sum = all;
        }
        return sum;
    }
};

template <class Task>
struct PixelGradients {
    float color[kPixels][3];  // the loss by the pixel
    float depth[kPixels];     // and by its inverse depth
    float remaining[kPixels]; // what lies behind, times those

    __device__ PixelGradients(const Pixels& px, const float* image, const float* gradient, const Task& task) {
        const size_t plane = size_t(px.width) * px.height;
#pragma unroll
        for (int i = 0; i < kPixels; ++i) {
            remaining[i] = 0;
            for (int k = 0; k < 3; ++k) {
                size_t at = k * plane + px.offset(i);
                color[i][k] = px.inside(i) ? gradient[at] : 0;
                remaining[i] = fmaf(color[i][k], px.inside(i) ? image[at] : 0, remaining[i]);
            }
            if constexpr (Task::kDepth) {
                depth[i] = px.inside(i) ? task.depth_gradient(px.offset(i)) : 0;
                remaining[i] = fmaf(depth[i], px.inside(i) ? task.depth(px.offset(i)) : 0, remaining[i]);
            }
        }
    }
};

// One splat's sums over this thread's pixels, of which `e` are the exponents.
template <class Task>
__device__ inline Sums<Task::kSums> sum_pixels(Pixels& px, PixelGradients<Task>& g, const float4& shade,
                                               const float4& rest, const float (&e)[kPixels], float dy) {
    Sums<Task::kSums> s{};
    float rows = 0, rows2 = 0;  // v times the pixel's row, counted from the middle, and times its square
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
        if (!(e[i] >= px.least[i])) continue;
        float raw = gpu::exp2_fast(e[i]), alpha = fminf(raw, kAlphaMax), behind;
        if (!px.takes(i, alpha, &behind)) continue;
        float weight = alpha * px.transmittance[i];
        float along = fmaf(g.color[i][0], shade.z, fmaf(g.color[i][1], shade.w, g.color[i][2] * rest.x));
#pragma unroll
        for (int k = 0; k < 3; ++k) s.color[k] = fmaf(weight, g.color[i][k], s.color[k]);
        if constexpr (Task::kDepth) {
            along = fmaf(g.depth[i], rest.y, along);
            s.depth = fmaf(weight, g.depth[i], s.depth);
        }
        g.remaining[i] = fmaf(-weight, along, g.remaining[i]);
        float by_exponent = fmaf(weight, along, -alpha * (g.remaining[i] * gpu::reciprocal_fast(1 - alpha)));
        // Clamped: alpha does not depend on the splat, unless the gradient is to pass all the same.
        if (raw > kAlphaMax) by_exponent = Task::kThroughClamp ? by_exponent * raw * (1 / kAlphaMax) : 0;
        const float row = 4 * i - kMiddle;
        s.v += by_exponent;
        rows = fmaf(row, by_exponent, rows);
        rows2 = fmaf(row * row, by_exponent, rows2);
        px.transmittance[i] = behind;
    }
    const float middle = dy + kMiddle;
    s.vy = fmaf(middle, s.v, rows);
    s.vyy = fmaf(middle, s.vy + rows, rows2);
    return s;
}

template <class Task>
__global__ void GPUFIX_LAUNCH_BOUNDS(kRenderThreads, 16)
    render_backward_kernel(const Camera c, const Source from, const float* image, const float* image_gradient,
                           float* moments, const Task task) {
    Pixels px(c);
    PixelGradients<Task> g(px, image, image_gradient, task);
    const int moment = Sums<Task::kSums>::moment();
    float* const to = moments + moment;
    walk(from, c, px, [&](const Batch& batch, int j) {
        float e[kPixels], dx, dy;
        const float4 shade = batch.shade[j];
        const bool some = px.exponents(batch.shape[j], shade, e, &dx, &dy);
        if (!gpu::any(gpu::kFullMask, some)) return;
        const float4 rest = batch.rest[j];
        const float sum = sum_pixels<Task>(px, g, shade, rest, e, dy).over_group(dx);
        if (moment >= 0) gpu::atomic_add(to + size_t(__float_as_uint(rest.z)) * Task::kSums, sum);
    });
}

}  // namespace gpufix_splat
