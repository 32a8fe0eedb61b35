// Scaled dot-product attention, forward: O = softmax(Q K^T / sqrt(d)) V, in bf16 with float32
// accumulation, without ever storing the scores (Dao et al., FlashAttention-2, 2023).
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common attention.cu -o attention && ./attention
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx90a -I ../common attention.cu -lamdhip64 -o attention
//
// Q, K, V and O are [heads, length, 128]. --size is the length; any length will do.
#include <functional>

#include "attention_wgmma.cuh"
#include "copy_async.h"
#include "harness.h"
#include "matrix.h"

using gpu::bf16;

constexpr int kDim = 128;

struct Shape {
    unsigned heads, length;
    bool causal;  // a query sees the keys up to its own position only
    size_t elements() const { return size_t(heads) * length * kDim; }
};

// ---- reference -------------------------------------------------------------------------------
// One row of O; q, k and v start at their head.
static void row_reference(const float* q, const float* k, const float* v, unsigned keys, double* out) {
    std::vector<double> weight(keys);
    double most = -INFINITY, total = 0;
    for (unsigned j = 0; j < keys; ++j) {
        double dot = 0;
        for (int d = 0; d < kDim; ++d) dot += double(q[d]) * k[size_t(j) * kDim + d];
        weight[j] = dot / std::sqrt(double(kDim));
        most = std::max(most, weight[j]);
    }
    std::fill(out, out + kDim, 0.0);
    for (unsigned j = 0; j < keys; ++j) {
        double w = std::exp(weight[j] - most);
        total += w;
        for (int d = 0; d < kDim; ++d) out[d] += w * v[size_t(j) * kDim + d];
    }
    for (int d = 0; d < kDim; ++d) out[d] /= total;
}

// ---- kernel ----------------------------------------------------------------------------------
// A block takes kRows queries of one head, a wave 16 * kRowTiles of them, and walks over the keys
// kKeys at a time. K of the next step loads while V is used, and V while the scores are computed.
#if defined(GPUFIX_CUDA)
constexpr int kRowTiles = 2, kScratch = 0;  // K and V fragments serve two tiles of rows each
#else
constexpr int kRowTiles = 1, kScratch = gpu::kToAScratch;
#endif
constexpr int kWaves = 4, kRows = kWaves * kRowTiles * 16, kKeys = 64;
constexpr size_t kShared = ((kRows + 2 * kKeys) * kDim + kWaves * kScratch) * sizeof(bf16);

#if defined(GPUFIX_MATRIX_UNITS)

constexpr int kThreads = kWaves * gpu::kWaveSize;
constexpr int kKeyTiles = kKeys / 16, kDimTiles = kDim / 16;

// Rows rows of 128 from row `first` on; zeros beyond `length`.
template <int Rows>
__device__ inline void load_rows(bf16* shared, const bf16* head, unsigned first, unsigned length) {
    constexpr int kPass = kThreads / (kDim / 8);  // rows at a time
    static_assert(Rows % kPass == 0 && kPass % 8 == 0, "passes must be whole and swizzle alike");
    unsigned row = threadIdx.x / (kDim / 8), col = threadIdx.x % (kDim / 8) * 8;
    const bf16* from = head + size_t(first + row) * kDim + col;
    bf16* to = shared + gpu::swizzled(int(row), int(col), kDim);
#pragma unroll
    for (int pass = 0; pass < Rows; pass += kPass)
        gpu::copy_async16(to + pass * kDim, from + pass * kDim, first + row + pass < length);
    gpu::copy_async_commit();
}

using Scores = gpu::Accumulator[kRowTiles][kKeyTiles];
using Output = gpu::Accumulator[kRowTiles][kDimTiles];

