// Mean squared distance of each 3D point to its 3 nearest others, exact: the initial scales of
// Gaussian splatting. Morton sort, implicit wide tree, one walk a wave.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common knn.cu -o knn && ./knn
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common knn.cu -lamdhip64 -o knn
//
// --size is the number of points.
#include "harness.h"
#include "knn.cuh"
#include "knn_reference.h"

namespace knn = gpufix_knn;
using Points = std::vector<float>;

// ---- data ------------------------------------------------------------------------------------
static double normal(uint64_t seed, uint64_t i) {
    double u = 1.0 - gpu::uniform(seed, 2 * i), v = gpu::uniform(seed, 2 * i + 1);
    return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
}

static Points uniform(size_t n, uint64_t seed) {
    Points p(3 * n);
    for (size_t i = 0; i < p.size(); ++i) p[i] = gpu::uniform(seed, i);
    return p;
}

// 1000 normal clusters whose widths span two orders of magnitude.
static Points clustered(size_t n, uint64_t seed) {
    constexpr uint64_t kClusters = 1000;
    Points centre = uniform(kClusters, seed + 1), p(3 * n);
    for (size_t i = 0; i < p.size(); ++i) {
        uint64_t cluster = gpu::random_bits(seed + 2, i / 3) % kClusters;
        double width = 0.0005 * std::pow(100.0, gpu::uniform(seed + 3, cluster));
        p[i] = float(centre[3 * cluster + i % 3] + width * normal(seed + 4, i));
    }
    return p;
}

static Points sphere(size_t n, uint64_t seed) {
    Points p(3 * n);
    for (size_t i = 0; i < n; ++i) {
        double v[3], norm = 0;
        for (int axis = 0; axis < 3; ++axis) {
            v[axis] = normal(seed, 3 * i + axis);
            norm += v[axis] * v[axis];
        }
        for (int axis = 0; axis < 3; ++axis) p[3 * i + axis] = float(v[axis] / std::sqrt(norm));
    }
    return p;
}

// x -> scale * x + shift on one axis.
static Points stretched(Points p, int axis, float scale, float shift) {
    for (size_t i = axis; i < p.size(); i += 3) p[i] = scale * p[i] + shift;
    return p;
}

static Points with_outlier(Points p) {
    p[0] = 1e15f;
    p[1] = -3e14f;
    return p;
}

// ---- validation ------------------------------------------------------------------------------
// The largest relative error over `checked` points spread over all (every one when there are fewer).
static gpu::Error validate(const Points& points, const std::vector<float>& got, size_t checked) {
    gpu::HostWork host;
    gpu::Error e;
    size_t n = got.size(), step = std::max<size_t>(1, n / checked);
    for (size_t i = 0; i < n; i += step) {
        double want = knn_reference::mean_distance(points, i), diff = std::fabs(got[i] - want);
        if (!std::isfinite(diff)) diff = std::numeric_limits<double>::infinity();
        e.max_err = std::max(e.max_err, diff);
        e.rel_err = std::max(e.rel_err, want > 0 ? diff / want : diff);
    }
    for (float v : got)  // poisoned: unwritten is NaN
        if (!std::isfinite(v)) e.rel_err = std::numeric_limits<double>::infinity();
    return e;
}

struct Problem {
    gpu::DeviceArray<float> points, mean;
    gpu::DeviceArray<char> workspace;
    explicit Problem(const Points& p)
        : points(p), mean(p.size() / 3), workspace(knn::workspace_bytes(p.size() / 3)) {
        mean.poison();
    }
    void launch() {
        GPU_CHECK(knn::mean_distance(points.data(), (long long)mean.size(), mean.data(),
                                     workspace.data(), nullptr));
    }
};

constexpr double kTolerance = 1e-6;  // relative, of every single distance

static void run_check(gpu::Program& program) {
    uint64_t seed = program.args.seed;
    std::vector<Points> sets;
    for (size_t n : {1, 2, 3, 4, 5, 8, 9, 63, 65, 257, 3000}) sets.push_back(uniform(n, seed + n));
    sets.push_back(clustered(5000, seed));
    sets.push_back(sphere(5000, seed));
    sets.push_back(Points(3 * 1500, 0.25f));                                     // all in one place
    sets.push_back(stretched(uniform(2000, seed + 1), 2, 0.0f, 7.0f));           // a plane
    sets.push_back(stretched(stretched(uniform(2000, seed + 2), 0, 0.0f, 1.0f), 1, 0.0f, -2.0f));
    sets.push_back(with_outlier(stretched(uniform(4000, seed + 3), 1, 1.0f, 1000.0f)));
    sets.push_back(stretched(uniform(3000, seed + 4), 0, 1e12f, -3e12f));        // huge coordinates
    gpu::Result r("check", {{"sets", double(sets.size())}});
    r.tolerance = kTolerance;
    for (const Points& p : sets) {
        Problem problem(p);
        problem.launch();
        gpu::Error e = validate(p, problem.mean.download(), p.size());
        r.error.max_err = std::max(r.error.max_err, e.max_err);
        r.error.rel_err = std::max(r.error.rel_err, e.rel_err);
    }
    program.report(r);
}

static void run_case(gpu::Program& program, const char* name, size_t count, Points (*make)(size_t, uint64_t)) {
    if (!program.wants(name)) return;
    size_t n = program.args.size_or(count, 20000);
    if (n < 1 || (long long)n > knn::kMaxPoints) return program.not_applicable(name, "size out of range");
    const Points points = [&] {
        gpu::HostWork host;
        return make(n, program.args.seed);
    }();
    Problem problem(points);
    problem.launch();
    gpu::Result r(name, {{"n", double(n)}});
    r.tolerance = kTolerance;
    r.error = validate(points, problem.mean.download(), 100);
    program.report(r, [&] { problem.launch(); });
}

int main(int argc, char** argv) {
    gpu::Program program("knn", argc, argv);
    if (program.wants("check")) run_check(program);
    run_case(program, "uniform-1m", 1000 * 1000, uniform);
    run_case(program, "uniform-4m", 4000 * 1000, uniform);
    run_case(program, "clustered-1m", 1000 * 1000, clustered);
    run_case(program, "sphere-1m", 1000 * 1000, sphere);
    return program.finish();
}
