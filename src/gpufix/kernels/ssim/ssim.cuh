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

#include "../common/copy_async.h"
#include "../common/gpufix_gpu.h"

namespace gpufix_ssim {

constexpr int kRadius = 5, kTaps = 2 * kRadius + 1;
constexpr float kC1 = 0.01f * 0.01f, kC2 = 0.03f * 0.03f;

// Whether variances are kept from falling below 0, and the map from leaving [-1, 1], as rounding makes them do where
// an image is flat and its values are large.
#if defined(GPUFIX_SSIM_CLAMPED)
constexpr bool kClamped = true;
#else
constexpr bool kClamped = false;
#endif

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

struct Similarity {
    float a, b, c, d, inverse, ux, uy, map;

    __device__ Similarity(float x, float y, float squares, float product) : ux(x), uy(y) {
        float cross = ux * uy, energy = fmaf(ux, ux, uy * uy);
        a = fmaf(2.0f, cross, kC1), b = fmaf(2.0f, product - cross, kC2);
        const float variance = squares - energy;
        c = energy + kC1, d = (kClamped ? fmaxf(variance, 0.0f) : variance) + kC2;
        inverse = gpu::reciprocal_fast(c * d);
        map = a * b * inverse;
        if (kClamped && fabsf(map) > 1.0f) map = copysignf(1.0f, map), inverse = 0.0f;  // no derivative there
    }
    // Derivatives by the blurs of x, of x*x (times 2, which x*x by x gives) and of x*y, where g is twice the
    // map's gradient.
    __device__ float by_x(float g) const { return g * inverse * fmaf(uy, b - a, ux * map * (c - d)); }
    __device__ float by_xx(float g) const { return g * inverse * -(map * c); }
    __device__ float by_xy(float g) const { return g * inverse * a; }
};

// The map's mean, one value: the block that ends last adds up what each wrote, in a fixed order, so
// that it is the same in every run. `ended` counts blocks, 0 before and after. Not wanted: null.
struct Mean {
    float* value;
    float* partial;  // a sum a block
    unsigned* ended;
    double scale;
};

struct Args {
    const float *x, *y;
    const float* map_gradient;        // of the kept map, in Mode::backward
    float gradient_scale;             // times this
    float *map, *gradient;            // the map may be null in Mode::forward: not wanted
    Mean mean;
    Shape shape;
    bool paired;                 // two neighbouring columns are read and written at once
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
    static constexpr int kLoads = kSpan + 2 * kRadius;

    const Args& a;
    const Part& part;
    Walker& walker;
    const int thread;
    unsigned loaded = 0;    // bit i: load i is inside the image
    float own[2], scale[2]; // 1 and twice the gradient's scale where this column counts, else 0
    float sum = 0;

    __device__ Moments(const Args& args, const Part& p, Walker& w)
        : a(args), part(p), walker(w), thread(int(threadIdx.x)) {}
    __device__ void start(int first_row) {
        const int each = a.paired ? 2 : 1;
        int m = margin(a.shape), load = part.first_column - kReach - kRadius + each * thread;
        for (int local = each * thread, i = 0; local < kLoads; local += each * kThreads, ++i) {
            int column = load + i * each * kThreads;
            if (column >= 0 && column < a.shape.width) loaded |= 1u << i;
        }
        for (int c = 0; c < 2; ++c) {
            int local = 2 * thread + c, column = part.first_column - kReach + local;
            bool kept = column >= m && column < a.shape.width - m;
            own[c] = kept && local >= kReach && local < kSpan - kReach ? 1.0f : 0.0f;
            scale[c] = kept ? 2.0f * a.gradient_scale : 0.0f;
        }
        walker.start((long long)part.offset(a.shape) + (long long)first_row * a.shape.width + load);
    }

    // A step's rows of both images are on their way into `rows`: they are there after a wait and a barrier.
    __device__ void fetch(int row, Rows<kSpan, kGradient>& rows) {
        if (a.paired)
            fetch_by<2>(row, rows);
        else
            fetch_by<1>(row, rows);
        gpu::copy_async_commit();
    }
    template <int kEach>
    __device__ void fetch_by(int row, Rows<kSpan, kGradient>& rows) {
        constexpr int kWhole = kSpan / (kEach * kThreads);
#pragma unroll
        for (int s = 0; s < kStep; ++s) {
            bool inside = row + s >= 0 && row + s < a.shape.height;
#pragma unroll
            for (int i = 0; i <= kWhole; ++i)
                if (i < kWhole || kEach * thread < kLoads - kSpan) {
                    bool valid = inside && (loaded >> i & 1);
                    const int at = kEach * thread, skip = i * kEach * kThreads;
                    copy<kEach>(&rows.x[s][at + skip], a.x + walker.at + skip, valid);
                    copy<kEach>(&rows.y[s][at + skip], a.y + walker.at + skip, valid);
                }
            walker.at += a.shape.width;
        }
    }
    template <int kEach>
    __device__ static void copy(float* to, const float* from, bool valid) {
        if constexpr (kEach == 2)
            gpu::copy_async8(to, from, valid);
        else
            gpu::copy_async4(to, from, valid);
    }