__device__ inline void scores(Scores& s, const bf16* q, int query, const bf16* k) {
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
        for (int j = 0; j < kKeyTiles; ++j) s[r][j] = {};
#pragma unroll
    for (int d = 0; d < kDimTiles; ++d) {
        gpu::Fragment fq[kRowTiles];
#pragma unroll
        for (int r = 0; r < kRowTiles; ++r) fq[r] = gpu::load_a(q, kDim, query + r * 16, d * 16);
#pragma unroll
        for (int j = 0; j < kKeyTiles; ++j) {
            gpu::Fragment fk = gpu::load_b_transposed(k, kDim, j * 16, d * 16);
#pragma unroll
            for (int r = 0; r < kRowTiles; ++r) gpu::multiply_add(s[r][j], fq[r], fk);
        }
    }
}

// Keys past the end, and keys after the query when causal, weigh nothing.
__device__ inline void mask(Scores& s, unsigned query, unsigned key, unsigned length, bool causal) {
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
        for (int j = 0; j < kKeyTiles; ++j)
#pragma unroll
            for (int i = 0; i < gpu::kAccElements; ++i) {
                unsigned col = key + j * 16 + gpu::acc_col(i);
                unsigned row = query + r * 16 + gpu::acc_row(i);
                if (col >= length || (causal && col > row)) s[r][j].v[i] = -INFINITY;
            }
}

// The running maximum and sum of each of this lane's rows, in units of log2.
struct Softmax {
    float most[kRowTiles][gpu::kAccRows], total[kRowTiles][gpu::kAccRows];
};

template <class Combine>
__device__ inline float across_row(float v, Combine combine) {
#pragma unroll
    for (int o = gpu::kRowLanes / 2; o > 0; o /= 2)
        v = combine(v, gpu::shfl_xor(gpu::kFullMask, v, o));
    return v;
}

// Turns scores into weights relative to the new maximum, and rescales what was summed before.
__device__ inline void update(Softmax& state, Scores& s, Output& out, float scale) {
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r) {
        float rescale[gpu::kAccRows], shift[gpu::kAccRows];
#pragma unroll
        for (int slot = 0; slot < gpu::kAccRows; ++slot) {
            float most = state.most[r][slot];
#pragma unroll
            for (int j = 0; j < kKeyTiles; ++j)
#pragma unroll
                for (int i = 0; i < gpu::kAccElements; ++i)
                    if (gpu::acc_row_slot(i) == slot) most = fmaxf(most, s[r][j].v[i]);
            most = across_row(most, [](float a, float b) { return fmaxf(a, b); });
            shift[slot] = most * scale;
            rescale[slot] = gpu::exp2_fast(state.most[r][slot] * scale - shift[slot]);
            state.most[r][slot] = most;
            state.total[r][slot] *= rescale[slot];
        }
#pragma unroll
        for (int j = 0; j < kKeyTiles; ++j)
#pragma unroll
            for (int i = 0; i < gpu::kAccElements; ++i) {
                int slot = gpu::acc_row_slot(i);
                float weight = gpu::exp2_fast(s[r][j].v[i] * scale - shift[slot]);
                s[r][j].v[i] = weight;
                state.total[r][slot] += weight;  // this lane's columns: combined at the end
            }
#pragma unroll
        for (int d = 0; d < kDimTiles; ++d)
#pragma unroll
            for (int i = 0; i < gpu::kAccElements; ++i)
                out[r][d].v[i] *= rescale[gpu::acc_row_slot(i)];
    }
}

__device__ inline void accumulate(Output& out, const Scores& weights, const bf16* v, bf16* scratch) {
#pragma unroll
    for (int j = 0; j < kKeyTiles; ++j) {
        gpu::Fragment fw[kRowTiles];
#pragma unroll
        for (int r = 0; r < kRowTiles; ++r) fw[r] = gpu::to_a(weights[r][j], scratch);
#pragma unroll
        for (int d = 0; d < kDimTiles; ++d) {
            gpu::Fragment fv = gpu::load_b(v, kDim, j * 16, d * 16);
#pragma unroll
            for (int r = 0; r < kRowTiles; ++r) gpu::multiply_add(out[r][d], fw[r], fv);
        }
    }
}

