// Structural similarity of two images, fused forward and backward: the map, its mean, and the
// gradient of the mean with respect to the first image (11-tap Gaussian window, sigma 1.5).
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common ssim.cu -o ssim && ./ssim
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common ssim.cu -lamdhip64 -o ssim
//
// --size is the images' height; their width is 16/9 of it.
#include "harness.h"
#include "ssim.cuh"
#include "ssim_reference.h"

namespace ssim = gpufix_ssim;

// ---- data and reference ----------------------------------------------------------------------
// A random image y in [0, 1) and x, y with noise: similar images, as in training.
struct Images {
    ssim::Shape shape;
    std::vector<float> x, y;
    Images(const ssim::Shape& s, uint64_t seed) : shape(s) {
        size_t n = size_t(s.planes) * s.height * s.width;
        x.resize(n);
        y.resize(n);
        for (size_t i = 0; i < n; ++i) {
            y[i] = gpu::uniform(seed, i);
            x[i] = 0.7f * y[i] + 0.3f * gpu::uniform(seed + 1, i);
        }
    }
    size_t plane_size() const { return size_t(shape.height) * shape.width; }
    ssim_reference::Plane plane(const std::vector<float>& v, size_t p) const {
        ssim_reference::Plane out(shape.height, shape.width);
        for (size_t i = 0; i < out.v.size(); ++i) out.v[i] = v[p * out.v.size() + i];
        return out;
    }
};

// Plane p's weights in the loss: the mean's, or, for a map gradient, random ones.
static ssim_reference::Plane loss_weights(const Images& im, size_t p, const std::vector<float>* random) {
    bool valid_only = im.shape.padding == ssim::Padding::valid;
    auto w = ssim_reference::mean_weights(im.shape.height, im.shape.width, valid_only);
    size_t kept = 0;
    for (double& v : w.v) {
        if (v == 0) continue;
        if (random) v = (*random)[p * size_t(ssim::map_size(im.shape) / im.shape.planes) + kept++];
        else v /= double(im.shape.planes);
    }
    return w;
}

struct Want {
    std::vector<double> map, gradient;
    double mean = 0;
};

static Want reference(const Images& im, const std::vector<float>* random) {
    Want want;
    for (size_t p = 0; p < size_t(im.shape.planes); ++p) {
        auto weights = loss_weights(im, p, random);
        auto r = ssim_reference::ssim(im.plane(im.x, p), im.plane(im.y, p), weights);
        auto kept = loss_weights(im, p, nullptr);
        for (size_t i = 0; i < kept.v.size(); ++i) {
            if (kept.v[i] == 0) continue;
            want.map.push_back(r.map.v[i]);
            want.mean += kept.v[i] * r.map.v[i];
        }
        want.gradient.insert(want.gradient.end(), r.gradient.v.begin(), r.gradient.v.end());
    }
    return want;
}

// ---- cases -----------------------------------------------------------------------------------
struct Buffers {
    gpu::DeviceArray<float> x, y, map, gradient, mean, factor;
    gpu::DeviceArray<char> workspace;
    explicit Buffers(const Images& im)
        : x(im.x), y(im.y), map(size_t(ssim::map_size(im.shape))), gradient(im.x.size()), mean(1),
          factor(std::vector<float>{1.0f}), workspace(ssim::workspace_bytes(im.shape)) {
        map.poison();
        gradient.poison();
        mean.poison();
        workspace.zero();
    }
};

static gpu::Error against(const std::vector<float>& got, const std::vector<double>& want) {
    return gpu::compare(want.size(), [&](size_t i) { return got[i]; }, [&](size_t i) { return want[i]; });
}

static void worse(gpu::Error& e, const gpu::Error& other) {
    e.max_err = std::max(e.max_err, other.max_err);
    e.rel_err = std::max(e.rel_err, other.rel_err);
}

