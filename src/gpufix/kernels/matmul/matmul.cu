// C = A B on the matrix units: bf16 in and out, float32 accumulation, all row-major.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common matmul.cu -o matmul && ./matmul
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx90a -I ../common matmul.cu -lamdhip64 -o matmul
//
// --size is the order of the square matrices, rounded up to whole tiles.
#include <functional>

#include "copy_async.h"
#include "harness.h"
#include "matmul_wgmma.cuh"
#include "matrix.h"

using gpu::bf16;

// ---- reference -------------------------------------------------------------------------------
static double element_reference(const bf16* a, const bf16* b, size_t n, size_t row, size_t col) {
    double sum = 0;
    for (size_t k = 0; k < n; ++k)
        sum += double(gpu::to_float(a[row * n + k])) * gpu::to_float(b[k * n + col]);
    return sum;
}

static std::vector<double> times_vector(const bf16* m, size_t n, const std::vector<double>& x) {
    std::vector<double> y(n);
    for (size_t i = 0; i < n; ++i) {
        double sum = 0;
        for (size_t k = 0; k < n; ++k) sum += double(gpu::to_float(m[i * n + k])) * x[k];
        y[i] = sum;
    }
    return y;
}

// Freivalds' test reads every element of C: C x = A (B x) for random signs x, in float64. Returns
// the worst row's deviation in units of what bf16 rounding of that row of C explains: standard
// deviations, a rounding error being uniform over at most 2^-7 of its number.
static double freivalds(const bf16* a, const bf16* b, const bf16* c, size_t n, uint64_t seed) {
    std::vector<double> x(n);
    for (size_t i = 0; i < n; ++i) x[i] = gpu::random_bits(seed, i) & 1 ? 1.0 : -1.0;
    auto want = times_vector(a, n, times_vector(b, n, x));
    auto got = times_vector(c, n, x);
    double worst = 0;
    for (size_t i = 0; i < n; ++i) {
        double squares = 0;
        for (size_t j = 0; j < n; ++j) {
            double v = gpu::to_float(c[i * n + j]);
            squares += v * v;
        }
        double sigma = std::sqrt(squares / 12) / 128, off = std::fabs(got[i] - want[i]);
        worst = std::max(worst, std::isfinite(off) && sigma > 0 ? off / sigma : INFINITY);
    }
    return worst;
}

// ---- kernel ----------------------------------------------------------------------------------
// A block makes a kTileM x kTileN tile of C, each of its waves a kWaveM x kWaveN part. Tiles of A and B
// come through kStages buffers in shared memory: one computes while the next ones load.
#if defined(GPUFIX_CUDA)
constexpr int kTileN = 256, kTileK = 64, kWaveM = 64;  // 96 KiB of shared memory: sm_86 has 99
#else
constexpr int kTileN = 128, kTileK = 64, kWaveM = 32;  // 64 KiB of 64
#endif
constexpr int kTileM = 128, kWaveN = 64, kStages = 2;
constexpr int kWavesN = kTileN / kWaveN, kWaves = kTileM / kWaveM * kWavesN;
constexpr int kStageA = kTileM * kTileK, kStageB = kTileK * kTileN;
constexpr size_t kShared = size_t(kStages) * (kStageA + kStageB) * sizeof(bf16);

#if defined(GPUFIX_MATRIX_UNITS)

constexpr unsigned kGroup = 8;  // rows of tiles walked together, so that their A and B stay in L2
constexpr int kAhead = kStages - 1;  // stages that load while one computes
constexpr int kThreads = kWaves * gpu::kWaveSize;
// With two sets of fragments, shared memory is read while the matrix units work. AMD's have no
// registers left for that.
#if defined(GPUFIX_MMA_PTX)
constexpr int kBuffers = 2;
#else
constexpr int kBuffers = 1;
#endif

__device__ inline void tile_of_block(unsigned tiles_m, unsigned tiles_n, unsigned* m, unsigned* n) {
    unsigned per_group = kGroup * tiles_n, group = blockIdx.x / per_group;
    unsigned rows = min(kGroup, tiles_m - group * kGroup), within = blockIdx.x % per_group;
    *m = group * kGroup + within % rows;
    *n = within / rows;
}