__device__ inline void finish(const Softmax& state, Output& out, bf16* o, unsigned query, unsigned length) {
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r) {
        float inverse[gpu::kAccRows];
#pragma unroll
        for (int slot = 0; slot < gpu::kAccRows; ++slot)
            inverse[slot] = 1.0f / across_row(state.total[r][slot], [](float a, float b) { return a + b; });
        unsigned first = query + r * 16;
        int rows = first < length ? int(min(16u, length - first)) : 0;
#pragma unroll
        for (int d = 0; d < kDimTiles; ++d) {
#pragma unroll
            for (int i = 0; i < gpu::kAccElements; ++i) out[r][d].v[i] *= inverse[gpu::acc_row_slot(i)];
            gpu::store(out[r][d], o + size_t(first) * kDim + d * 16, kDim, rows);
        }
    }
}

__global__ void __launch_bounds__(kThreads)
    attention_kernel(const bf16* __restrict__ q, const bf16* __restrict__ k,
                     const bf16* __restrict__ v, bf16* __restrict__ o, Shape shape) {
    extern __shared__ uint4 shared_bytes[];
    bf16* shared_q = reinterpret_cast<bf16*>(shared_bytes);
    bf16 *shared_k = shared_q + kRows * kDim, *shared_v = shared_k + kKeys * kDim;
    int wave = int(threadIdx.x) / gpu::kWaveSize;
    bf16* scratch = shared_v + kKeys * kDim + wave * kScratch;
    size_t head = size_t(blockIdx.y) * shape.length * kDim;
    // Later queries see more keys when causal: start with the longest work.
    unsigned block = shape.causal ? gridDim.x - 1 - blockIdx.x : blockIdx.x;
    unsigned first = block * kRows, my_rows = unsigned(wave) * kRowTiles * 16, query = first + my_rows;
    unsigned end = shape.causal ? min(shape.length, first + kRows) : shape.length;

    load_rows<kRows>(shared_q, q + head, first, shape.length);
    load_rows<kKeys>(shared_k, k + head, 0, shape.length);
    gpu::copy_async_wait<0>();
    __syncthreads();

    const float scale = 1.4426950408889634f / sqrtf(float(kDim));  // log2(e): exp2 is the hardware's
    Output out = {};
    Softmax state;
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r)
#pragma unroll
        for (int slot = 0; slot < gpu::kAccRows; ++slot) {
            state.most[r][slot] = -INFINITY;
            state.total[r][slot] = 0;
        }
    for (unsigned key = 0; key < end; key += kKeys) {
        load_rows<kKeys>(shared_v, v + head, key, shape.length);
        Scores s;
        scores(s, shared_q, int(my_rows), shared_k);
        if (key + kKeys > shape.length || (shape.causal && key + kKeys > first))
            mask(s, query, key, shape.length, shape.causal);
        update(state, s, out, scale);
        gpu::copy_async_wait<0>();
        __syncthreads();  // V is here and K is free
        if (key + kKeys < end) load_rows<kKeys>(shared_k, k + head, key + kKeys, shape.length);
        accumulate(out, s, shared_v, scratch);
        gpu::copy_async_wait<0>();
        __syncthreads();  // K is here and V is free
    }
    finish(state, out, o + head, query, shape.length);
}

#else

__global__ void attention_kernel(const bf16*, const bf16*, const bf16*, bf16*, Shape) {}

#endif

