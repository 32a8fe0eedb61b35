// Fused structural similarity: the map, its mean, and the gradient with respect to the first image.
//
// Images are float32, N planes x C x H x W flattened to `planes` x height x width. The window is an
// 11-tap Gaussian of sigma 1.5; outside the image is zero. Padding `same` keeps every pixel of the
// map, `valid` drops the border of 5 whose windows reach outside.
//
// A block walks down a strip of columns. Each row is blurred horizontally out of shared memory, then
// vertically by a transposed FIR filter whose states live in registers (a fused multiply-add both
// filters and shifts), so no intermediate touches device memory. Four moments are enough, since
// the two variances appear only as their sum. For the gradient the three partial derivatives go
// through a second pair of filters in the same walk, one row behind: recomputing the moments costs
// less than storing and reloading the derivatives.
#pragma once

#include "../common/gpufix_gpu.h"

namespace gpufix_ssim {

#if defined(GPUFIX_HIP)
constexpr auto kUnitsAttribute = hipDeviceAttributeMultiprocessorCount;
#else
constexpr auto kUnitsAttribute = cudaDevAttrMultiProcessorCount;
#endif

constexpr int kRadius = 5, kTaps = 2 * kRadius + 1;
constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;

enum class Padding { same, valid };

struct Shape {
    long long planes;  // N * C
    int height, width;
    Padding padding;
};

// Pixels of one plane that the map keeps on each side less.
__host__ __device__ inline int margin(const Shape& s) {
    return s.padding == Padding::valid ? kRadius : 0;
}
inline double map_size(const Shape& s) {
    return double(s.planes) * (s.height - 2 * margin(s)) * (s.width - 2 * margin(s));
}

// exp(-i^2 / (2 * 1.5^2)) over their sum.
__host__ __device__ constexpr float weight(int k) {
    constexpr float w[kRadius + 1] = {0.266011725f, 0.213005538f, 0.10936069f,
                                      0.0360007721f, 0.00759875814f, 0.00102838008f};
    return w[k < kRadius ? kRadius - k : k - kRadius];
}

// 11 taps down a column, one row at a time: feed row r, receive the blur at row r - 5.
struct ColumnFilter {
    float state[kTaps - 1];
    __device__ void clear() {
#pragma unroll
        for (int k = 0; k < kTaps - 1; ++k) state[k] = 0;
    }
    __device__ float feed(float h) {
        float out = fmaf(weight(0), h, state[0]);
#pragma unroll
        for (int k = 0; k < kTaps - 2; ++k) state[k] = fmaf(weight(k + 1), h, state[k + 1]);
        state[kTaps - 2] = weight(0) * h;
        return out;
    }
};

template <int kCols>
__device__ inline float row_filter(const float (&v)[kCols + 2 * kRadius], int first) {
    float sum = weight(0) * v[first];
#pragma unroll
    for (int k = 1; k < kTaps; ++k) sum = fmaf(weight(k), v[first + k], sum);
    return sum;
}

struct Derivatives {
    float map, by_x, by_xx, by_xy;  // of the map, by the blurs of x, x*x and x*y
};

__device__ inline Derivatives similarity(float ux, float uy, float squares, float product) {
    float cross = ux * uy, energy = fmaf(ux, ux, uy * uy);
    float a = fmaf(2.0f, cross, kC1), b = fmaf(2.0f, product - cross, kC2);
    float c = energy + kC1, d = squares - energy + kC2;
    float inverse = __fdividef(1.0f, c * d);
    float m = a * b * inverse;
    return {m, 2.0f * inverse * fmaf(uy, b - a, ux * m * (c - d)), -m * c * inverse,
            2.0f * a * inverse};
}

struct Args {
    const float *x, *y;
    const float* map_gradient;  // of the kept map; null: 1 everywhere
    float gradient_scale;
    float *map, *gradient, *partial;  // each may be null: not wanted
    Shape shape;
    int strips, segments, rows;  // a block's share: one strip of one segment of `rows` rows
};

template <int kThreads, int kCols, bool kGradient>
struct Strip {
    static constexpr int kSpan = kThreads * kCols;        // columns whose moments a block computes
    static constexpr int kReach = kGradient ? kRadius : 0;
    static constexpr int kOwned = kSpan - 2 * kReach;     // columns a block is responsible for
    static constexpr int kLoads = kSpan + 2 * kRadius;    // columns it reads
    static constexpr int kPerThread = (kLoads + kThreads - 1) / kThreads;

    struct Shared {
        alignas(16) float x[2][kPerThread * kThreads], y[2][kPerThread * kThreads];
        alignas(16) float derivative[kGradient ? 2 : 1][kGradient ? 3 : 1][kLoads];
    };

