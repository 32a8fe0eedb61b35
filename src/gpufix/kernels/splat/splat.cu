// 3D Gaussian splatting: tile rasteriser, forward and backward, spherical harmonics to degree 3.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common splat.cu -o splat && ./splat
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common splat.cu -lamdhip64 -o splat
//
// --size is the number of Gaussians. Timed at 1920 x 1080 with degree 3.
#include "harness.h"
#include "splat.cuh"
#include "splat_reference.h"

namespace splat = gpufix_splat;
namespace ref = splat_reference;

// ---- data ------------------------------------------------------------------------------------
struct Model {
    int n, degree;
    std::vector<float> means, scales, rotations, opacities, sh;
};

static splat::Camera make_camera(int width, int height) {
    // Turned and moved a little, so that no entry of the view is zero.
    double a = 0.1, b = -0.07, ca = std::cos(a), sa = std::sin(a), cb = std::cos(b), sb = std::sin(b);
    const double view[12] = {ca, 0, sa, 0.05, sa * sb, cb, -ca * sb, -0.03, -sa * cb, sb, ca * cb, 0.2};
    splat::Camera c{};
    for (int i = 0; i < 12; ++i) c.view[i] = float(view[i]);
    c.fx = c.fy = 0.6f * float(width);
    c.cx = 0.5f * width + 0.25f, c.cy = 0.5f * height - 0.25f;
    c.near_plane = 0.2f;
    c.width = width, c.height = height;
    c.background[0] = 0.2f, c.background[1] = 0.5f, c.background[2] = 0.1f;
    return c;
}

static double normal(uint64_t seed, uint64_t i) {
    double u = 1.0 - gpu::uniform(seed, 2 * i), v = gpu::uniform(seed, 2 * i + 1);
    return std::sqrt(-2 * std::log(u)) * std::cos(6.283185307179586 * v);
}

// Uniform over the screen and over depths 2 to 12 (some a little outside the view); a standard
// deviation of `low` to `high` pixels on each axis, log-uniform; opacity uniform.
static Model make_model(int n, int degree, const splat::Camera& c, float low, float high, uint64_t seed) {
    Model m{n, degree, {}, {}, {}, {}, {}};
    for (int i = 0; i < n; ++i) {
        auto u = [&](int k) { return gpu::uniform(seed + k, i); };
        float z = 2 + 10 * u(0), x = (1.1f * u(1) - 0.05f) * c.width, y = (1.1f * u(2) - 0.05f) * c.height;
        float t[3] = {(x - c.cx) * z / c.fx - c.view[3], (y - c.cy) * z / c.fy - c.view[7], z - c.view[11]};
        for (int k = 0; k < 3; ++k) {  // the view's rotation undone
            m.means.push_back(c.view[k] * t[0] + c.view[4 + k] * t[1] + c.view[8 + k] * t[2]);
            m.scales.push_back(low * std::pow(high / low, u(3 + k)) * z / c.fx);
        }
        for (int k = 0; k < 4; ++k) m.rotations.push_back(float(normal(seed + 10, 4 * uint64_t(i) + k)));
        m.opacities.push_back(0.02f + 0.97f * u(6));
        for (int k = 0; k < 3 * (degree + 1) * (degree + 1); ++k)
            m.sh.push_back((k < 3 ? 1.0f : 0.3f) * gpu::uniform_signed(seed + 11, 48 * uint64_t(i) + k));
    }
    return m;
}

// ---- on the device ---------------------------------------------------------------------------
struct Problem {
    splat::Camera camera;
    Model model;
    gpu::DeviceArray<float> means, scales, rotations, opacities, sh, image, weight;
    gpu::DeviceArray<float> by_means, by_scales, by_rotations, by_opacities, by_sh, by_screen;
    gpu::DeviceArray<int> radii;
    gpu::DeviceArray<char> scene_space, backward_space;
    std::optional<gpu::DeviceArray<char>> list_space;
    gpu::DeviceArray<unsigned long long> needed;
    uint32_t room = 0;  // for the list; 0: each frame waits for what it needs
    splat::Frame frame{};