    // Feeds the step's rows, of which `row` is the first. Once the filters are full, the moments of
    // row - 5 and so on come out, and with them the map.
    __device__ void feed(int row, bool full, Rows<kSpan, kGradient>& rows) {
#pragma unroll
        for (int s = 0; s < kStep; ++s) {
            float moments[2][4];
            blur(rows.x[s], rows.y[s], moments);
            if (!full) continue;
            const Similarity d[2] = {{moments[0][0], moments[0][1], moments[0][2], moments[0][3]},
                                     {moments[1][0], moments[1][1], moments[1][2], moments[1][3]}};
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
    __device__ void emit(int row, const Similarity (&d)[2], float (&out)[3][kColumns]) {
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
            store(out[0], d[0].by_x(g[0]), d[1].by_x(g[1]));
            store(out[1], d[0].by_xx(g[0]), d[1].by_xx(g[1]));
            store(out[2], d[0].by_xy(g[0]), d[1].by_xy(g[1]));
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
            float px[2] = {0, 0}, py[2] = {0, 0}, out[2], v[3][2 + 2 * kRadius];
            if (done && a.paired) {
                if (mine[0]) load_pair(a.x + walker.at, px), load_pair(a.y + walker.at, py);
            } else if (done) {
#pragma unroll
                for (int c = 0; c < 2; ++c)
                    if (mine[c]) px[c] = a.x[walker.at + c], py[c] = a.y[walker.at + c];
            }
#pragma unroll
            for (int m = 0; m < 3; ++m) window(rows.derivative[s][m], 2 * thread, v[m]);
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                ColumnFilter(&f)[4] = walker.filters[c];
                float g = f[0].feed(row_filter(v[0], c));
                g = fmaf(px[c], f[1].feed(row_filter(v[1], c)), g);
                out[c] = fmaf(py[c], f[2].feed(row_filter(v[2], c)), g);
            }
            if (!done) continue;
            if (a.paired) {
                if (mine[0]) *reinterpret_cast<float2*>(a.gradient + walker.at) = {out[0], out[1]};
            } else {
#pragma unroll
                for (int c = 0; c < 2; ++c)
                    if (mine[c]) a.gradient[walker.at + c] = out[c];
            }
            walker.at += a.shape.width;
        }
    }
    __device__ static void load_pair(const float* from, float (&to)[2]) {
        const float2 pair = *reinterpret_cast<const float2*>(from);
        to[0] = pair.x, to[1] = pair.y;
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

template <int kThreads>
__device__ void finish_mean(const Mean& mean, float own) {
    __shared__ bool last;
    const float total = block_sum<kThreads>(own);
    if (threadIdx.x == 0) {
        mean.partial[blockIdx.x] = total;
        __threadfence();
        last = atomicAdd(mean.ended, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    __threadfence();
    double sum = 0;
    for (unsigned i = threadIdx.x; i < gridDim.x; i += kThreads) sum += mean.partial[i];
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0) {
        *mean.value = float(sum * mean.scale);
        *mean.ended = 0;
    }
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
struct SecondOf {
    using Role = Gradient<kThreads>;
};
template <>
struct SecondOf<Mode::forward> {
    using Role = Nobody;
};

// The two roles are separate threads: with both kinds of filter in one thread's registers, too few
// threads fit a multiprocessor to hide latency. While a step's rows are loaded, the step before is
// blurred, and the derivatives of the one before that go through the second blur: one barrier a
// step, buffers alternate. A filter is full after two radii of rows, which are whole steps.
static_assert(2 * kRadius % kStep == 0, "filters fill at the end of a step");

template <Mode kMode>
__device__ void strip(const Args& a) {
    using First = Moments<kThreads, kMode>;
    constexpr int kFull = 2 * kRadius / kStep;  // steps
    __shared__ Rows<First::kSpan, First::kGradient> rows[2];
    const Part part(a, First::kSpan - 2 * First::kReach);
    const int first = part.row_begin - First::kReach - kRadius;
    const int fed = part.row_end + First::kReach + kRadius - first;
    const int steps = (fed + kStep - 1) / kStep + (First::kGradient ? 1 : 0);
    Walker walker;
    First moments(a, part, walker);
    typename SecondOf<kMode>::Role second(a, part, walker);
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
    if (kMode != Mode::backward && a.mean.value)
        finish_mean<kBlockThreads<kMode>>(a.mean, in_first ? moments.sum : 0.0f);
}

template <Mode kMode>
constexpr int kBlocksPerUnit = kMode == Mode::forward ? 3 : 2;

}  // namespace gpufix_ssim

#if !defined(__CUDACC_RTC__)
#include <cstdint>

namespace gpufix_ssim {

#if defined(GPUFIX_HIP)
constexpr auto kUnitsAttribute = hipDeviceAttributeMultiprocessorCount;
#else
constexpr auto kUnitsAttribute = cudaDevAttrMultiProcessorCount;
#endif

inline double map_size(const Shape& s) {
    return double(s.planes) * (s.height - 2 * margin(s)) * (s.width - 2 * margin(s));
}

template <Mode kMode, int kBlocks>
__global__ void GPUFIX_LAUNCH_BOUNDS(kBlockThreads<kMode>, kBlocks) strip_kernel(const Args a) {
    strip<kMode>(a);
}

constexpr int kScaleThreads = 256, kScaleVectors = 4;

static __global__ void __launch_bounds__(kScaleThreads)
    scale_kernel(float* values, size_t n, const float* factor) {
    const float f = *factor;
    const size_t first = blockIdx.x * size_t(kScaleThreads * kScaleVectors) + threadIdx.x, vectors = n / 4;
    auto* to = reinterpret_cast<float4*>(values);
    float4 v[kScaleVectors];
#pragma unroll
    for (int k = 0; k < kScaleVectors; ++k)
        if (size_t i = first + k * kScaleThreads; i < vectors) v[k] = to[i];
#pragma unroll
    for (int k = 0; k < kScaleVectors; ++k)
        if (size_t i = first + k * kScaleThreads; i < vectors)
            to[i] = {v[k].x * f, v[k].y * f, v[k].z * f, v[k].w * f};
    if (blockIdx.x == 0 && threadIdx.x < n % 4) values[vectors * 4 + threadIdx.x] *= f;
}

// ---- launchers -------------------------------------------------------------------------------

constexpr int kMaxSegments = 64;
constexpr size_t kCounterBytes = 256;

// For the mean: a counter, and a partial sum a block. Zero when it is first used; a launch leaves the
// counter so.
inline size_t workspace_bytes(const Shape& s) {
    constexpr int kOwned = 2 * (kThreads - kRadius);
    size_t strips = (s.width + kOwned - 1) / kOwned;
    size_t segments = s.height < kMaxSegments ? s.height : kMaxSegments;
    return kCounterBytes + size_t(s.planes) * strips * segments * sizeof(float);
}

inline Mean mean_of(const Shape& s, float* value, void* workspace) {
    auto* bytes = static_cast<char*>(workspace);
    return {value, reinterpret_cast<float*>(bytes + kCounterBytes), reinterpret_cast<unsigned*>(bytes),
            1.0 / map_size(s)};
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
inline gpuError_t launch(Args a, gpuStream_t stream) {
    using First = Moments<kThreads, kMode>;
    int device = 0, units = 0;
    gpuError_t status = gpuGetDevice(&device);
    if (status == gpuSuccess) status = gpuDeviceGetAttribute(&units, kUnitsAttribute, device);
    if (status != gpuSuccess) return status;
    int warmup = 2 * kRadius + (First::kGradient ? 2 * kRadius + kStep : 0);
    cut(a, First::kSpan - 2 * First::kReach, warmup, units * kBlocksPerUnit<kMode>);
    auto even = [](const float* p) { return reinterpret_cast<uintptr_t>(p) % sizeof(float2) == 0; };
    a.paired = First::kGradient && a.shape.width % 2 == 0 && even(a.x) && even(a.y) && even(a.gradient);
    strip_kernel<kMode, kBlocksPerUnit<kMode>>
        <<<unsigned(a.shape.planes * a.strips * a.segments), kBlockThreads<kMode>, 0, stream>>>(a);
    return gpuGetLastError();
}

// The map (planes x kept height x kept width) and its mean; either may be null.
inline gpuError_t forward(const float* x, const float* y, const Shape& shape, float* map, float* mean,
                          void* workspace, gpuStream_t stream) {
    Args a{x, y, nullptr, 0, map, nullptr, mean_of(shape, mean, workspace), shape, false, 0, 0, 0};
    return launch<Mode::forward>(a, stream);
}

// The mean and its gradient by x, in one pass: what a training step needs.
inline gpuError_t mean_and_gradient(const float* x, const float* y, const Shape& shape, float* mean,
                                    float* gradient, void* workspace, gpuStream_t stream) {
    Args a{x, y, nullptr, float(1.0 / map_size(shape)), nullptr, gradient,
           mean_of(shape, mean, workspace), shape, false, 0, 0, 0};
    return launch<Mode::fused>(a, stream);
}

// The gradient by x of sum(map_gradient * map), recomputed from the images.
inline gpuError_t backward(const float* x, const float* y, const Shape& shape,
                           const float* map_gradient, float* gradient, gpuStream_t stream) {
    Args a{x, y, map_gradient, 1.0f, nullptr, gradient, {}, shape, false, 0, 0, 0};
    return launch<Mode::backward>(a, stream);
}

// values *= *factor, `factor` on the device: the chain rule for a loss that uses the mean.
// `values` is aligned to 16 bytes, as allocations are.
inline gpuError_t scale(float* values, size_t n, const float* factor, gpuStream_t stream) {
    constexpr size_t kEach = 4 * kScaleThreads * kScaleVectors;
    scale_kernel<<<unsigned((n + kEach - 1) / kEach), kScaleThreads, 0, stream>>>(values, n, factor);
    return gpuGetLastError();
}

}  // namespace gpufix_ssim
#endif