    const Args& a;
    Shared& shared;
    int first_column, row_begin, row_end;
    const float *x, *y;
    size_t plane;
    float next_x[kPerThread], next_y[kPerThread];
    ColumnFilter moments[kCols][4];
    ColumnFilter derivatives[kGradient ? kCols : 1][3];
    float sum = 0;

    __device__ Strip(const Args& args, Shared& s) : a(args), shared(s) {
        unsigned block = blockIdx.x;
        first_column = int(block % a.strips) * kOwned;
        block /= a.strips;
        row_begin = int(block % a.segments) * a.rows;
        row_end = min(row_begin + a.rows, a.shape.height);
        plane = block / a.segments;
        size_t offset = plane * a.shape.height * a.shape.width;
        x = a.x + offset;
        y = a.y + offset;
        for (int c = 0; c < kCols; ++c)
            for (int m = 0; m < 4; ++m) moments[c][m].clear();
        for (int c = 0; c < (kGradient ? kCols : 1); ++c)
            for (int m = 0; m < 3; ++m) derivatives[c][m].clear();
    }

    __device__ bool inside(int row, int column) const {
        return row >= 0 && row < a.shape.height && column >= 0 && column < a.shape.width;
    }
    __device__ bool kept(int row, int column) const {
        int m = margin(a.shape);
        return row >= m && row < a.shape.height - m && column >= m && column < a.shape.width - m;
    }

    __device__ void fetch(int row) {
#pragma unroll
        for (int i = 0; i < kPerThread; ++i) {
            int at = threadIdx.x + i * kThreads, column = first_column - kReach - kRadius + at;
            bool wanted = at < kLoads && inside(row, column);
            size_t offset = wanted ? size_t(row) * a.shape.width + column : 0;
            next_x[i] = wanted ? x[offset] : 0;
            next_y[i] = wanted ? y[offset] : 0;
        }
    }
    __device__ void deposit(int buffer) {
#pragma unroll
        for (int i = 0; i < kPerThread; ++i) {
            shared.x[buffer][threadIdx.x + i * kThreads] = next_x[i];
            shared.y[buffer][threadIdx.x + i * kThreads] = next_y[i];
        }
    }

    static __device__ void window(const float* row, float (&v)[kCols + 2 * kRadius]) {
#pragma unroll
        for (int i = 0; i < kCols + 2 * kRadius; i += kCols) {
            const float* from = row + threadIdx.x * kCols + i;
            if constexpr (kCols == 2) {
                float2 pair = *reinterpret_cast<const float2*>(from);
                v[i] = pair.x;
                v[i + 1] = pair.y;
            } else {
                v[i] = *from;
            }
        }
    }

    // Feeds image row `row`; the moments of row - 5 come out, and with them the map.
    __device__ void moments_of(int row, int buffer) {
        float vx[kCols + 2 * kRadius], vy[kCols + 2 * kRadius], squares[kCols + 2 * kRadius],
            product[kCols + 2 * kRadius];
        window(shared.x[buffer], vx);
        window(shared.y[buffer], vy);
#pragma unroll
        for (int i = 0; i < kCols + 2 * kRadius; ++i) {
            squares[i] = fmaf(vx[i], vx[i], vy[i] * vy[i]);
            product[i] = vx[i] * vy[i];
        }
        int done = row - kRadius;
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
            ColumnFilter(&f)[4] = moments[c];
            float ux = f[0].feed(row_filter<kCols>(vx, c)), uy = f[1].feed(row_filter<kCols>(vy, c));
            float s = f[2].feed(row_filter<kCols>(squares, c));
            float p = f[3].feed(row_filter<kCols>(product, c));
            int local = threadIdx.x * kCols + c;
            emit(done, local, buffer, similarity(ux, uy, s, p));
        }
    }

    __device__ void emit(int row, int local, int buffer, const Derivatives& d) {
        int column = first_column - kReach + local;
        bool is_kept = kept(row, column);
        bool mine = is_kept && row >= row_begin && row < row_end && local >= kReach &&
                    local < kReach + kOwned;
        if (mine) sum += d.map;
        int m = margin(a.shape);
        size_t at = (plane * (a.shape.height - 2 * m) + row - m) * (a.shape.width - 2 * m) + column - m;
        if (mine && a.map) a.map[at] = d.map;
        if (kGradient) {
            float g = 0;
            if (is_kept) g = a.map_gradient ? a.gradient_scale * a.map_gradient[at] : a.gradient_scale;
            float(&out)[kGradient ? 3 : 1][kLoads] = shared.derivative[kGradient ? buffer : 0];
            out[0][local] = g * d.by_x;
            out[kGradient ? 1 : 0][local] = 2.0f * g * d.by_xx;
            out[kGradient ? 2 : 0][local] = g * d.by_xy;
        }
    }

