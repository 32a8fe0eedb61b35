// Structural similarity in CUDA, for NVRTC: float32, a window of 11, sizes without limit.
//
// `fused` gives the mean and its gradient in one launch of the suite's kernel (ssim.cuh), which `scaled`
// multiplies by the loss's own. `forward` and `backward` do the work of _triton.py: the map, the derivatives
// that the original's functions hand out, and the mean alone.
//
// A block walks down a strip of columns, two a thread. Rows come into shared memory while those before them
// are blurred: along the row out of shared memory, down the column by a transposed FIR filter whose ten
// states live in registers. The derivatives of the map by the blurs of x, x*x and x*y go to memory; the
// second kernel blurs them in the same way.
//
// WEIGHTS (from the centre outwards), FORWARD_BLOCKS and BACKWARD_BLOCKS (on a multiprocessor) are defined
// by _cuda.py.

#include "ssim.cuh"

constexpr int kThreads = 64, kColumns = 2 * kThreads, kRadius = 5, kTaps = 2 * kRadius + 1;
constexpr int kPad = kRadius + 1;  // columns loaded on either side: an even number
constexpr int kLoads = kColumns + 2 * kPad, kWindow = kTaps + 3;
constexpr int kStep = 2;  // rows between two barriers

__device__ constexpr float weight(int k) {
    constexpr float outwards[kRadius + 1] = {WEIGHTS};
    return outwards[k < kRadius ? kRadius - k : k - kRadius];
}

// Feed row r, receive the blur at row r - 5.
struct ColumnFilter {
    float state[kTaps - 1] = {};
    __device__ float feed(float h) {
        const float out = fmaf(weight(0), h, state[0]);
#pragma unroll
        for (int k = 0; k < kTaps - 2; ++k) state[k] = fmaf(weight(k + 1), h, state[k + 1]);
        state[kTaps - 2] = weight(0) * h;
        return out;
    }
};

// The values that two neighbouring columns need; the first and the last are nobody's.
struct Window {
    float v[kWindow];
    __device__ explicit Window(const float* row) {
#pragma unroll
        for (int i = 0; i < kWindow; i += 2) {
            const float2 pair = *reinterpret_cast<const float2*>(row + i);
            v[i] = pair.x, v[i + 1] = pair.y;
        }
    }
};

// The row blur of f(k) for the window's k, of the left column (0) or the right one (1).
template <class Value>
__device__ float row_blur(int column, Value f) {
    float sum = weight(0) * f(1 + column);
#pragma unroll
    for (int k = 1; k < kTaps; ++k) sum = fmaf(weight(k), f(1 + column + k), sum);
    return sum;
}

// A block's plane, its first column, and its rows.
struct Share {
    int first, begin, end;
    long long start;
    __device__ Share(int strips, int segments, int rows, int height, int width) {
        const unsigned block = blockIdx.x, rest = block / strips;
        first = int(block % strips) * kColumns;
        begin = int(rest % segments) * rows;
        end = min(begin + rows, height);
        start = (long long)(rest / segments) * height * width;
    }
};

__device__ bool even(const void* address) { return reinterpret_cast<unsigned long long>(address) % 8 == 0; }

// kEach floats to shared memory, zeros where they are not valid; there after copied() and a barrier.
template <int kEach>
__device__ void copy(float* to, const float* from, bool valid) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(unsigned(__cvta_generic_to_shared(to))),
                 "l"(from), "n"(4 * kEach), "r"(valid ? 4 * kEach : 0)
                 : "memory");
#else
#pragma unroll
    for (int i = 0; i < kEach; ++i) to[i] = valid ? from[i] : 0.0f;
#endif
}
__device__ void copied() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

template <int kMaps>
using Rows = float[kStep][kMaps][kLoads];

// What a thread loads of kMaps images of one size that lie `apart`: rows from above the share on.
template <int kMaps>
struct Loader {
    const float* map[kMaps];
    const float* chain;  // multiplies what is loaded, where there is one
    int row, height, width, column;
    bool paired;

