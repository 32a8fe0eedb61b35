// The stages of splat.cuh with the inputs, the outputs and the rules of diff_gaussian_rasterization.
#pragma once

#include "gaussians_project.cuh"
#include "splat.cuh"

namespace gpufix_splat {

// `image` (3 x height x width) and `depth` (1 x height x width, inverse) are results; `kept` (4 planes,
// or 3 without depth) is what the gradient needs of them, null where none will be asked for.
template <bool kRendersDepth>
struct GivenTask {
    static constexpr bool kDepth = kRendersDepth, kThroughClamp = true;
    static constexpr int kSums = kMoments + (kRendersDepth ? 1 : 0);

    const float* background_;
    float *kept, *depth_;
    const float *kept_depth, *depth_gradient_;

    __device__ float background(const Camera&, int channel) const { return background_[channel]; }
    __device__ void store(size_t plane, size_t at, const float (&color)[3], float depth) const {
        if (kDepth) depth_[at] = depth;
        if (!kept) return;
        for (int k = 0; k < 3; ++k) kept[k * plane + at] = color[k];
        if (kDepth) kept[3 * plane + at] = depth;
    }
    __device__ float depth_gradient(size_t at) const { return depth_gradient_[at]; }
    __device__ float depth(size_t at) const { return kept_depth[at]; }
};

inline bool sound(const Gaussians& g, const View& v) {
    bool colored = g.colors || (g.sh && g.degree >= 0 && g.degree <= 3 && g.sh_stride >= (g.degree + 1) * (g.degree + 1));
    return g.n > 0 && colored && (g.covariances || (g.scales && g.rotations)) && v.width > 0 && v.height > 0 &&
           v.tan_x > 0 && v.tan_y > 0;
}

// Calls what(std::integral_constant<int, degree>), -1 where colors are given.
template <class What>
void by_degree(const Gaussians& g, What what) {
    if (g.colors) return what(std::integral_constant<int, -1>{});
    if (g.degree == 0) what(std::integral_constant<int, 0>{});
    if (g.degree == 1) what(std::integral_constant<int, 1>{});
    if (g.degree == 2) what(std::integral_constant<int, 2>{});
    if (g.degree == 3) what(std::integral_constant<int, 3>{});
}

// As prepare() of splat.cuh; radii (n) are written.
inline gpuError_t prepare(const Gaussians& g, const View& v, void* scene_space, int* radii, Frame& frame,
                          unsigned long long* seen, gpuStream_t stream) {
    if (!sound(g, v)) return GPUFIX_RT(ErrorInvalidValue);
    const Camera c = tiling(v);
    SceneSpace w(scene_space, g.n, c.tiles());
    frame = {w.splats, w.count, w.id, w.end, w.ranges, nullptr, nullptr, w.radii, frame.instances};
    gpuError_t status = gpuMemsetAsync(w.total, 0, sizeof *w.total, stream);
    if (status != gpuSuccess) return status;
    by_degree(g, [&](auto degree) {
        project_gaussians_kernel<decltype(degree)::value><<<grid(g.n, kProjectThreads), kProjectThreads, 0, stream>>>(
            g, v, c, Projected{w.splats, w.depth, w.id, w.count, radii, w.radii, w.total});
    });
    status = gpuGetLastError();
    return status == gpuSuccess ? order(w, g.n, frame, seen, stream) : status;
}

inline gpuError_t render(const Gaussians& g, const View& v, Frame& frame, void* list_space, float* image,
                         float* depth, float* kept, gpuStream_t stream) {
    const Camera c = tiling(v);
    gpuError_t status = make_list<true>(g.n, c, frame, list_space, stream);
    if (status != gpuSuccess) return status;
    auto launch = [&](auto task) {
        render_kernel<<<tile_grid(c), kRenderThreads, 0, stream>>>(c, source(frame, g.n), image, task);
    };
    if (depth)
        launch(GivenTask<true>{v.background, kept, depth, nullptr, nullptr});
    else
        launch(GivenTask<false>{v.background, kept, nullptr, nullptr, nullptr});
    return gpuGetLastError();
}

inline size_t sums_bytes(int n, bool depth) { return size_t(n) * (kMoments + depth) * sizeof(float); }

// `depth_gradient` may be null. `space`: sums_bytes(). `kept` and `frame`: as render() left them.
inline gpuError_t backward(const Gaussians& g, const View& v, const Frame& frame, const float* kept,
                           const float* image_gradient, const float* depth_gradient, void* space,
                           const GaussiansGradient& out, gpuStream_t stream) {
    const Camera c = tiling(v);
    float* sums = static_cast<float*>(space);
    gpuError_t status = gpuMemsetAsync(sums, 0, sums_bytes(g.n, depth_gradient != nullptr), stream);
    if (status != gpuSuccess) return status;
    auto launch = [&](auto task) {
        render_backward_kernel<<<tile_grid(c), kRenderThreads, 0, stream>>>(
            c, source(frame, g.n), kept, image_gradient, sums, task);
        by_degree(g, [&](auto degree) {
            project_gaussians_backward_kernel<decltype(degree)::value, decltype(task)::kDepth>
                <<<grid(g.n, kProjectThreads), kProjectThreads, 0, stream>>>(g, v, c, frame.count, sums, out);
        });
    };
    const float* kept_depth = kept + size_t(3) * c.width * c.height;
    if (depth_gradient)
        launch(GivenTask<true>{nullptr, nullptr, nullptr, kept_depth, depth_gradient});
    else
        launch(GivenTask<false>{nullptr, nullptr, nullptr, nullptr, nullptr});
    return gpuGetLastError();
}

}  // namespace gpufix_splat
