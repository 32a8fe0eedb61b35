// Bandwidth of device memory: copy (b = a) and triad (c = a + s * b), in float32.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common stream.cu -o stream && ./stream
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common stream.cu -lamdhip64 -o stream
//
// --size is the number of float32 elements in each array.
#include "harness.h"

// ---- reference -------------------------------------------------------------------------------
constexpr float kScale = 1.25f;

static double copy_reference(uint64_t seed, size_t i) { return gpu::uniform_signed(seed, i); }

static double triad_reference(uint64_t seed, size_t i) {
    return double(gpu::uniform_signed(seed, i)) + double(kScale) * gpu::uniform_signed(seed + 1, i);
}

// ---- kernels ---------------------------------------------------------------------------------
// One 16-byte vector per thread. On an H200 (CUDA 13.0) several per thread, a grid-stride loop and
// streaming cache hints were all slower, by 3 to 11 %: the block scheduler keeps enough in flight.
constexpr int kThreads = 256;

__global__ void __launch_bounds__(kThreads)
    copy_kernel(const float4* __restrict__ a, float4* __restrict__ b, size_t vectors) {
    size_t i = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < vectors) b[i] = a[i];
}

__global__ void __launch_bounds__(kThreads)
    triad_kernel(const float4* __restrict__ a, const float4* __restrict__ b, float4* __restrict__ c,
                 size_t vectors) {
    size_t i = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i >= vectors) return;
    float4 x = a[i], y = b[i];
    c[i] = {x.x + kScale * y.x, x.y + kScale * y.y, x.z + kScale * y.z, x.w + kScale * y.w};
}

// ---- launchers -------------------------------------------------------------------------------
static unsigned blocks_for(size_t vectors) {
    return static_cast<unsigned>((vectors + kThreads - 1) / kThreads);
}

static void fill(gpu::DeviceArray<float>& x, uint64_t seed) {
    gpu::fill_uniform_signed<<<gpu::fill_blocks(x.size()), 256>>>(x.data(), x.size(), seed);
    GPU_CHECK_LAUNCH();
}

static size_t elements(const gpu::Program& program, int arrays) {
    // 1 GiB an array: far beyond any L2.
    size_t want = program.args.size_or(size_t{1} << 28, 100 * 1000);
    return gpu::fit(want, arrays * sizeof(float)) / 4 * 4;  // whole float4s
}

static void run_copy(gpu::Program& program) {
    size_t n = elements(program, 2);
    gpu::DeviceArray<float> a(n), b(n);
    fill(a, program.args.seed);
    b.poison();
    auto launch = [&] {
        copy_kernel<<<blocks_for(n / 4), kThreads>>>(
            reinterpret_cast<const float4*>(a.data()), reinterpret_cast<float4*>(b.data()), n / 4);
    };
    launch();
    GPU_CHECK_LAUNCH();
    auto got = b.download();
    gpu::Result r("copy", {{"n", double(n)}});
    r.error = gpu::compare_beside(n, [&](size_t i) { return got[i]; },
                                  [&](size_t i) { return copy_reference(program.args.seed, i); });
    program.report(r, launch);
}

static void run_triad(gpu::Program& program) {
    size_t n = elements(program, 3);
    gpu::DeviceArray<float> a(n), b(n), c(n);
    fill(a, program.args.seed);
    fill(b, program.args.seed + 1);
    c.poison();
    auto launch = [&] {
        triad_kernel<<<blocks_for(n / 4), kThreads>>>(
            reinterpret_cast<const float4*>(a.data()), reinterpret_cast<const float4*>(b.data()),
            reinterpret_cast<float4*>(c.data()), n / 4);
    };
    launch();
    GPU_CHECK_LAUNCH();
    auto got = c.download();
    gpu::Result r("triad", {{"n", double(n)}});
    r.tolerance = 1e-6;
    r.error = gpu::compare_beside(n, [&](size_t i) { return got[i]; },
                                  [&](size_t i) { return triad_reference(program.args.seed, i); });
    program.report(r, launch);
}

int main(int argc, char** argv) {
    gpu::Program program("stream", argc, argv);
    if (program.wants("copy")) run_copy(program);
    if (program.wants("triad")) run_triad(program);
    return program.finish();
}
