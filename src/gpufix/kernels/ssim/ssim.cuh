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
// through a second pair of filters in the same walk, a row behind: recomputing the moments costs
// less than storing and reloading the derivatives.
#pragma once

#include <type_traits>

#include "../common/copy_async.h"
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

__device__ inline float row_filter(const float (&v)[2 + 2 * kRadius], int first) {
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
    const float* map_gradient;        // of the kept map, in Mode::backward
    float gradient_scale;             // times this
    float *map, *gradient, *partial;  // map and partial may be null in Mode::forward: not wanted
    Shape shape;
    int strips, segments, rows;  // a block's share: one strip of one segment of `rows` rows
};

// forward: the map and its sum; fused: the sum and its gradient; backward: a map gradient's gradient.
enum class Mode { forward, fused, backward };

constexpr int kStep = 2;  // rows between two barriers

// What a block shares of a step, for a span of kSpan columns: rows of both images, and of derivatives.
template <int kSpan, bool kGradient>
struct Rows {
    static constexpr int kLoads = kSpan + 2 * kRadius;
    alignas(16) float x[kStep][kLoads], y[kStep][kLoads];
    alignas(16) float derivative[kGradient ? kStep : 1][3][kGradient ? kLoads : 1];
};

// Which part of the images a block works on.
struct Part {
    int first_column;  // the first that it owns
    int row_begin, row_end;
    size_t plane;

    __device__ Part(const Args& a, int owned) {
        unsigned block = blockIdx.x;
        first_column = int(block % a.strips) * owned;
        block /= a.strips;
        row_begin = int(block % a.segments) * a.rows;
        row_end = min(row_begin + a.rows, a.shape.height);
        plane = block / a.segments;
    }
    __device__ size_t offset(const Shape& s) const { return plane * s.height * s.width; }
};

__device__ inline void window(const float* row, int first, float (&v)[2 + 2 * kRadius]) {
#pragma unroll
    for (int i = 0; i < 2 + 2 * kRadius; i += 2) {
        float2 pair = *reinterpret_cast<const float2*>(row + first + i);
        v[i] = pair.x;
        v[i + 1] = pair.y;
    }
}

// What a thread keeps from row to row in either role, so that both take the same registers: where
// it is in the images, and the filters of its two columns.
struct Walker {
    long long at;
    ColumnFilter filters[2][4];
    __device__ void start(long long offset) {
        at = offset;
        for (int c = 0; c < 2; ++c)
            for (int f = 0; f < 4; ++f) filters[c][f].clear();
    }
};

// The threads that turn rows of the images into rows of the map and its derivatives. Each has two
// neighbouring columns; together they load the rows.
template <int kThreads, Mode kMode>
struct Moments {
    static constexpr bool kGradient = kMode != Mode::forward;
    static constexpr int kSpan = 2 * kThreads, kReach = kGradient ? kRadius : 0;
    static constexpr int kLoads = kSpan + 2 * kRadius, kPerThread = 3;

    const Args& a;
    const Part& part;
    Walker& walker;
    const int thread;
    unsigned loaded = 0;    // bit i: load i is inside the image
    float own[2], scale[2]; // 1 and the gradient's scale where this column counts, else 0
    float sum = 0;

    __device__ Moments(const Args& args, const Part& p, Walker& w)
        : a(args), part(p), walker(w), thread(int(threadIdx.x)) {}
    __device__ void start(int first_row) {
        int m = margin(a.shape), load = part.first_column - kReach - kRadius + thread;
        for (int i = 0; i < kPerThread; ++i) {
            int local = thread + i * kThreads, column = load + i * kThreads;
            if (local < kLoads && column >= 0 && column < a.shape.width) loaded |= 1u << i;
        }
        for (int c = 0; c < 2; ++c) {
            int local = 2 * thread + c, column = part.first_column - kReach + local;
            bool kept = column >= m && column < a.shape.width - m;
            own[c] = kept && local >= kReach && local < kSpan - kReach ? 1.0f : 0.0f;
            scale[c] = kept ? a.gradient_scale : 0.0f;
        }
        walker.start((long long)part.offset(a.shape) + (long long)first_row * a.shape.width + load);
    }