// ---- launcher --------------------------------------------------------------------------------
struct Tensors {
    gpu::DeviceArray<bf16> q, k, v, o;
    Tensors(const Shape& shape, uint64_t seed)
        : q(shape.elements()), k(shape.elements()), v(shape.elements()), o(shape.elements()) {
        // Scores of a standard deviation near 2.7: weights that differ, as in a trained model.
        gpu::fill_uniform_signed<<<gpu::fill_blocks(q.size()), 256>>>(q.data(), q.size(), seed, 8.0f);
        gpu::fill_uniform_signed<<<gpu::fill_blocks(k.size()), 256>>>(k.data(), k.size(), seed + 1);
        gpu::fill_uniform_signed<<<gpu::fill_blocks(v.size()), 256>>>(v.data(), v.size(), seed + 2);
        GPU_CHECK_LAUNCH();
        o.poison();
    }
    // The launch for what this GPU and its code have.
    std::function<void()> attention(const Shape& shape, const gpu::Device& device) const {
#if defined(GPUFIX_TENSOR_MAPS)
        if (gpu::has_wgmma()) {
            gpu::allow_shared(wgmma::attention_kernel, wgmma::kShared);
            auto map = [&](const gpu::DeviceArray<bf16>& x) { return wgmma::map(x.data(), shape.heads, shape.length); };
            wgmma::Problem problem{shape.length, shape.causal, 1.4426950408889634f / std::sqrt(float(kDim))};
            dim3 grid((shape.length + wgmma::kRows - 1) / wgmma::kRows, shape.heads);
            return [this, maps = wgmma::Maps{map(q), map(k), map(v)}, problem, grid] {
                wgmma::attention_kernel<<<grid, wgmma::kThreads, wgmma::kShared>>>(maps, o.data(), problem);
            };
        }
#endif
        gpu::allow_shared(attention_kernel, kShared);
        dim3 grid((shape.length + kRows - 1) / kRows, shape.heads);
        return [this, shape, grid, threads = unsigned(kWaves * device.wave_size)] {
            attention_kernel<<<grid, threads, kShared>>>(q.data(), k.data(), v.data(), o.data(), shape);
        };
    }
};

static std::vector<float> widen(const gpu::DeviceArray<bf16>& x) {
    auto bits = x.download();
    std::vector<float> out(bits.size());
    for (size_t i = 0; i < bits.size(); ++i) out[i] = gpu::to_float(bits[i]);
    return out;
}

// Every row when there are few; else 512 drawn at random, and no element of the rest unwritten.
static void check(gpu::Program& program, const Shape& shape, const Tensors& t, gpu::Result& r) {
    auto q = widen(t.q), k = widen(t.k), v = widen(t.v), o = widen(t.o);
    gpu::HostWork host;
    size_t rows = size_t(shape.heads) * shape.length, samples = std::min<size_t>(rows, 512);
    std::vector<double> want(samples * kDim), got(samples * kDim);
    for (size_t i = 0; i < samples; ++i) {
        size_t row = samples == rows ? i : gpu::random_bits(program.args.seed + 3, i) % rows;
        size_t head = row / shape.length * shape.length * kDim, position = row % shape.length;
        row_reference(&q[row * kDim], &k[head], &v[head],
                      shape.causal ? unsigned(position) + 1 : shape.length, &want[i * kDim]);
        std::copy_n(&o[row * kDim], kDim, &got[i * kDim]);
    }
    r.tolerance = 6e-3;  // the weights and the result are rounded to bf16 once each
    r.error = gpu::compare(want.size(), [&](size_t i) { return got[i]; }, [&](size_t i) { return want[i]; });
    bool all_written = std::all_of(o.begin(), o.end(), [](float x) { return std::isfinite(x); });
    r.valid = r.error.rel_err <= r.tolerance && all_written;
}

static void run(gpu::Program& program, const char* name, const Shape& shape) {
    if (!gpu::has_matrix_units())
        return program.not_applicable(name, "no bf16 matrix units in this GPU's code");
    Tensors t(shape, program.args.seed);
    auto launch = t.attention(shape, program.device);
    launch();
    GPU_CHECK_LAUNCH();
    gpu::Result r(name, {{"heads", double(shape.heads)}, {"length", double(shape.length)},
                         {"dim", double(kDim)}});
    check(program, shape, t, r);
    program.report(r, launch);
}

int main(int argc, char** argv) {
    gpu::Program program("attention", argc, argv);
    auto size = [&](size_t timed, size_t checked) {
        return unsigned(std::max<size_t>(1, program.args.size_or(timed, checked)));
    };
    if (program.wants("small")) run(program, "small", {3, size(157, 83), false});
    if (program.wants("full")) run(program, "full", {64, size(4096, 130), false});
    if (program.wants("causal")) run(program, "causal", {64, size(4096, 130), true});
    return program.finish();
}