    Problem(const splat::Camera& c, Model m)
        : camera(c), model(std::move(m)), means(model.means), scales(model.scales), rotations(model.rotations),
          opacities(model.opacities), sh(model.sh), image(size_t(3) * c.width * c.height), weight(image.size()),
          by_means(means.size()), by_scales(scales.size()), by_rotations(rotations.size()),
          by_opacities(opacities.size()), by_sh(sh.size()), by_screen(size_t(2) * model.n), radii(model.n),
          scene_space(splat::scene_bytes(model.n, c)), backward_space(splat::backward_bytes(model.n)), needed(1) {
        for (auto* a : {&image, &by_means, &by_scales, &by_rotations, &by_opacities, &by_sh, &by_screen}) a->poison();
    }
    splat::Scene scene() const {
        return {model.n, model.degree, (model.degree + 1) * (model.degree + 1), means.data(), scales.data(),
                rotations.data(), opacities.data(), sh.data()};
    }
    // Room for the list is kept between frames, as an allocator with a cache would.
    void forward() {
        frame.instances = room;
        GPU_CHECK(splat::prepare(scene(), camera, scene_space.data(), radii.data(), frame, needed.data(), nullptr));
        size_t need = splat::list_bytes(frame.instances);
        if (!list_space || list_space->bytes() < need) list_space.emplace(need);
        GPU_CHECK(splat::render(scene(), camera, frame, list_space->data(), image.data(), nullptr));
    }
    void backward() {
        splat::SceneGradient out{by_means.data(), by_scales.data(), by_rotations.data(), by_opacities.data(),
                                 by_sh.data(), by_screen.data()};
        GPU_CHECK(splat::backward(scene(), camera, frame, image.data(), weight.data(), backward_space.data(), out, nullptr));
    }
};

// ---- validation ------------------------------------------------------------------------------
static ref::Camera reference_camera(const splat::Camera& c) {
    ref::Camera r{};
    std::copy(c.view, c.view + 12, r.view);
    r.fx = c.fx, r.fy = c.fy, r.cx = c.cx, r.cy = c.cy, r.near_plane = c.near_plane;
    r.width = c.width, r.height = c.height;
    std::copy(c.background, c.background + 3, r.background);
    return r;
}

// Gaussian i of arrays of 3, 3, 4, 1 and 3k a Gaussian as the reference's row.
static void fill_row(const Model& m, int i, double* row) {
    const int k = ref::stride(m.degree) - ref::kSh;
    std::copy_n(m.means.begin() + 3 * size_t(i), 3, row + ref::kMean);
    std::copy_n(m.scales.begin() + 3 * size_t(i), 3, row + ref::kScale);
    std::copy_n(m.rotations.begin() + 4 * size_t(i), 4, row + ref::kRotation);
    row[ref::kOpacity] = m.opacities[i];
    std::copy_n(m.sh.begin() + k * size_t(i), k, row + ref::kSh);
}

static std::vector<double> rows(const Model& m) {
    std::vector<double> p(size_t(m.n) * ref::stride(m.degree));
    for (int i = 0; i < m.n; ++i) fill_row(m, i, p.data() + size_t(i) * ref::stride(m.degree));
    return p;
}

static gpu::Error against(const std::vector<double>& got, const std::vector<double>& want) {
    return gpu::compare(want.size(), [&](size_t i) { return got[i]; }, [&](size_t i) { return want[i]; });
}

static std::vector<double> image_of(Problem& p) {
    auto image = p.image.download();
    return {image.begin(), image.end()};
}

static Model gradient_of(Problem& p) {
    return {p.model.n, p.model.degree, p.by_means.download(), p.by_scales.download(), p.by_rotations.download(),
            p.by_opacities.download(), p.by_sh.download()};
}

// Each parameter's kind on its own: their gradients differ by orders of magnitude.
static void compare_kinds(gpu::Error& e, const std::vector<double>& got, const std::vector<double>& want, int degree) {
    const int edges[] = {ref::kMean, ref::kScale, ref::kRotation, ref::kOpacity, ref::kSh, ref::stride(degree)};
    for (int kind = 0; kind + 1 < int(std::size(edges)); ++kind) {
        std::vector<double> a, b;
        for (size_t i = 0; i < want.size(); ++i) {
            int k = int(i % ref::stride(degree));
            if (k >= edges[kind] && k < edges[kind + 1]) a.push_back(got[i]), b.push_back(want[i]);
        }
        gpu::Error one = against(a, b);
        e.max_err = std::max(e.max_err, one.max_err);
        e.rel_err = std::max(e.rel_err, one.rel_err);
    }
}

// With more room than needed, and with less, the same image comes out, and gradients that differ by the
// order of their sums.
static void validate_room(gpu::Error& e, Problem& p) {
    const auto image = image_of(p), gradient = rows(gradient_of(p));
    const uint32_t exact = p.frame.instances;
    for (uint32_t room : {exact + 1000, exact, std::max(exact / 2, 1u)}) {
        p.room = room;
        p.image.poison();
        p.forward();
        p.backward();
        const bool told = p.needed.download()[0] == exact;
        if (!told || image_of(p) != image) e.rel_err = std::numeric_limits<double>::infinity();
        compare_kinds(e, rows(gradient_of(p)), gradient, p.model.degree);
    }
    p.room = 0;
}

// A pixel on the edge of a decision (alpha at 1/255) may fall on either side of it in float32: each
// is worth at most 1/255 of a color.
constexpr double kTolerance = 2e-3;

