// Alpha compositing of each tile's splats, front to back, and its gradient.
//
// A block is one tile; a thread has four pixels of one column, so that a splat's terms in dx are
// computed once for them, and 32 threads cover 8 x 16 pixels in four compact rows of 8 x 4. The
// gradient walks the list in the same order with the same arithmetic: with the color still to come
// known from the image, nothing per pixel needs to be kept from the forward pass. Four pixels are
// summed in registers before 32 threads reduce, and only then memory is touched, once per group.
//
// Both kernels are templates of a Task: what is rendered beside the color, where the background comes
// from, and what the gradient does where alpha is clamped. ColorTask is the rasteriser's own.
#pragma once

#include <type_traits>

#include "splat_types.cuh"

namespace gpufix_splat {

constexpr int kRenderThreads = 64, kPixels = 4, kGroup = 32;

// A batch of splats on its way from memory to all threads of the block.
struct Batch {
    float4 shape[kRenderThreads];   // x, y, a, b
    float4 shade[kRenderThreads];   // c, log2 opacity, red, green
    float blue[kRenderThreads];
    uint32_t id[kRenderThreads];
};

struct DepthBatch : Batch {
    float inverse_depth[kRenderThreads];
};

struct ColorTask {
    using Splats = Batch;
    static constexpr bool kDepth = false, kThroughClamp = false;
    static constexpr int kSums = kMoments;

    __device__ float background(const Camera& c, int channel) const { return c.background[channel]; }
    __device__ void store(size_t, size_t, const float (&)[3], float) const {}
    __device__ float depth_gradient(size_t) const { return 0; }
    __device__ float depth(size_t) const { return 0; }
};

struct Loader {
    const Splat* splats;
    const uint32_t* list;
    uint32_t at, end;
    uint32_t id;
    float4 p, q, r;

    __device__ void fetch() {
        if (at >= end) return;
        id = list[at];
        const auto* from = reinterpret_cast<const float4*>(splats + id);
        p = from[0], q = from[1], r = from[2];
        at += kRenderThreads;
    }
    template <class Splats>
    __device__ void deposit(Splats& batch) const {
        batch.shape[threadIdx.x] = p;
        batch.shade[threadIdx.x] = {q.x, q.y, r.x, r.y};
        batch.blue[threadIdx.x] = r.z;
        batch.id[threadIdx.x] = id;
        if constexpr (std::is_same<Splats, DepthBatch>::value) batch.inverse_depth[threadIdx.x] = r.w;
    }
};

// One thread's four pixels: (x, y), (x, y + 4), (x, y + 8), (x, y + 12).
struct Pixels {
    int x, y, width, height;
    float transmittance[kPixels];
    float least[kPixels];  // the smallest exponent that counts: infinite once the pixel is finished