// Rows x Cols elements, 8 at a time. A thread's place in the first pass and the tile's own address
// are all that varies at run time: few registers, though the loop is unrolled.
template <int Rows, int Cols>
__device__ inline void load_tile(bf16* shared, const bf16* global, unsigned n) {
    constexpr int kPass = kThreads / (Cols / 8);  // rows at a time
    static_assert(Rows % kPass == 0 && kPass % 8 == 0, "passes must be whole and swizzle alike");
    unsigned row = threadIdx.x / (Cols / 8), col = threadIdx.x % (Cols / 8) * 8;
    unsigned from = row * n + col;
    bf16* to = shared + gpu::swizzled(int(row), int(col), Cols);
#pragma unroll
    for (int pass = 0; pass < Rows / kPass; ++pass)
        gpu::copy_async16(to + pass * kPass * Cols, global + size_t(pass * kPass) * n + from);
}

struct Fragments {
    gpu::Fragment a[kWaveM / 16], b[kWaveN / 16];
};

// Rows from `m`, columns from `n`, 16 of the inner dimension from `k`.
__device__ inline void load_fragments(Fragments& f, const bf16* a, const bf16* b, int m, int n, int k) {
#pragma unroll
    for (int j = 0; j < kWaveN / 16; ++j) f.b[j] = gpu::load_b(b, kTileN, k, n + j * 16);
#pragma unroll
    for (int i = 0; i < kWaveM / 16; ++i) f.a[i] = gpu::load_a(a, kTileK, m + i * 16, k);
}

using Accumulators = gpu::Accumulator[kWaveM / 16][kWaveN / 16];

__device__ inline void multiply_add(Accumulators& acc, const Fragments& f) {
#pragma unroll
    for (int i = 0; i < kWaveM / 16; ++i)
#pragma unroll
        for (int j = 0; j < kWaveN / 16; ++j) gpu::multiply_add(acc[i][j], f.a[i], f.b[j]);
}

__global__ void __launch_bounds__(kThreads)
    matmul_kernel(const bf16* __restrict__ a, const bf16* __restrict__ b, bf16* __restrict__ c,
                  unsigned n) {
    extern __shared__ uint4 shared_bytes[];
    bf16* shared_a = reinterpret_cast<bf16*>(shared_bytes);
    bf16* shared_b = shared_a + kStages * kStageA;
    unsigned tile_m, tile_n, steps = n / kTileK;
    tile_of_block(n / kTileM, n / kTileN, &tile_m, &tile_n);
    a += size_t(tile_m) * kTileM * n;
    b += tile_n * kTileN;
    int wave = int(threadIdx.x) / gpu::kWaveSize;
    int wave_m = wave / kWavesN * kWaveM, wave_n = wave % kWavesN * kWaveN;

    auto load_stage = [&](unsigned step) {
        if (step < steps) {
            unsigned s = step % kStages;
            load_tile<kTileM, kTileK>(shared_a + s * kStageA, a + step * kTileK, n);
            load_tile<kTileK, kTileN>(shared_b + s * kStageB, b + size_t(step) * kTileK * n, n);
        }
        gpu::copy_async_commit();  // an empty group when nothing is left: keeps the count
    };
    auto fragments_at = [&](Fragments& f, unsigned step, int k) {
        unsigned s = step % kStages;
        load_fragments(f, shared_a + s * kStageA, shared_b + s * kStageB, wave_m, wave_n, k);
    };

    for (unsigned s = 0; s < kAhead; ++s) load_stage(s);
    gpu::copy_async_wait<kAhead - 1>();
    __syncthreads();
    Accumulators acc = {};
    Fragments f[kBuffers];
    fragments_at(f[0], 0, 0);
    for (unsigned step = 0; step < steps; ++step) {
        load_stage(step + kAhead);  // into the stage that every wave left before the last barrier
#pragma unroll
        for (int k = 0; k < kTileK; k += 16) {
            bool last = k + 16 == kTileK;
            if (last) {
                gpu::copy_async_wait<kAhead - 1>();
                __syncthreads();
            }
            if (kBuffers == 1) multiply_add(acc, f[0]);
            // After the last step this reads a stale stage and is never used.
            fragments_at(f[(k / 16 + 1) % kBuffers], last ? step + 1 : step, last ? 0 : k + 16);
            if (kBuffers == 2) multiply_add(acc, f[k / 16 % kBuffers]);
        }
    }

    c += (size_t(tile_m) * kTileM + wave_m) * n + tile_n * kTileN + wave_n;
#pragma unroll
    for (int i = 0; i < kWaveM / 16; ++i)
#pragma unroll
        for (int j = 0; j < kWaveN / 16; ++j) gpu::store(acc[i][j], c + size_t(i) * 16 * n + j * 16, n);
}