    __device__ void fetch(Rows<kMaps>& rows) {
        if (chain)
            by<1, true>(rows);
        else if (paired)
            by<2, false>(rows);
        else
            by<1, false>(rows);
    }
    template <int kEach, bool kChain>
    __device__ void by(Rows<kMaps>& rows) {
#pragma unroll
        for (int s = 0; s < kStep; ++s, ++row) {
            const bool inside = row >= 0 && row < height;
            const long long at = (long long)row * width + column;
#pragma unroll
            for (int i = 0; i * kEach * kThreads < kLoads; ++i) {
                const int local = kEach * int(threadIdx.x + i * kThreads);
                if ((i + 1) * kEach * kThreads > kLoads && local >= kLoads) continue;
                const bool valid = inside && column + local >= 0 && column + local < width;
#pragma unroll
                for (int m = 0; m < kMaps; ++m) {
                    float* to = &rows[s][m][local];
                    const float* from = map[m] + at + local;
                    if constexpr (kChain)
                        *to = valid ? *from * chain[at + local] : 0.0f;
                    else
                        copy<kEach>(to, from, valid);
                }
            }
        }
    }
};

// Rows pass through shared memory, kStep at a time while the next are copied: `row` is called with each one's kMaps
// parts, the row that is finished by it, and whether that is one of the share.
template <int kMaps, typename Row>
__device__ void each_row(const Share& share, Loader<kMaps> loader, Row row) {
    __shared__ alignas(16) Rows<kMaps> shared[2];
    loader.fetch(shared[0]);
    const int steps = (share.end - share.begin + 2 * kRadius + kStep - 1) / kStep;
    for (int step = 0; step < steps; ++step) {
        copied();
        __syncthreads();
        loader.fetch(shared[(step & 1) ^ 1]);
#pragma unroll 1
        for (int s = 0; s < kStep; ++s) {
            const int done = share.begin + kStep * step + s - 2 * kRadius;
            row(shared[step & 1][s], done, step >= 2 * kRadius / kStep && done < share.end);
        }
    }
}

__device__ void store(float* to, float left, float right, bool paired, int columns) {
    if (paired) {
        if (columns > 0) *reinterpret_cast<float2*>(to) = {left, right};
    } else {
        if (columns > 0) to[0] = left;
        if (columns > 1) to[1] = right;
    }
}

// Sum over the block, in thread 0.
__device__ float block_sum(float v) {
    __shared__ float waves[kThreads / 32];
#pragma unroll
    for (int o = 16; o > 0; o /= 2) v += __shfl_xor_sync(~0u, v, o);
    if (threadIdx.x % 32 == 0) waves[threadIdx.x / 32] = v;
    __syncthreads();
    float total = 0;
    for (float wave : waves) total += wave;
    __syncthreads();
    return total;
}