    // A step's rows of both images are on their way into `rows`: they are there after a wait and a barrier.
    __device__ void fetch(int row, Rows<kSpan, kGradient>& rows) {
#pragma unroll
        for (int s = 0; s < kStep; ++s) {
            bool inside = row + s >= 0 && row + s < a.shape.height;
#pragma unroll
            for (int i = 0; i < kPerThread; ++i)
                if (i < 2 || thread < kLoads - kSpan) {
                    bool valid = inside && (loaded >> i & 1);
                    int at = thread + i * kThreads;
                    gpu::copy_async4(&rows.x[s][at], a.x + walker.at + i * kThreads, valid);
                    gpu::copy_async4(&rows.y[s][at], a.y + walker.at + i * kThreads, valid);
                }
            walker.at += a.shape.width;
        }
        gpu::copy_async_commit();
    }

    // Feeds the step's rows, of which `row` is the first. Once the filters are full, the moments of
    // row - 5 and so on come out, and with them the map.
    __device__ void feed(int row, bool full, Rows<kSpan, kGradient>& rows) {
#pragma unroll
        for (int s = 0; s < kStep; ++s) {
            float moments[2][4];
            blur(rows.x[s], rows.y[s], moments);
            if (!full) continue;
            Derivatives d[2];
#pragma unroll
            for (int c = 0; c < 2; ++c)
                d[c] = similarity(moments[c][0], moments[c][1], moments[c][2], moments[c][3]);
            emit(row + s - kRadius, d, rows.derivative[kGradient ? s : 0]);
        }
    }
    __device__ void blur(const float* x, const float* y, float (&moments)[2][4]) {
        float vx[2 + 2 * kRadius], vy[2 + 2 * kRadius], squares[2 + 2 * kRadius], product[2 + 2 * kRadius];
        window(x, 2 * thread, vx);
        window(y, 2 * thread, vy);
#pragma unroll
        for (int i = 0; i < 2 + 2 * kRadius; ++i) {
            squares[i] = fmaf(vx[i], vx[i], vy[i] * vy[i]);
            product[i] = vx[i] * vy[i];
        }
#pragma unroll
        for (int c = 0; c < 2; ++c) {
            ColumnFilter(&f)[4] = walker.filters[c];
            moments[c][0] = f[0].feed(row_filter(vx, c));
            moments[c][1] = f[1].feed(row_filter(vy, c));
            moments[c][2] = f[2].feed(row_filter(squares, c));
            moments[c][3] = f[3].feed(row_filter(product, c));
        }
    }

    template <int kColumns>
    __device__ void emit(int row, const Derivatives (&d)[2], float (&out)[3][kColumns]) {
        int m = margin(a.shape);
        bool kept = row >= m && row < a.shape.height - m, mine = row >= part.row_begin && row < part.row_end;
        if (kMode != Mode::backward && kept && mine)
            sum = fmaf(own[0], d[0].map, fmaf(own[1], d[1].map, sum));
        float g[2] = {kept ? scale[0] : 0, kept ? scale[1] : 0};
        if (kMode != Mode::fused && kept) {
            size_t at = (part.plane * (a.shape.height - 2 * m) + row - m) * (a.shape.width - 2 * m) +
                        (part.first_column - kReach - m + 2 * thread);
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                if (kMode == Mode::backward && g[c] != 0) g[c] *= a.map_gradient[at + c];
                if (kMode == Mode::forward && a.map && mine && own[c] != 0) a.map[at + c] = d[c].map;
            }
        }
        if constexpr (kGradient) {
            store(out[0], g[0] * d[0].by_x, g[1] * d[1].by_x);
            store(out[1], g[0] * d[0].by_xx, g[1] * d[1].by_xx);
            store(out[2], g[0] * d[0].by_xy, g[1] * d[1].by_xy);
        }
    }
    __device__ void store(float* row, float left, float right) {
        *reinterpret_cast<float2*>(row + 2 * thread) = {left, right};
    }
};

// The threads that turn rows of derivatives into rows of the gradient.
template <int kThreads>
struct Gradient {
    static constexpr int kSpan = 2 * kThreads;
    const Args& a;
    const Part& part;
    Walker& walker;
    const int thread;
    bool mine[2];