// Every launcher against the reference.
static gpu::Error validate(const ssim::Shape& shape, uint64_t seed) {
    Images im(shape, seed);
    Buffers b(im);
    std::vector<float> random(b.map.size());
    for (size_t i = 0; i < random.size(); ++i) random[i] = gpu::uniform_signed(seed + 2, i);
    Want want, want_random;
    {
        gpu::HostWork host;
        want = reference(im, nullptr);
        want_random = reference(im, &random);
    }

    GPU_CHECK(ssim::forward(b.x.data(), b.y.data(), shape, b.map.data(), b.mean.data(),
                            b.workspace.data(), nullptr));
    gpu::Error e = against(b.map.download(), want.map);
    worse(e, against(b.mean.download(), {want.mean}));

    b.mean.poison();
    GPU_CHECK(ssim::mean_and_gradient(b.x.data(), b.y.data(), shape, b.mean.data(), b.gradient.data(),
                                      b.workspace.data(), nullptr));
    worse(e, against(b.mean.download(), {want.mean}));
    worse(e, against(b.gradient.download(), want.gradient));

    gpu::DeviceArray<float> map_gradient(random);
    b.gradient.poison();
    GPU_CHECK(ssim::backward(b.x.data(), b.y.data(), shape, map_gradient.data(), b.gradient.data(), nullptr));
    worse(e, against(b.gradient.download(), want_random.gradient));
    return e;
}

constexpr double kTolerance = 2e-5;

// Sizes around the kernel's own: strips, segments, less than a window.
static void run_check(gpu::Program& program) {
    using ssim::Padding;
    const ssim::Shape shapes[] = {{1, 64, 64, Padding::same},    {2, 11, 11, Padding::valid},
                                  {3, 1, 1, Padding::same},      {1, 5, 300, Padding::same},
                                  {2, 97, 247, Padding::valid},  {3, 130, 513, Padding::same},
                                  {1, 257, 12, Padding::valid}};
    gpu::Result r("check", {{"shapes", double(std::size(shapes))}});
    r.tolerance = kTolerance;
    uint64_t seed = program.args.seed;
    for (const auto& s : shapes) worse(r.error, validate(s, seed += 8));
    program.report(r);
}

// The timed launch against the reference on the last plane, and its mean against the whole map's.
static gpu::Error validate_large(const Images& im, Buffers& b) {
    const ssim::Shape& s = im.shape;
    GPU_CHECK(ssim::forward(b.x.data(), b.y.data(), s, b.map.data(), nullptr, nullptr, nullptr));
    GPU_CHECK(ssim::mean_and_gradient(b.x.data(), b.y.data(), s, b.mean.data(), b.gradient.data(),
                                      b.workspace.data(), nullptr));
    auto map = b.map.download(), gradient = b.gradient.download(), mean = b.mean.download();
    gpu::HostWork host;
    double sum = 0;
    for (float m : map) sum += m;
    size_t last = size_t(s.planes) - 1, n = im.plane_size();
    auto want = ssim_reference::ssim(im.plane(im.x, last), im.plane(im.y, last), loss_weights(im, last, nullptr));
    gpu::Error e = against(mean, {sum / double(map.size())});
    worse(e, against({map.end() - n, map.end()}, want.map.v));
    worse(e, against({gradient.end() - n, gradient.end()}, want.gradient.v));
    return e;
}

static void run_case(gpu::Program& program, const char* name, int batch, int height, int width) {
    if (!program.wants(name)) return;
    if (program.args.size) {
        height = int(program.args.size);
        width = height * 16 / 9;
    } else if (program.args.check_only) {
        batch = 1, height = 90, width = 320;
    }
    ssim::Shape shape{3LL * batch, height, width, ssim::Padding::same};
    gpu::Result r(name, {{"planes", double(shape.planes)}, {"height", double(height)}, {"width", double(width)}});
    r.tolerance = kTolerance;
    const Images im = [&] {
        gpu::HostWork host;
        return Images(shape, program.args.seed);
    }();
    Buffers b(im);
    r.error = validate_large(im, b);
    program.report(r, [&] {
        GPU_CHECK(ssim::mean_and_gradient(b.x.data(), b.y.data(), shape, b.mean.data(),
                                          b.gradient.data(), b.workspace.data(), nullptr));
        GPU_CHECK(ssim::scale(b.gradient.data(), b.gradient.size(), b.factor.data(), nullptr));
    });
}

int main(int argc, char** argv) {
    gpu::Program program("ssim", argc, argv);
    if (program.wants("check")) run_check(program);
    run_case(program, "1x3x1080x1920", 1, 1080, 1920);
    run_case(program, "5x3x1080x1920", 5, 1080, 1920);
    run_case(program, "1x3x2160x3840", 1, 2160, 3840);
    run_case(program, "1x3x545x980", 1, 545, 980);
    return program.finish();
}