// The block that is last adds up what each wrote: one order, one result. The counter is 0 before and after.
__device__ void add_up(float* partial, unsigned* counter, float own, float* mean) {
    __shared__ bool last;
    const float total = block_sum(own);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = total;
        __threadfence();
        last = atomicAdd(counter, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    __threadfence();
    float sum = 0;
    for (unsigned i = threadIdx.x; i < gridDim.x; i += kThreads) sum += __ldcg(partial + i);
    sum = block_sum(sum);
    if (threadIdx.x == 0) *mean = sum, *counter = 0;
}

extern "C" __global__ void __launch_bounds__(kThreads, FORWARD_BLOCKS) forward(
    const float* x, const float* y,
    float* similarity,   // the map, where `map`
    float* derivatives,  // 3 x size, where `keep`
    float* partial,      // a number for each block, where `sum`
    unsigned* counter,   // 0, where `sum`
    float* mean,         // one number, where `sum`
    int height, int width,
    long long size,  // of an image in all: planes * height * width
    int strips, int segments, int rows,
    int margin,  // pixels of the border that do not count
    float c1, float c2,
    float scale,  // of the sums
    int map, int keep, int sum) {
    const Share share(strips, segments, rows, height, width);
    const int column = share.first + 2 * int(threadIdx.x);
    const bool even_rows = width % 2 == 0 && even(x) && even(y);
    const bool paired = even_rows && even(similarity) && even(derivatives);
    const Loader<2> loader = {{x + share.start, y + share.start}, nullptr, share.begin - kRadius,
                              height, width, share.first - kPad, even_rows};
    ColumnFilter filters[2][4];
    bool counts[2];
#pragma unroll
    for (int c = 0; c < 2; ++c) counts[c] = column + c >= margin && column + c < width - margin;
    float total = 0;
    each_row(share, loader, [&](float (&rows)[2][kLoads], int done, bool full) {
        const Window u(rows[0] + 2 * threadIdx.x), v(rows[1] + 2 * threadIdx.x);
        float blurred[2][4], squares[kWindow], products[kWindow];
#pragma unroll
        for (int k = 1; k < kWindow - 1; ++k) {
            squares[k] = fmaf(u.v[k], u.v[k], v.v[k] * v.v[k]);
            products[k] = u.v[k] * v.v[k];
        }
#pragma unroll
        for (int c = 0; c < 2; ++c) {
            blurred[c][0] = filters[c][0].feed(row_blur(c, [&](int k) { return u.v[k]; }));
            blurred[c][1] = filters[c][1].feed(row_blur(c, [&](int k) { return v.v[k]; }));
            blurred[c][2] = filters[c][2].feed(row_blur(c, [&](int k) { return squares[k]; }));
            blurred[c][3] = filters[c][3].feed(row_blur(c, [&](int k) { return products[k]; }));
        }
        if (!full) return;
        const bool row_counts = done >= margin && done < height - margin;
        float clamped[2], by[3][2];
#pragma unroll
        for (int c = 0; c < 2; ++c) {
            const float ux = blurred[c][0], uy = blurred[c][1];
            const float cross = ux * uy, energy = fmaf(ux, ux, uy * uy), variance = blurred[c][2] - energy;
            const float a = fmaf(2.0f, cross, c1), b = fmaf(2.0f, blurred[c][3] - cross, c2);
            const float e = energy + c1, d = (variance < 0.0f ? 0.0f : variance) + c2;
            float inverse;  // of no less than c1 * c2
            asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(e * d));
            const float m = a * b * inverse;
            const bool kept = row_counts && counts[c];
            clamped[c] = m > 1.0f ? 1.0f : m < -1.0f ? -1.0f : m;
            if (kept) total += clamped[c];
            const bool free = kept && !(m > 1.0f || m < -1.0f);
            by[0][c] = free ? 2.0f * inverse * fmaf(uy, b - a, ux * m * (e - d)) : 0.0f;
            by[1][c] = free ? -m * e * inverse : 0.0f;
            by[2][c] = free ? 2.0f * a * inverse : 0.0f;
        }
        const long long at = share.start + (long long)done * width + column;
        if (map) store(similarity + at, clamped[0], clamped[1], paired, width - column);
        if (!keep) return;
#pragma unroll
        for (int m = 0; m < 3; ++m) store(derivatives + m * size + at, by[m][0], by[m][1], paired, width - column);
    });
    if (sum) add_up(partial, counter, total * scale, mean);
}