    __device__ Gradient(const Args& args, const Part& p, Walker& w)
        : a(args), part(p), walker(w), thread(int(threadIdx.x) - kThreads) {}
    __device__ void start() {
        for (int c = 0; c < 2; ++c) {
            int local = 2 * thread + c;
            mine[c] = local < kSpan - 2 * kRadius && part.first_column + local < a.shape.width;
        }
        walker.start((long long)(part.offset(a.shape) + size_t(part.row_begin) * a.shape.width +
                                 part.first_column + 2 * thread));
    }

    // Feeds a step's rows of derivatives. Once the filters are full, the gradient of `row` and the
    // next comes out.
    __device__ void feed(int row, bool full, const Rows<kSpan, true>& rows) {
#pragma unroll
        for (int s = 0; s < kStep; ++s) {
            bool done = full && row + s < part.row_end;
            float px[2] = {0, 0}, py[2] = {0, 0}, v[3][2 + 2 * kRadius];
            if (done) {
#pragma unroll
                for (int c = 0; c < 2; ++c)
                    if (mine[c]) px[c] = 2.0f * a.x[walker.at + c], py[c] = a.y[walker.at + c];
            }
#pragma unroll
            for (int m = 0; m < 3; ++m) window(rows.derivative[s][m], 2 * thread, v[m]);
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                ColumnFilter(&f)[4] = walker.filters[c];
                float g = f[0].feed(row_filter(v[0], c));
                g = fmaf(px[c], f[1].feed(row_filter(v[1], c)), g);
                g = fmaf(py[c], f[2].feed(row_filter(v[2], c)), g);
                if (done && mine[c]) a.gradient[walker.at + c] = g;
            }
            if (done) walker.at += a.shape.width;
        }
    }
};

// Sum over the block, in thread 0.
template <int kThreads, class T>
__device__ T block_sum(T v) {
    __shared__ T waves[kThreads / 32];
    v = gpu::wave_sum(v);
    if (gpu::lane_id() == 0) waves[threadIdx.x / gpu::kWaveSize] = v;
    __syncthreads();
    T total = 0;
    if (threadIdx.x == 0)
        for (int i = 0; i < kThreads / gpu::kWaveSize; ++i) total += waves[i];
    return total;
}

constexpr int kThreads = 128;  // in each of the two roles

template <Mode kMode>
constexpr int kBlockThreads = kMode == Mode::forward ? kThreads : 2 * kThreads;

// Mode::forward has no second role.
struct Nobody {
    __device__ Nobody(const Args&, const Part&, Walker&) {}
    __device__ void start() {}
    template <class RowsOfMode>
    __device__ void feed(int, bool, const RowsOfMode&) {}
};

template <Mode kMode>
using Second = std::conditional_t<kMode == Mode::forward, Nobody, Gradient<kThreads>>;

// The two roles are separate threads: with both kinds of filter in one thread's registers, too few
// threads fit a multiprocessor to hide latency. While a step's rows are loaded, the step before is
// blurred, and the derivatives of the one before that go through the second blur: one barrier a
// step, buffers alternate. A filter is full after two radii of rows, which are whole steps.
static_assert(2 * kRadius % kStep == 0, "filters fill at the end of a step");

template <Mode kMode, int kBlocks>
__global__ void GPUFIX_LAUNCH_BOUNDS(kBlockThreads<kMode>, kBlocks) strip_kernel(const Args a) {
    using First = Moments<kThreads, kMode>;
    constexpr int kFull = 2 * kRadius / kStep;  // steps
    __shared__ Rows<First::kSpan, First::kGradient> rows[2];
    const Part part(a, First::kSpan - 2 * First::kReach);
    const int first = part.row_begin - First::kReach - kRadius;
    const int fed = part.row_end + First::kReach + kRadius - first;
    const int steps = (fed + kStep - 1) / kStep + (First::kGradient ? 1 : 0);
    Walker walker;
    First moments(a, part, walker);
    Second<kMode> second(a, part, walker);
    // Told by a lane of the wave, so that the compiler knows that the whole wave has one role.
    const bool in_first = gpu::shfl(gpu::kFullMask, int(threadIdx.x), 0) < kThreads;
    if (in_first) {
        moments.start(first);
        moments.fetch(first, rows[0]);
    } else {
        second.start();
    }
    for (int step = 0; step < steps; ++step) {
        const int row = first + kStep * step;
        auto &now = rows[step & 1], &other = rows[(step & 1) ^ 1];
        if (in_first) gpu::copy_async_wait<0>();
        __syncthreads();
        if (in_first) {
            moments.fetch(row + kStep, other);
            moments.feed(row, step >= kFull, now);
        } else if (step > kFull) {
            second.feed(row - kStep - 2 * kRadius, step > 2 * kFull, other);
        }
    }
    if (kMode == Mode::backward || !a.partial) return;
    float total = block_sum<kBlockThreads<kMode>>(in_first ? moments.sum : 0.0f);
    if (threadIdx.x == 0) a.partial[blockIdx.x] = total;
}

