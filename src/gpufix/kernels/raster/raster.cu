// Triangle rasterisation in software: setup, bins of 64 x 64 pixels, tiles of 16 x 16, pixels.
//
//   nvcc -std=c++17 -O3 -arch=native -I ../common raster.cu -o raster && ./raster
//   clang++ -x hip -std=c++17 -O3 --offload-arch=gfx1030 -I ../common raster.cu -lamdhip64 -o raster
//
// --size is the number of triangles. Timed at 1920 x 1080.
#include "harness.h"
#include "raster.cuh"
#include "raster_reference.h"

namespace raster = gpufix_raster;

// ---- data ------------------------------------------------------------------------------------
struct Model {
    std::vector<float> vertices;
    std::vector<int> triangles;
    void add(const float (&v)[9]) {
        for (int i = 0; i < 3; ++i) triangles.push_back(int(vertices.size() / 3) + i);
        vertices.insert(vertices.end(), v, v + 9);
    }
};

// Triangles anywhere, some beyond the border, of about `size` pixels, at any depth.
static Model soup(int n, int width, int height, float size, uint64_t seed) {
    Model m;
    for (uint64_t t = 0; t < uint64_t(n); ++t) {
        float x = (1.2f * gpu::uniform(seed, t) - 0.1f) * width, y = (1.2f * gpu::uniform(seed + 1, t) - 0.1f) * height;
        float v[9];
        for (uint64_t i = 0; i < 3; ++i) {
            v[3 * i] = x + size * gpu::uniform_signed(seed + 2, 3 * t + i);
            v[3 * i + 1] = y + size * gpu::uniform_signed(seed + 3, 3 * t + i);
            v[3 * i + 2] = gpu::uniform(seed + 4, 3 * t + i);
        }
        m.add(v);
    }
    return m;
}

// A connected sheet over the whole target, its inner vertices jittered; a third of them on pixel
// centres, where only the fill rule decides.
static Model sheet(int columns, int rows, int width, int height, uint64_t seed) {
    Model m;
    for (int r = 0; r <= rows; ++r)
        for (int c = 0; c <= columns; ++c) {
            uint64_t at = uint64_t(r) * (columns + 1) + c;
            bool inner = r > 0 && c > 0 && r < rows && c < columns;
            float dx = 0.3f * width / columns, dy = 0.3f * height / rows;
            float x = float(c) * width / columns + (inner ? dx * gpu::uniform_signed(seed, at) : 0);
            float y = float(r) * height / rows + (inner ? dy * gpu::uniform_signed(seed + 1, at) : 0);
            if (inner && at % 3 == 0) x = std::floor(x) + 0.5f, y = std::floor(y) + 0.5f;
            m.vertices.insert(m.vertices.end(), {x, y, gpu::uniform(seed + 2, at)});
        }
    for (int r = 0; r < rows; ++r)
        for (int c = 0; c < columns; ++c) {
            int a = r * (columns + 1) + c, b = a + 1, d = a + columns + 1, e = d + 1;
            // Either winding: both are drawn.
            if ((r + c) % 2) m.triangles.insert(m.triangles.end(), {a, b, d, d, b, e});
            else m.triangles.insert(m.triangles.end(), {a, d, b, b, d, e});
        }
    return m;
}

// What a rasteriser must not stumble over.
static Model hostile(int width, int height, uint64_t seed) {
    Model m = soup(50, width, height, 30, seed);
    m.add({0, 0, 0.5f, 10, 10, 0.5f, 20, 20, 0.5f});                               // no area
    m.add({NAN, 0, 0.5f, 10, 30, 0.5f, 20, 20, 0.5f});
    m.add({0, 0, INFINITY, 10, 30, 0.5f, 20, 20, 0.5f});
    m.add({1e30f, 0, 0.5f, 10, 30, 0.5f, 20, 20, 0.5f});
    m.add({-16384, -16384, 0.9f, 16384, -16384, 0.9f, 0, 16384, 0.9f});             // everything
    for (int i = 0; i < 4; ++i) m.add({5, 5, 0.25f, 90, 10, 0.25f, 40, 70, 0.25f});   // ties
    m.triangles.insert(m.triangles.end(), {0, 1, 1 << 30, -1, 0, 1});
    return m;
}

// ---- on the device ---------------------------------------------------------------------------
struct Problem {
    raster::Target target;
    gpu::DeviceArray<float> vertices;
    gpu::DeviceArray<int> triangles, id;
    gpu::DeviceArray<float> depth, barycentrics;
    gpu::DeviceArray<char> setup_space;
    std::optional<gpu::DeviceArray<char>> list_space;
    uint32_t pairs = 0;