    // Feeds derivative row `row`; the gradient of row - 5 comes out.
    __device__ void gradient_of(int row, int buffer) {
        int done = row - kRadius;
        bool mine[kCols];
        float px[kCols], py[kCols], v[3][kCols + 2 * kRadius];
        size_t offset = size_t(done) * a.shape.width + first_column + threadIdx.x * kCols;
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
            int local = threadIdx.x * kCols + c;
            mine[c] = done >= row_begin && local < kOwned && first_column + local < a.shape.width;
            px[c] = mine[c] ? x[offset + c] : 0;
            py[c] = mine[c] ? y[offset + c] : 0;
        }
#pragma unroll
        for (int m = 0; m < 3; ++m) window(shared.derivative[buffer][m], v[m]);
        float* out = a.gradient + plane * a.shape.height * a.shape.width;
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
            ColumnFilter(&f)[3] = derivatives[c];
            float g = f[0].feed(row_filter<kCols>(v[0], c));
            g = fmaf(px[c], f[1].feed(row_filter<kCols>(v[1], c)), g);
            g = fmaf(py[c], f[2].feed(row_filter<kCols>(v[2], c)), g);
            if (mine[c]) out[offset + c] = g;
        }
    }

    __device__ void walk() {
        int last = kGradient ? row_end + 2 * kRadius + 1 : row_end + kRadius, buffer = 0;
        fetch(row_begin - kReach - kRadius);
        for (int row = row_begin - kReach - kRadius; row < last; ++row, buffer ^= 1) {
            deposit(buffer);
            fetch(row + 1);
            __syncthreads();
            if constexpr (kGradient) gradient_of(row - kRadius - 1, buffer ^ 1);
            moments_of(row, buffer);
        }
    }
};

// Sum over the block, in thread 0.
template <int kThreads>
__device__ float block_sum(float v) {
    __shared__ float waves[kThreads / 32];
    v = gpu::wave_sum(v);
    if (gpu::lane_id() == 0) waves[threadIdx.x / gpu::kWaveSize] = v;
    __syncthreads();
    float total = 0;
    if (threadIdx.x == 0)
        for (int i = 0; i < kThreads / gpu::kWaveSize; ++i) total += waves[i];
    return total;
}

template <int kThreads, int kCols, bool kGradient, int kBlocks>
__global__ void GPUFIX_LAUNCH_BOUNDS(kThreads, kBlocks) strip_kernel(const Args a) {
    using Work = Strip<kThreads, kCols, kGradient>;
    __shared__ typename Work::Shared shared;
    Work strip(a, shared);
    strip.walk();
    if (!a.partial) return;
    float total = block_sum<kThreads>(strip.sum);
    if (threadIdx.x == 0) a.partial[blockIdx.x] = total;
}

constexpr int kFinishThreads = 512;

// In a fixed order, so that the mean is the same in every run.
static __global__ void __launch_bounds__(kFinishThreads)
    mean_kernel(const float* partial, int count, double scale, float* mean) {
    __shared__ double sums[kFinishThreads];
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += kFinishThreads) sum += partial[i];
    sums[threadIdx.x] = sum;
    for (int half = kFinishThreads / 2; half > 0; half /= 2) {
        __syncthreads();
        if (int(threadIdx.x) < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    }
    if (threadIdx.x == 0) *mean = float(sums[0] * scale);
}

static __global__ void __launch_bounds__(256)
    scale_kernel(float* values, size_t n, const float* factor) {
    size_t i = (blockIdx.x * size_t(256) + threadIdx.x) * 4;
    float f = *factor;
    if (i + 4 <= n) {
        float4 v = *reinterpret_cast<float4*>(values + i);
        *reinterpret_cast<float4*>(values + i) = {v.x * f, v.y * f, v.z * f, v.w * f};
    } else {
        for (; i < n; ++i) values[i] *= f;
    }
}

// ---- launchers -------------------------------------------------------------------------------

#ifndef GPUFIX_SSIM_THREADS
#define GPUFIX_SSIM_THREADS 128
#define GPUFIX_SSIM_COLS 2
#define GPUFIX_SSIM_BLOCKS 2
#define GPUFIX_SSIM_BLOCKS_FORWARD 3
#endif
constexpr int kThreads = GPUFIX_SSIM_THREADS, kCols = GPUFIX_SSIM_COLS;
constexpr int kMaxSegments = 64;

