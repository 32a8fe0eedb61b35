// gpu::sort_pairs (the suite's sort) and CUB called directly, on the same keys, turn by turn.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../src/gpufix/kernels/common sort_vs_cub.cu -o sort_vs_cub
//
// --size is the number of (tile, depth) keys. Prints one JSON line with both medians.
#include "device_sort.h"
#include "harness.h"

constexpr int kBits = 32 + 13;

__global__ void fill_keys(uint64_t* keys, uint32_t* ids, size_t n, uint64_t seed) {
    size_t i = size_t(blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= n) return;
    uint64_t bits = gpu::random_bits(seed, i);
    keys[i] = (bits >> 32) % 8160 << 32 | (bits & 0xffffffff);
    ids[i] = uint32_t(i);
}

struct Arrays {
    gpu::DeviceArray<uint64_t> in, out;
    gpu::DeviceArray<uint32_t> ids_in, ids_out;
    explicit Arrays(size_t n) : in(n), out(n), ids_in(n), ids_out(n) {}
};

static void ours(Arrays& a, void* temp, size_t& bytes) {
    gpu::sort_pairs(temp, bytes, a.in.data(), a.out.data(), a.ids_in.data(), a.ids_out.data(),
                    a.in.size(), 0, kBits);
}

static void direct(Arrays& a, void* temp, size_t& bytes) {
    GPU_CHECK(cub::DeviceRadixSort::SortPairs(temp, bytes, a.in.data(), a.out.data(), a.ids_in.data(),
                                              a.ids_out.data(), int(a.in.size()), 0, kBits));
}

int main(int argc, char** argv) {
    gpu::Program program("sort_vs_cub", argc, argv);
    program.wants("sort");
    size_t n = program.args.size_or(11500000, 10000), bytes_ours = 0, bytes_direct = 0;
    Arrays a(n);
    fill_keys<<<unsigned((n + 255) / 256), 256>>>(a.in.data(), a.ids_in.data(), n, program.args.seed);
    GPU_CHECK_LAUNCH();
    ours(a, nullptr, bytes_ours);
    direct(a, nullptr, bytes_direct);
    gpu::DeviceArray<char> temp(std::max(bytes_ours, bytes_direct));
    ours(a, temp.data(), bytes_ours);
    auto keys = a.out.download();
    auto ids = a.ids_out.download();
    a.out.poison();
    direct(a, temp.data(), bytes_direct);
    bool same = keys == a.out.download() && ids == a.ids_out.download() &&
                std::is_sorted(keys.begin(), keys.end());
    if (!same) return gpu::kExitInvalid;
    gpu::Timer timer(program.device.l2_bytes);
    std::vector<double> medians_ours, medians_direct;
    for (int turn = 0; turn < 5; ++turn) {
        medians_direct.push_back(
            timer.measure(program.args.reps, [&] { direct(a, temp.data(), bytes_direct); }).median);
        medians_ours.push_back(
            timer.measure(program.args.reps, [&] { ours(a, temp.data(), bytes_ours); }).median);
    }
    double mine = gpu::summarise(medians_ours).median, cub = gpu::summarise(medians_direct).median;
    gpu::JsonObject().number("n", double(n)).number("ours_ms", mine).number("cub_ms", cub)
        .number("ratio", cub / mine).print();
    return program.finish();
}