    __device__ Pixels(const Camera& c, int tile) : width(c.width), height(c.height) {
        int lane = int(threadIdx.x) % kGroup;
        x = tile % c.tiles_x() * kTile + int(threadIdx.x) / kGroup * 8 + lane % 8;
        y = tile / c.tiles_x() * kTile + lane / 8;
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
    // The transmittance behind, or a negative number when the pixel ends before this splat.
    __device__ float behind(int i, float alpha) {
        float next = transmittance[i] * (1 - alpha);
        if (next >= kTransmittanceMin) return next;
        least[i] = INFINITY;
        return -1;
    }
};

template <class Task>
__global__ void __launch_bounds__(kRenderThreads)
    render_kernel(const Camera c, const Splat* splats, const uint32_t* list, const uint2* ranges, float* image,
                  const Task task) {
    __shared__ typename Task::Splats batch;
    const uint2 range = ranges[blockIdx.x];
    Pixels px(c, int(blockIdx.x));
    float color[kPixels][3] = {}, depth[kPixels] = {};
    Loader loader{splats, list, range.x + threadIdx.x, range.y, 0, {}, {}, {}};
    loader.fetch();
    for (uint32_t begin = range.x; begin < range.y; begin += kRenderThreads) {
        if (__syncthreads_and(px.finished())) break;
        loader.deposit(batch);
        __syncthreads();
        loader.fetch();
        int count = int(min(range.y - begin, uint32_t(kRenderThreads)));
        for (int j = 0; j < count; ++j) {
            const float4 shape = batch.shape[j], shade = batch.shade[j];
            float e[kPixels], dx, dy;
            if (!px.exponents(shape, shade, e, &dx, &dy)) continue;
            const float blue = batch.blue[j];
#pragma unroll
            for (int i = 0; i < kPixels; ++i) {
                if (e[i] < px.least[i]) continue;
                float alpha = fminf(gpu::exp2_fast(e[i]), kAlphaMax), next = px.behind(i, alpha);
                if (next < 0) continue;
                float weight = alpha * px.transmittance[i];
                color[i][0] = fmaf(weight, shade.z, color[i][0]);
                color[i][1] = fmaf(weight, shade.w, color[i][1]);
                color[i][2] = fmaf(weight, blue, color[i][2]);
                if constexpr (Task::kDepth) depth[i] = fmaf(weight, batch.inverse_depth[j], depth[i]);
                px.transmittance[i] = next;
            }
        }
    }
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
// Sums values over groups of 32 lanes and adds them to to[0..]. For the first eight, each exchange
// halves both the lanes and the values that a lane still holds: nine take 14 shuffles where nine
// butterflies take 45.
template <int kSums>
__device__ inline void group_add(const float (&v)[kSums], float* to) {
    const int lane = int(threadIdx.x) % kGroup;
    float four[4], two[2];
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        float keep = lane & 16 ? v[k + 4] : v[k], give = lane & 16 ? v[k] : v[k + 4];
        four[k] = keep + gpu::shfl_xor(gpu::kFullMask, give, 16);
    }
#pragma unroll
    for (int k = 0; k < 2; ++k) {
        float keep = lane & 8 ? four[k + 2] : four[k], give = lane & 8 ? four[k] : four[k + 2];
        two[k] = keep + gpu::shfl_xor(gpu::kFullMask, give, 8);
    }
    float keep = lane & 4 ? two[1] : two[0], give = lane & 4 ? two[0] : two[1];
    float one = keep + gpu::shfl_xor(gpu::kFullMask, give, 4);
    one += gpu::shfl_xor(gpu::kFullMask, one, 2);
    one += gpu::shfl_xor(gpu::kFullMask, one, 1);
    float last[kSums - 8];
#pragma unroll
    for (int k = 0; k < kSums - 8; ++k) {
        last[k] = v[8 + k];
#pragma unroll
        for (int o = 16; o > 0; o /= 2) last[k] += gpu::shfl_xor(gpu::kFullMask, last[k], o);
    }
    int index = lane & 16 ? 4 : 0;
    index += (lane & 8 ? 2 : 0) + (lane & 4 ? 1 : 0);
    if (lane % 4 == 0) gpu::atomic_add(to + index, one);
#pragma unroll
    for (int k = 0; k < kSums - 8; ++k)
        if (lane == 1 + k) gpu::atomic_add(to + 8 + k, last[k]);
}

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

// One splat's moments from this thread's pixels; whether there were any.
template <class Task>
__device__ inline bool gather_moments(Pixels& px, PixelGradients<Task>& g, const typename Task::Splats& batch, int j,
                                      float (&m)[Task::kSums]) {
    const float4 shape = batch.shape[j], shade = batch.shade[j];
    float e[kPixels], dx, dy, v = 0, vy = 0, vyy = 0;
#pragma unroll
    for (int k = 0; k < Task::kSums; ++k) m[k] = 0;
    if (!px.exponents(shape, shade, e, &dx, &dy)) return false;
    const float blue = batch.blue[j];
    bool any = false;
#pragma unroll
    for (int i = 0; i < kPixels; ++i) {
        if (e[i] < px.least[i]) continue;
        float raw = gpu::exp2_fast(e[i]), alpha = fminf(raw, kAlphaMax), next = px.behind(i, alpha);
        if (next < 0) continue;
        any = true;
        float weight = alpha * px.transmittance[i];
        float along = fmaf(g.color[i][0], shade.z, fmaf(g.color[i][1], shade.w, g.color[i][2] * blue));
        m[6] = fmaf(weight, g.color[i][0], m[6]);
        m[7] = fmaf(weight, g.color[i][1], m[7]);
        m[8] = fmaf(weight, g.color[i][2], m[8]);
        if constexpr (Task::kDepth) {
            along = fmaf(g.depth[i], batch.inverse_depth[j], along);
            m[9] = fmaf(weight, g.depth[i], m[9]);
        }
        g.remaining[i] = fmaf(-weight, along, g.remaining[i]);
        float by_exponent = fmaf(weight, along, -alpha * __fdividef(g.remaining[i], 1 - alpha));
        // Clamped: alpha does not depend on the splat, unless the gradient is to pass all the same.
        if (raw > kAlphaMax) by_exponent = Task::kThroughClamp ? by_exponent * raw * (1 / kAlphaMax) : 0;
        float d = dy + 4 * i, vd = by_exponent * d;
        v += by_exponent;
        vy += vd;
        vyy = fmaf(vd, d, vyy);
        px.transmittance[i] = next;
    }
    m[0] = v;
    m[1] = v * dx;
    m[2] = vy;
    m[3] = v * dx * dx;
    m[4] = vy * dx;
    m[5] = vyy;
    return any;
}

template <class Task>
__global__ void __launch_bounds__(kRenderThreads)
    render_backward_kernel(const Camera c, const Splat* splats, const uint32_t* list, const uint2* ranges,
                           const float* image, const float* image_gradient, float* moments, const Task task) {
    __shared__ typename Task::Splats batch;
    const uint2 range = ranges[blockIdx.x];
    Pixels px(c, int(blockIdx.x));
    PixelGradients<Task> g(px, image, image_gradient, task);
    Loader loader{splats, list, range.x + threadIdx.x, range.y, 0, {}, {}, {}};
    loader.fetch();
    for (uint32_t begin = range.x; begin < range.y; begin += kRenderThreads) {
        if (__syncthreads_and(px.finished())) break;
        loader.deposit(batch);
        __syncthreads();
        loader.fetch();
        int count = int(min(range.y - begin, uint32_t(kRenderThreads)));
        for (int j = 0; j < count; ++j) {
            float m[Task::kSums];
            bool some = gather_moments<Task>(px, g, batch, j, m);
            if (gpu::any(gpu::kFullMask, some)) group_add(m, moments + size_t(batch.id[j]) * Task::kSums);
        }
    }
}

}  // namespace gpufix_splat
