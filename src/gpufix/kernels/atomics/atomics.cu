// Float adds that meet: all on one address, on 1024 random bins, on a million random bins.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common atomics.cu -o atomics && ./atomics
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common atomics.cu -lamdhip64 -o atomics
//
// --size is the number of adds. The addends are small whole numbers and no bin passes 2^24, so that
// float32 sums are exact in any order and one lost update shows.
#include "harness.h"

__host__ __device__ inline unsigned bin_of(uint64_t seed, size_t i, unsigned bins) {
    return unsigned(gpu::random_bits(seed, i) >> 32) % bins;
}

__host__ __device__ inline float addend(uint64_t seed, size_t i) {
    return float(gpu::random_bits(seed, i) & 3);
}

// ---- reference -------------------------------------------------------------------------------
static std::vector<double> reference(uint64_t seed, size_t adds, unsigned bins) {
    std::vector<double> sums(bins);
    for (size_t i = 0; i < adds; ++i) sums[bin_of(seed, i, bins)] += addend(seed, i);
    return sums;
}

// ---- kernel ----------------------------------------------------------------------------------
__global__ void atomics_kernel(uint64_t seed, size_t adds, unsigned bins, float* sums) {
    size_t step = size_t(gridDim.x) * blockDim.x;
    for (size_t i = size_t(blockIdx.x) * blockDim.x + threadIdx.x; i < adds; i += step)
        gpu::atomic_add(sums + bin_of(seed, i, bins), addend(seed, i));
}

// ---- launcher --------------------------------------------------------------------------------
static void run(gpu::Program& program, const char* name, size_t adds, unsigned bins) {
    adds = program.args.size_or(adds, 10000);
    uint64_t seed = program.args.seed;
    gpu::DeviceArray<float> sums(bins);
    auto launch = [&] { atomics_kernel<<<2048, 256>>>(seed, adds, bins, sums.data()); };
    sums.zero();
    launch();
    GPU_CHECK_LAUNCH();
    auto got = sums.download();
    const auto want = [&] {
        gpu::HostWork host;
        return reference(seed, adds, bins);
    }();
    gpu::Result r(name, {{"adds", double(adds)}, {"bins", double(bins)}});
    r.error = gpu::compare(bins, [&](size_t i) { return got[i]; }, [&](size_t i) { return want[i]; });
    program.report(r, launch, [&] { sums.zero(); });
}

int main(int argc, char** argv) {
    gpu::Program program("atomics", argc, argv);
    if (program.wants("one")) run(program, "one", size_t{1} << 22, 1);
    if (program.wants("bins_1k")) run(program, "bins_1k", size_t{1} << 24, 1024);
    if (program.wants("bins_1m")) run(program, "bins_1m", size_t{1} << 24, 1 << 20);
    return program.finish();
}