    Problem(const Model& m, int width, int height)
        : target{width, height}, vertices(m.vertices), triangles(m.triangles), id(size_t(width) * height),
          depth(id.size()), barycentrics(2 * id.size()),
          setup_space(raster::setup_bytes(int(m.triangles.size() / 3), target)) {
        id.poison(), depth.poison(), barycentrics.poison();
    }
    void launch() {
        raster::Mesh mesh{vertices.data(), triangles.data(), int(vertices.size() / 3), int(triangles.size() / 3)};
        GPU_CHECK(raster::prepare(mesh, target, setup_space.data(), &pairs, nullptr));
        size_t need = raster::list_bytes(pairs);
        if (!list_space || list_space->bytes() < need) list_space.emplace(need);
        GPU_CHECK(raster::rasterise(mesh, target, setup_space.data(), list_space->data(), pairs,
                                    {id.data(), depth.data(), barycentrics.data()}, nullptr));
    }
};

// ---- validation ------------------------------------------------------------------------------
static bool weights_match(const Model& m, int triangle, float b1, float b2, double x, double y) {
    const float *v[3];
    for (int i = 0; i < 3; ++i) v[i] = &m.vertices[3 * size_t(m.triangles[3 * size_t(triangle) + i])];
    double b0 = 1.0 - b1 - b2, gx = b0 * v[0][0] + b1 * v[1][0] + b2 * v[2][0], gy = b0 * v[0][1] + b1 * v[1][1] + b2 * v[2][1];
    double extent = 0;  // in units of which float32 weights are precise
    for (int i = 0; i < 3; ++i) extent = std::max({extent, std::fabs(v[i][0] - x), std::fabs(v[i][1] - y)});
    return std::fabs(gx - x) < 0.01 + 1e-5 * extent && std::fabs(gy - y) < 0.01 + 1e-5 * extent;
}

// Pixels whose triangle or depth differ by a bit, or whose weights do not give back their position.
static size_t mismatches(const Model& m, Problem& p) {
    auto id = p.id.download();
    auto depth = p.depth.download(), weights = p.barycentrics.download();
    gpu::HostWork host;
    auto want = raster_reference::rasterise(m.vertices, m.triangles, p.target.width, p.target.height);
    size_t wrong = 0;
    for (size_t i = 0; i < id.size(); ++i) {
        bool good = id[i] == want.triangle[i] && depth[i] == want.depth[i];
        if (good && id[i] >= 0)
            good = weights_match(m, id[i], weights[2 * i], weights[2 * i + 1], i % p.target.width + 0.5,
                                 double(i / p.target.width) + 0.5);
        wrong += !good;
    }
    return wrong;
}

static void run_check(gpu::Program& program) {
    uint64_t seed = program.args.seed;
    constexpr int kWidth = 211, kHeight = 147;
    const Model models[] = {soup(2000, kWidth, kHeight, 6, seed), soup(300, kWidth, kHeight, 150, seed + 10),
                            sheet(40, 31, kWidth, kHeight, seed + 20), sheet(3, 2, kWidth, kHeight, seed + 30),
                            hostile(kWidth, kHeight, seed + 40), Model{}};
    gpu::Result r("check", {{"models", double(std::size(models))}});
    size_t wrong = 0;
    for (const Model& m : models) {
        Problem p(m, kWidth, kHeight);
        p.launch();
        wrong += mismatches(m, p);
    }
    r.exact(wrong);
    program.report(r);
}

static void run_model(gpu::Program& program, const char* name, const Model& m, int width, int height) {
    Problem p(m, width, height);
    p.launch();
    gpu::Result r(name, {{"triangles", double(m.triangles.size() / 3)}, {"width", double(width)},
                         {"height", double(height)}, {"pairs", double(p.pairs)}});
    r.exact(mismatches(m, p));
    program.report(r, [&] { p.launch(); });
}

int main(int argc, char** argv) {
    gpu::Program program("raster", argc, argv);
    const bool small = program.args.check_only;
    const int width = small ? 320 : 1920, height = small ? 180 : 1080;
    const uint64_t seed = program.args.seed;
    if (program.wants("check")) run_check(program);
    if (program.wants("sheet-1m")) {
        int rows = int(std::sqrt(std::max<size_t>(program.args.size_or(1000 * 1000, 5000), 4) * 0.28125));
        run_model(program, "sheet-1m", sheet(std::max(1, rows * 16 / 9), std::max(1, rows), width, height, seed), width, height);
    }
    if (program.wants("soup-100k"))
        run_model(program, "soup-100k", soup(int(program.args.size_or(100 * 1000, 500)), width, height, 25, seed), width, height);
    return program.finish();
}
