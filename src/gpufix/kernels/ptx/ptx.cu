// A program that carries PTX and no machine code: the driver must compile it for this GPU. That is
// how code runs on a GPU newer than the toolkit that built it, and it fails when the driver is
// older than the PTX version.
//
//   nvcc -std=c++17 -O3 -gencode arch=compute_90,code=compute_90 -I ../common ptx.cu -o ptx && ./ptx
//
// --size is the number of float32 elements. HIP has no PTX: not applicable there.
#include "harness.h"

#if defined(GPUFIX_CUDA)

// ---- reference -------------------------------------------------------------------------------
constexpr int kTerms = 8;

// A short polynomial of x, by Horner's rule.
static double reference(uint64_t seed, size_t i) {
    double x = gpu::uniform_signed(seed, i), y = 0;
    for (int k = kTerms; k > 0; --k) y = y * x + 1.0 / k;
    return y;
}

// ---- kernel ----------------------------------------------------------------------------------
__global__ void polynomial_kernel(uint64_t seed, size_t n, float* __restrict__ out) {
    size_t i = size_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= n) return;
    float x = gpu::uniform_signed(seed, i), y = 0;
#pragma unroll
    for (int k = kTerms; k > 0; --k) y = y * x + 1.0f / float(k);
    out[i] = y;
}

// ---- launcher --------------------------------------------------------------------------------
static void run_jit(gpu::Program& program) {
    size_t n = gpu::fit(program.args.size_or(size_t{1} << 26, 10000), sizeof(float));
    gpu::DeviceArray<float> out(n);
    out.poison();
    // The module is loaded, hence compiled, at its kernel's first use.
    double begin = gpu::wall_ms();
    cudaFuncAttributes image;
    GPU_CHECK(cudaFuncGetAttributes(&image, polynomial_kernel));
    double compile_ms = gpu::wall_ms() - begin;
    auto launch = [&] {
        polynomial_kernel<<<unsigned((n + 255) / 256), 256>>>(program.args.seed, n, out.data());
    };
    launch();
    GPU_CHECK_LAUNCH();
    auto got = out.download();
    gpu::Result r("jit", {{"n", double(n)}});
    r.tolerance = 1e-6;
    r.error = gpu::compare_beside(n, [&](size_t i) { return got[i]; },
                                  [&](size_t i) { return reference(program.args.seed, i); });
    r.extra.number("compile_ms", compile_ms).number("ptx_for", image.ptxVersion);
    r.extra.number("machine_code_for", image.binaryVersion);
    program.report(r, launch);
}

int main(int argc, char** argv) {
    // Or the driver would hand out what it compiled for an earlier run.
    setenv("CUDA_CACHE_DISABLE", "1", 1);
    gpu::Program program("ptx", argc, argv);
    if (program.wants("jit")) run_jit(program);
    return program.finish();
}

#else

int main(int argc, char** argv) {
    gpu::Program program("ptx", argc, argv);
    if (program.wants("jit")) program.not_applicable("jit", "HIP has no PTX");
    return program.finish();
}

#endif