extern "C" __global__ void __launch_bounds__(kThreads, BACKWARD_BLOCKS) backward(
    const float* x, const float* y, const float* derivatives,
    const float* chain,  // the map's gradient, where `each`; else the mean's, one number
    float* gradient, int height, int width, long long size, int strips, int segments, int rows, float scale,
    int each) {
    const Share share(strips, segments, rows, height, width);
    const int column = share.first + 2 * int(threadIdx.x);
    const bool paired = width % 2 == 0 && even(x) && even(y) && even(derivatives) && even(gradient);
    const float* by_x = derivatives + share.start;
    const Loader<3> loader = {{by_x, by_x + size, by_x + 2 * size}, each ? chain + share.start : nullptr,
                              share.begin - kRadius, height, width, share.first - kPad, paired};
    const float factor = each ? scale : scale * *chain;
    ColumnFilter filters[2][3];
    each_row(share, loader, [&](float (&rows)[3][kLoads], int done, bool full) {
        const long long at = share.start + (long long)done * width + column;
        float px[2] = {}, py[2] = {}, blurred[2][3];
        if (full && paired) {
            if (column < width) {
                const float2 p = *reinterpret_cast<const float2*>(x + at), q = *reinterpret_cast<const float2*>(y + at);
                px[0] = p.x, px[1] = p.y, py[0] = q.x, py[1] = q.y;
            }
        } else if (full) {
#pragma unroll
            for (int c = 0; c < 2; ++c)
                if (column + c < width) px[c] = x[at + c], py[c] = y[at + c];
        }
#pragma unroll
        for (int m = 0; m < 3; ++m) {
            const Window w(rows[m] + 2 * threadIdx.x);
#pragma unroll
            for (int c = 0; c < 2; ++c)
                blurred[c][m] = filters[c][m].feed(row_blur(c, [&](int k) { return w.v[k]; }));
        }
        if (!full) return;
        float out[2];
#pragma unroll
        for (int c = 0; c < 2; ++c)
            out[c] = factor * fmaf(2.0f * px[c], blurred[c][1], fmaf(py[c], blurred[c][2], blurred[c][0]));
        store(gradient + at, out[0], out[1], paired, width - column);
    });
}

// Pointers as forward's, so that both are launched alike: `kept` is the gradient.
extern "C" __global__ void __launch_bounds__(
    gpufix_ssim::kBlockThreads<gpufix_ssim::Mode::fused>, gpufix_ssim::kBlocksPerUnit<gpufix_ssim::Mode::fused>)
    fused(const float* x, const float* y, const float*, float* kept, float* partial, unsigned* counter, float* mean,
          int height, int width, int strips, int segments, int rows, int margin, float scale, double mean_scale) {
    using namespace gpufix_ssim;
    const Shape shape = {0, height, width, margin ? Padding::valid : Padding::same};  // the grid counts planes
    const bool paired = width % 2 == 0 && even(x) && even(y) && even(kept);
    strip<Mode::fused>({x, y, nullptr, scale, nullptr, kept, {mean, partial, counter, mean_scale}, shape, paired,
                        strips, segments, rows});
}

constexpr int kScaleThreads = 256, kScaleVectors = 4;

// Pointers as backward's. What `kept` and `gradient` point at is aligned as allocations are.
extern "C" __global__ void __launch_bounds__(kScaleThreads)
    scaled(const float*, const float*, const float* kept, const float* chain, float* gradient, long long count) {
    const float factor = *chain;
    const long long vectors = count / 4, stride = (long long)gridDim.x * kScaleThreads;
    const auto* from = reinterpret_cast<const float4*>(kept);
    auto* to = reinterpret_cast<float4*>(gradient);
    for (long long first = (long long)blockIdx.x * kScaleThreads + threadIdx.x; first < vectors;
         first += kScaleVectors * stride) {
        float4 v[kScaleVectors];
#pragma unroll
        for (int k = 0; k < kScaleVectors; ++k)
            if (first + k * stride < vectors) v[k] = from[first + k * stride];
#pragma unroll
        for (int k = 0; k < kScaleVectors; ++k)
            if (first + k * stride < vectors)
                to[first + k * stride] = {v[k].x * factor, v[k].y * factor, v[k].z * factor, v[k].w * factor};
    }
    if (blockIdx.x == 0 && threadIdx.x < count % 4) {
        const long long last = vectors * 4 + threadIdx.x;
        gradient[last] = kept[last] * factor;
    }
}