#else

__global__ void matmul_kernel(const bf16*, const bf16*, bf16*, unsigned) {}

#endif

// ---- launcher --------------------------------------------------------------------------------
struct Matrices {
    gpu::DeviceArray<bf16> a, b, c;
    size_t n;
    Matrices(size_t order, uint64_t seed) : a(order * order), b(order * order), c(order * order), n(order) {
        gpu::fill_uniform_signed<<<gpu::fill_blocks(a.size()), 256>>>(a.data(), a.size(), seed);
        gpu::fill_uniform_signed<<<gpu::fill_blocks(b.size()), 256>>>(b.data(), b.size(), seed + 1);
        GPU_CHECK_LAUNCH();
        c.poison();
    }
    // The launch for what this GPU and its code have.
    std::function<void()> multiplication(const gpu::Device& device) const {
        unsigned tiles = unsigned((n / kTileM) * (n / kTileN));
#if defined(GPUFIX_TENSOR_MAPS)
        if (gpu::has_wgmma()) {
            gpu::allow_shared(wgmma::matmul_kernel, wgmma::kShared);
            return [this, maps = wgmma::maps(a.data(), b.data(), n), units = unsigned(device.units)] {
                wgmma::matmul_kernel<<<units, wgmma::kThreads, wgmma::kShared>>>(maps, c.data(), unsigned(n));
            };
        }
#endif
        gpu::allow_shared(matmul_kernel, kShared);
        return [this, tiles, threads = unsigned(kWaves * device.wave_size)] {
            matmul_kernel<<<tiles, threads, kShared>>>(a.data(), b.data(), c.data(), unsigned(n));
        };
    }
};

// Every element of small matrices; of large ones 4096 drawn at random, and Freivalds over all.
static void check(gpu::Program& program, const Matrices& m, gpu::Result& r) {
    auto a = m.a.download(), b = m.b.download(), c = m.c.download();
    gpu::HostWork host;
    size_t n = m.n, samples = n * n <= size_t{1} << 18 ? n * n : 4096;
    std::vector<double> want(samples), got(samples);
    for (size_t i = 0; i < samples; ++i) {
        size_t at = samples == n * n ? i : gpu::random_bits(program.args.seed + 2, i) % (n * n);
        want[i] = element_reference(a.data(), b.data(), n, at / n, at % n);
        got[i] = gpu::to_float(c[at]);
    }
    r.tolerance = 4e-3;  // one rounding to bf16
    r.error = gpu::compare(samples, [&](size_t i) { return got[i]; }, [&](size_t i) { return want[i]; });
    double sigmas = freivalds(a.data(), b.data(), c.data(), n, program.args.seed + 3);
    r.extra.number("freivalds_sigmas", sigmas);
    r.valid = r.error.rel_err <= r.tolerance && sigmas < 8;
}

static void run(gpu::Program& program, const char* name, size_t order) {
    if (!gpu::has_matrix_units())
        return program.not_applicable(name, "no bf16 matrix units in this GPU's code");
    size_t n = (std::max<size_t>(order, 1) + kTileN - 1) / kTileN * kTileN;
    Matrices m(n, program.args.seed);
    auto launch = m.multiplication(program.device);
    launch();
    GPU_CHECK_LAUNCH();
    gpu::Result r(name, {{"n", double(n)}});
    check(program, m, r);
    program.report(r, launch);
}

int main(int argc, char** argv) {
    gpu::Program program("matmul", argc, argv);
    if (program.wants("small")) run(program, "small", program.args.size_or(512, 256));
    if (program.wants("square")) run(program, "square", program.args.size_or(8192, 768));
    return program.finish();
}