template <bool kGradient>
constexpr int blocks_per_unit() {
    return kGradient ? GPUFIX_SSIM_BLOCKS : GPUFIX_SSIM_BLOCKS_FORWARD;
}

// For the mean's partial sums, one a block.
inline size_t workspace_bytes(const Shape& s) {
    size_t strips = (s.width + Strip<kThreads, kCols, true>::kOwned - 1) /
                    Strip<kThreads, kCols, true>::kOwned;
    size_t segments = s.height < kMaxSegments ? s.height : kMaxSegments;
    return size_t(s.planes) * strips * segments * sizeof(float);
}

// Cuts planes into blocks so that the last wave of blocks is as full as may be: a segment pays
// `warmup` rows before its first result, and a partly filled wave costs as much as a full one.
inline void cut(Args& a, int owned, int warmup, int slots) {
    const Shape& s = a.shape;
    a.strips = (s.width + owned - 1) / owned;
    double best = 0;
    for (int segments = 1; segments <= kMaxSegments && segments <= s.height; ++segments) {
        int rows = (s.height + segments - 1) / segments;
        int used = (s.height + rows - 1) / rows;
        double blocks = double(s.planes) * a.strips * used;
        double waves = blocks <= slots ? 1 : blocks / slots < 4 ? double((long long)((blocks + slots - 1) / slots)) : blocks / slots;
        double cost = waves * (rows + warmup);
        if (best != 0 && cost >= best) continue;
        best = cost;
        a.segments = used;
        a.rows = rows;
    }
}

template <bool kGradient>
inline gpuError_t launch(Args a, gpuStream_t stream, int* blocks) {
    using Work = Strip<kThreads, kCols, kGradient>;
    int device = 0, units = 0;
    gpuError_t status = gpuGetDevice(&device);
    if (status == gpuSuccess) status = gpuDeviceGetAttribute(&units, kUnitsAttribute, device);
    if (status != gpuSuccess) return status;
    int warmup = 2 * kRadius + (kGradient ? 2 * kRadius + 1 : 0);
    cut(a, Work::kOwned, warmup, units * blocks_per_unit<kGradient>());
    *blocks = int(a.shape.planes * a.strips * a.segments);
    strip_kernel<kThreads, kCols, kGradient, blocks_per_unit<kGradient>()>
        <<<*blocks, kThreads, 0, stream>>>(a);
    return gpuGetLastError();
}

inline gpuError_t finish_mean(const Args& a, int blocks, float* mean, gpuStream_t stream) {
    mean_kernel<<<1, kFinishThreads, 0, stream>>>(a.partial, blocks, 1.0 / map_size(a.shape), mean);
    return gpuGetLastError();
}

// The map (planes x kept height x kept width) and its mean; either may be null.
inline gpuError_t forward(const float* x, const float* y, const Shape& shape, float* map, float* mean,
                          void* workspace, gpuStream_t stream) {
    float* partial = mean ? static_cast<float*>(workspace) : nullptr;
    Args a{x, y, nullptr, 0, map, nullptr, partial, shape, 0, 0, 0};
    int blocks = 0;
    gpuError_t status = launch<false>(a, stream, &blocks);
    return status == gpuSuccess && mean ? finish_mean(a, blocks, mean, stream) : status;
}

// The mean and its gradient by x, in one pass: what a training step needs.
inline gpuError_t mean_and_gradient(const float* x, const float* y, const Shape& shape, float* mean,
                                    float* gradient, void* workspace, gpuStream_t stream) {
    Args a{x, y, nullptr, float(1.0 / map_size(shape)), nullptr, gradient,
           static_cast<float*>(workspace), shape, 0, 0, 0};
    int blocks = 0;
    gpuError_t status = launch<true>(a, stream, &blocks);
    return status == gpuSuccess ? finish_mean(a, blocks, mean, stream) : status;
}

// The gradient by x of sum(map_gradient * map), recomputed from the images.
inline gpuError_t backward(const float* x, const float* y, const Shape& shape,
                           const float* map_gradient, float* gradient, gpuStream_t stream) {
    Args a{x, y, map_gradient, 1.0f, nullptr, gradient, nullptr, shape, 0, 0, 0};
    int blocks = 0;
    return launch<true>(a, stream, &blocks);
}

// values *= *factor, `factor` on the device: the chain rule for a loss that uses the mean.
// `values` is aligned to 16 bytes, as allocations are.
inline gpuError_t scale(float* values, size_t n, const float* factor, gpuStream_t stream) {
    scale_kernel<<<unsigned((n + 1023) / 1024), 256, 0, stream>>>(values, n, factor);
    return gpuGetLastError();
}

}  // namespace gpufix_ssim