constexpr int kFinishThreads = 512;

// In a fixed order, so that the mean is the same in every run.
static __global__ void __launch_bounds__(kFinishThreads)
    mean_kernel(const float* partial, int count, double scale, float* mean) {
    double sum = 0;
    for (int i = threadIdx.x; i < count; i += kFinishThreads) sum += partial[i];
    sum = block_sum<kFinishThreads>(sum);
    if (threadIdx.x == 0) *mean = float(sum * scale);
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

constexpr int kMaxSegments = 64;

template <Mode kMode>
constexpr int kBlocksPerUnit = kMode == Mode::forward ? 3 : 2;

// For the mean's partial sums, one a block.
inline size_t workspace_bytes(const Shape& s) {
    constexpr int kOwned = 2 * (kThreads - kRadius);
    size_t strips = (s.width + kOwned - 1) / kOwned;
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

template <Mode kMode>
inline gpuError_t launch(Args a, gpuStream_t stream, int* blocks) {
    using First = Moments<kThreads, kMode>;
    int device = 0, units = 0;
    gpuError_t status = gpuGetDevice(&device);
    if (status == gpuSuccess) status = gpuDeviceGetAttribute(&units, kUnitsAttribute, device);
    if (status != gpuSuccess) return status;
    int warmup = 2 * kRadius + (First::kGradient ? 2 * kRadius + kStep : 0);
    cut(a, First::kSpan - 2 * First::kReach, warmup, units * kBlocksPerUnit<kMode>);
    *blocks = int(a.shape.planes * a.strips * a.segments);
    strip_kernel<kMode, kBlocksPerUnit<kMode>>
        <<<*blocks, kBlockThreads<kMode>, 0, stream>>>(a);
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
    gpuError_t status = launch<Mode::forward>(a, stream, &blocks);
    return status == gpuSuccess && mean ? finish_mean(a, blocks, mean, stream) : status;
}

// The mean and its gradient by x, in one pass: what a training step needs.
inline gpuError_t mean_and_gradient(const float* x, const float* y, const Shape& shape, float* mean,
                                    float* gradient, void* workspace, gpuStream_t stream) {
    Args a{x, y, nullptr, float(1.0 / map_size(shape)), nullptr, gradient,
           static_cast<float*>(workspace), shape, 0, 0, 0};
    int blocks = 0;
    gpuError_t status = launch<Mode::fused>(a, stream, &blocks);
    return status == gpuSuccess ? finish_mean(a, blocks, mean, stream) : status;
}

// The gradient by x of sum(map_gradient * map), recomputed from the images.
inline gpuError_t backward(const float* x, const float* y, const Shape& shape,
                           const float* map_gradient, float* gradient, gpuStream_t stream) {
    Args a{x, y, map_gradient, 1.0f, nullptr, gradient, nullptr, shape, 0, 0, 0};
    int blocks = 0;
    return launch<Mode::backward>(a, stream, &blocks);
}

// values *= *factor, `factor` on the device: the chain rule for a loss that uses the mean.
// `values` is aligned to 16 bytes, as allocations are.
inline gpuError_t scale(float* values, size_t n, const float* factor, gpuStream_t stream) {
    scale_kernel<<<unsigned((n + 1023) / 1024), 256, 0, stream>>>(values, n, factor);
    return gpuGetLastError();
}

}  // namespace gpufix_ssim
