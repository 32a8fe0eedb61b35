// Cost of a launch: an empty kernel's round trip seen from the host, and launches back to back.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common launch.cu -o launch && ./launch
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common launch.cu -lamdhip64 -o launch
//
// --size is the number of launches.
#include "harness.h"

// ---- kernel ----------------------------------------------------------------------------------
// Timed with a null counter: it then does nothing. Checked with a real one, which proves that
// every launch ran exactly once.
__global__ void empty_kernel(unsigned* counter) {
    if (counter) atomicAdd(counter, 1u);
}

// ---- launchers -------------------------------------------------------------------------------
static void check_all_ran(gpu::Result& r, size_t launches) {
    gpu::DeviceArray<unsigned> counter(1);
    counter.zero();
    for (size_t i = 0; i < launches; ++i) empty_kernel<<<1, 1>>>(counter.data());
    GPU_CHECK_LAUNCH();
    size_t ran = counter.download()[0];
    r.exact(ran > launches ? ran - launches : launches - ran);
}

// Host time from the launch call until the host knows that the kernel has ended.
static double round_trip_ms() {
    double begin = gpu::wall_ms();
    empty_kernel<<<1, 1>>>(nullptr);
    GPU_CHECK(gpuStreamSynchronize(nullptr));
    return gpu::wall_ms() - begin;
}

static void run_latency(gpu::Program& program) {
    size_t launches = program.args.size_or(1000, 10);
    gpu::Result r("latency", {{"launches", double(launches)}});
    check_all_ran(r, launches);
    if (r.ok() && !program.args.check_only) {
        gpu::Alone quiet;
        for (int i = 0; i < 100; ++i) round_trip_ms();
        std::vector<double> ms(launches);
        for (double& sample : ms) sample = round_trip_ms();
        r.time = gpu::summarise(ms);
    }
    program.report(r);
}

// Host time per launch when nothing waits until the last one has ended.
static double back_to_back_ms(size_t launches) {
    double begin = gpu::wall_ms();
    for (size_t i = 0; i < launches; ++i) empty_kernel<<<1, 1>>>(nullptr);
    GPU_CHECK_LAUNCH();
    GPU_CHECK(gpuDeviceSynchronize());
    return (gpu::wall_ms() - begin) / double(launches);
}

static void run_throughput(gpu::Program& program) {
    size_t launches = program.args.size_or(10000, 100);
    gpu::Result r("throughput", {{"launches", double(launches)}});
    check_all_ran(r, launches);
    if (r.ok() && !program.args.check_only) {
        gpu::Alone quiet;
        back_to_back_ms(launches);
        std::vector<double> ms(size_t(program.args.reps));
        for (double& sample : ms) sample = back_to_back_ms(launches);
        r.time = gpu::summarise(ms);
        r.extra.number("launches_per_s", 1e3 / r.time->median);
    }
    program.report(r);
}

int main(int argc, char** argv) {
    gpu::Program program("launch", argc, argv);
    if (program.wants("latency")) run_latency(program);
    if (program.wants("throughput")) run_throughput(program);
    return program.finish();
}