static void run_check(gpu::Program& program) {
    gpu::Result r("check", {{"degrees", 4}});
    r.tolerance = kTolerance;
    for (int degree = 0; degree <= 3; ++degree) {
        splat::Camera c = make_camera(44 + 7 * degree, 35);
        Problem p(c, make_model(14, degree, c, 1.0f, 12.0f, program.args.seed + 100 * degree));
        std::vector<float> weight(p.weight.size());
        for (size_t i = 0; i < weight.size(); ++i) weight[i] = gpu::uniform_signed(program.args.seed + 50, i);
        p.weight.upload(weight);
        p.forward();
        p.backward();
        auto params = rows(p.model), image = image_of(p), gradient = rows(gradient_of(p));
        validate_room(r.error, p);
        gpu::HostWork host;
        gpu::Error e = against(image, ref::render(params, reference_camera(c), degree));
        compare_kinds(e, gradient, ref::gradient(params, reference_camera(c), degree, {weight.begin(), weight.end()}), degree);
        r.error.max_err = std::max(r.error.max_err, e.max_err);
        r.error.rel_err = std::max(r.error.rel_err, e.rel_err);
    }
    program.report(r);
}

// Every pixel of some columns of the timed image against the reference.
static gpu::Error validate_columns(Problem& p, int columns) {
    auto image = image_of(p);
    gpu::HostWork host;
    ref::Camera whole = reference_camera(p.camera);
    const int degree = p.model.degree;
    std::vector<double> row(ref::stride(degree));
    std::vector<ref::Gaussian2D> g;
    for (int i = 0; i < p.model.n; ++i) {
        fill_row(p.model, i, row.data());
        g.push_back(ref::flatten(row.data(), whole));
    }
    std::vector<double> got, want;
    for (int k = 0; k < columns; ++k) {
        int x = (2 * k + 1) * whole.width / (2 * columns);
        std::vector<ref::Gaussian2D> near;  // in their order; 3.34 standard deviations reach alpha 1/255
        for (int i = 0; i < p.model.n; ++i) {
            auto one = g[i];
            double variance = one.conic[2] / (one.conic[0] * one.conic[2] - one.conic[1] * one.conic[1]);
            if (!one.visible || std::fabs(one.x - x) > 3.4 * std::sqrt(variance) + 1) continue;
            fill_row(p.model, i, row.data());
            ref::shade(row.data(), &row[ref::kMean], whole, degree, one.color);
            one.x -= x;
            near.push_back(one);
        }
        ref::Camera column = whole;
        column.width = 1;
        auto part = ref::composite(near, column, ref::choose(near, column));
        for (size_t i = 0; i < part.size(); ++i) {
            want.push_back(part[i]);
            got.push_back(image[i * size_t(whole.width) + x]);
        }
    }
    return against(got, want);
}

static bool all_finite(const Model& m) {
    gpu::HostWork host;
    auto finite = [](const std::vector<float>& v) { return std::all_of(v.begin(), v.end(), [](float x) { return std::isfinite(x); }); };
    return finite(m.means) && finite(m.scales) && finite(m.rotations) && finite(m.opacities) && finite(m.sh);
}

// One scene, checked once: forward, and forward with backward.
static void run_scene(gpu::Program& program, const char* forward, const char* both, int count) {
    const bool with_forward = program.wants(forward), with_both = program.wants(both);
    if (!with_forward && !with_both) return;
    int n = int(std::min<size_t>(program.args.size_or(count, 2000), 50 * 1000 * 1000));
    bool small = program.args.check_only;
    splat::Camera c = make_camera(small ? 320 : 1920, small ? 180 : 1080);
    auto model = [&] {
        gpu::HostWork host;
        return make_model(n, 3, c, 1.5f, 10.2f, program.args.seed);
    };
    Problem p(c, model());
    gpu::fill_uniform_signed<<<gpu::fill_blocks(p.weight.size()), 256>>>(
        p.weight.data(), p.weight.size(), program.args.seed + 7);
    p.forward();
    p.backward();
    gpu::Error error = validate_columns(p, 4);
    if (!all_finite(gradient_of(p))) error.rel_err = std::numeric_limits<double>::infinity();
    double boxes = 0;  // tiles of the 3-sigma boxes: what a rasteriser without the ellipse test lists
    for (int radius : p.radii.download()) boxes += std::pow(2.0 * radius / splat::kTile + 1, 2) * (radius > 0);
    auto report = [&](const char* name, bool with_backward) {
        gpu::Result r(name, {{"n", double(n)}, {"width", double(c.width)}, {"height", double(c.height)},
                             {"instances", double(p.frame.instances)}});
        r.tolerance = kTolerance;
        r.error = error;
        r.extra.number("box_instances", boxes);
        program.report(r, [&] {
            p.forward();
            if (with_backward) p.backward();
        });
    };
    if (with_forward) report(forward, false);
    if (with_both) report(both, true);
}

int main(int argc, char** argv) {
    gpu::Program program("splat", argc, argv);
    if (program.wants("check")) run_check(program);
    run_scene(program, "forward-200k", "both-200k", 200 * 1000);
    run_scene(program, "forward-1m", "both-1m", 1000 * 1000);
    run_scene(program, "forward-3m", "both-3m", 3000 * 1000);
    return program.finish();
}
