// Projection as diff_gaussian_rasterization does it, and the way back. What differs from splat_project.cuh:
// cameras come as matrices on the device, and the screen position is the projection matrix's alone;
// colors and covariances may be given; rotations are not normalised; a Gaussian whose 3-sigma square
// reaches a tile is visible, whatever its opacity, and is drawn in the tiles of that square only.
//
// The gradient is that package's too, also where it is not the derivative: it passes where alpha is
// clamped; behind the clamped field of view it keeps x, not x/z; the scales' lacks scale_modifier;
// that of the antialiasing factor is taken at the dilated covariance.
#pragma once

#include "splat_project.cuh"

namespace gpufix_splat {

constexpr float kNearPlane = 0.2f;
constexpr float kLeastSharpness = 0.000025f;  // of the ratio of determinants, for antialiasing

// float32 on the device, contiguous; null where not given: scales and rotations or covariances (upper
// triangles), sh (n x sh_stride x 3) or colors.
struct Gaussians {
    int n, degree, sh_stride;
    const float *means, *scales, *rotations, *covariances, *opacities, *sh, *colors;
};

// The matrices are 4 x 4, column by column; `eye` and `background` have 3 floats. On the device.
struct View {
    int width, height, antialiasing;
    float tan_x, tan_y, scale_modifier;
    const float *view, *projection, *eye, *background;
};

// Null where the input is. `screen` is n x 3, in halves of the image as the package gives it.
struct GaussiansGradient {
    float *means, *screen, *scales, *rotations, *covariances, *opacities, *sh, *colors;
};

inline Camera tiling(const View& v) {  // the host's part of the camera
    Camera c{};
    c.width = v.width;
    c.height = v.height;
    c.fx = v.width / (2 * v.tan_x);
    c.fy = v.height / (2 * v.tan_y);
    return c;
}

__device__ inline void load_view(const View& v, Camera& c) {
    for (int row = 0; row < 3; ++row)
        for (int k = 0; k < 4; ++k) c.view[4 * row + k] = v.view[4 * k + row];
}

struct Symmetric {
    float xx, xy, xz, yy, yz, zz;

    __device__ Vec3 times(const Vec3& v) const {
        return {xx * v.x + xy * v.y + xz * v.z, xy * v.x + yy * v.y + yz * v.z, xz * v.x + yz * v.y + zz * v.z};
    }
};

__device__ inline Symmetric load_symmetric(const float* p, int i) {
    const float* at = p + 6 * size_t(i);
    return {at[0], at[1], at[2], at[3], at[4], at[5]};
}

__device__ inline Projection project(const Gaussians& g, const View& v, const Camera& c, int i, const Vec3& mean,
                                     const Vec3& t) {
    Projection p = flatten(c, mean, t);
    if (!g.covariances) {
        float4 q = *reinterpret_cast<const float4*>(g.rotations + 4 * size_t(i));
        set_footprint(p, rotation_of(q.x, q.y, q.z, q.w, 1), v.scale_modifier * load3(g.scales, i));
        return p;
    }
    const Symmetric s = load_symmetric(g.covariances, i);
    float xx = dot(p.t0, s.times(p.t0)), yy = dot(p.t1, s.times(p.t1));
    p.xy = dot(p.t0, s.times(p.t1));
    p.xx = xx + kDilation;
    p.yy = yy + kDilation;
    p.sharp_determinant = xx * yy - p.xy * p.xy;
    p.determinant = p.xx * p.yy - p.xy * p.xy;
    return p;
}

// How much of its opacity a Gaussian keeps for being drawn wider than it is.
__device__ inline float sharpness(const View& v, const Projection& p) {
    return v.antialiasing ? sqrtf(fmaxf(kLeastSharpness, p.sharp_determinant / p.determinant)) : 1.0f;
}

struct Screen {
    Vec3 row_x, row_y, row_w;  // of the projection matrix
    float x, y, inverse_w;     // -1 to 1 within the image
};

__device__ inline Screen to_screen(const View& v, const Vec3& m) {
    const float* p = v.projection;
    auto row = [&](int k) { return Vec3{p[k], p[4 + k], p[8 + k]}; };
    Screen s = {row(0), row(1), row(3), 0, 0, 0};
    s.inverse_w = 1.0f / (dot(s.row_w, m) + p[15] + 1e-7f);
    s.x = (dot(s.row_x, m) + p[12]) * s.inverse_w;
    s.y = (dot(s.row_y, m) + p[13]) * s.inverse_w;
    return s;
}

// The tiles it is listed in; `radius` stays 0 for what is not visible. `out` still lacks its color.
__device__ inline int project_one(const Gaussians& g, const View& v, const Camera& c, int i, Splat& out, float* depth,
                                  int* radius) {
    Vec3 mean = load3(g.means, i), t = to_camera(c, mean);
    if (!(t.z > kNearPlane)) return 0;
    Projection p = project(g, v, c, i, mean, t);
    if (!(p.determinant > 0)) return 0;
    const Screen screen = to_screen(v, mean);
    out.x = fmaf(screen.x, 0.5f * c.width, 0.5f * c.width);
    out.y = fmaf(screen.y, 0.5f * c.height, 0.5f * c.height);
    float middle = 0.5f * (p.xx + p.yy), spread = sqrtf(fmaxf(middle * middle - p.determinant, 0.1f));
    int size = int(ceilf(3 * sqrtf(middle + spread)));
    const Tiles box = box_tiles(c, out.x, out.y, size);
    if (box.x0 >= box.x1 || box.y0 >= box.y1) return 0;
    *radius = size;
    *depth = t.z;
    float opacity = g.opacities[i] * sharpness(v, p);
    if (!(opacity >= kAlphaMin)) return 0;
    float q = 2 * logf(255.0f * opacity), half_exponent = 0.5f * kLog2E / p.determinant;
    out.a = half_exponent * p.yy;
    out.b = -2 * half_exponent * p.xy;
    out.c = half_exponent * p.xx;
    out.log2_opacity = log2f(opacity);
    out.half_width = sqrtf(q * p.xx);
    out.half_height = sqrtf(q * p.yy);
    int tiles = 0;
    for_each_tile_row(out, box, [&](int, int begin, int end) { tiles += end - begin; });
    out.inverse_depth = 1.0f / t.z;
    return tiles;
}

// kDegree is -1 where colors are given.
template <int kDegree>
__global__ void __launch_bounds__(kProjectThreads)
    project_gaussians_kernel(const Gaussians g, const View v, Camera c, const Projected out) {
    int i = int(blockIdx.x * kProjectThreads + threadIdx.x);
    load_view(v, c);
    Splat splat;
    float depth = 0;
    int radius = 0, tiles = i < g.n ? project_one(g, v, c, i, splat, &depth, &radius) : 0;
    if constexpr (kDegree < 0) {
        const Vec3 color = tiles ? load3(g.colors, i) : Vec3{0, 0, 0};
        splat.red = color.x, splat.green = color.y, splat.blue = color.z;
    } else {
        __shared__ Rows rows;
        const float* row = sh_row<kDegree>(rows, g.sh, g.sh_stride, i, tiles > 0);
        if (tiles) set_color<kDegree>(splat, load3(g.means, i), load3(v.eye, 0), row, g.sh_stride == 16);
    }
    store_projected(out, i, g.n, splat, depth, tiles, radius);
}

// ---- the way back ----------------------------------------------------------------------------
__device__ inline float through_sharpness(const View& v, const Projection& p, float by_opacity, float opacity,
                                          CovarianceGradient& g) {
    float s = sharpness(v, p);
    if (!v.antialiasing) return by_opacity;
    if (p.sharp_determinant / p.determinant > kLeastSharpness) {
        const float w = kDilation, x = p.xx, y = p.yy, z = p.xy;
        float d = w * w + w * (x + y) + x * y - z * z, f = by_opacity * opacity / (2 * s) / (d * d);
        g.xx += w * (w * y + y * y + z * z) * f;
        g.yy += w * (w * x + x * x + z * z) * f;
        g.xy -= 2 * w * z * (w + x + y) * f;
    }
    return by_opacity * s;
}

// By a given covariance; what is off its diagonal stands in it twice.
__device__ inline Symmetric symmetric_gradient(const Projection& p, const CovarianceGradient& g) {
    const Vec3 &a = p.t0, &b = p.t1;
    return {g.xx * a.x * a.x + g.xy * a.x * b.x + g.yy * b.x * b.x,
            2 * g.xx * a.x * a.y + g.xy * (a.x * b.y + a.y * b.x) + 2 * g.yy * b.x * b.y,
            2 * g.xx * a.x * a.z + g.xy * (a.x * b.z + a.z * b.x) + 2 * g.yy * b.x * b.z,
            g.xx * a.y * a.y + g.xy * a.y * b.y + g.yy * b.y * b.y,
            2 * g.xx * a.y * a.z + g.xy * (a.y * b.z + a.z * b.y) + 2 * g.yy * b.y * b.z,
            g.xx * a.z * a.z + g.xy * a.z * b.z + g.yy * b.z * b.z};
}

// By the mean, through the local affine frame and the depth.
__device__ inline Vec3 frame_gradient(const Camera& c, const Projection& p, const Vec3& t0, const Vec3& t1,
                                      float by_inverse_depth) {
    float inverse_z = 1.0f / p.camera.z;
    Vec3 w2 = view_row(c, 2);
    float by_x = -c.fx * inverse_z * dot(t0, w2), by_y = -c.fy * inverse_z * dot(t1, w2);
    float by_z = -inverse_z * (dot(t0, p.t0) + dot(t1, p.t1) + by_x * p.slope_x + by_y * p.slope_y +
                               by_inverse_depth * inverse_z);
    by_x = p.clamped_x ? 0 : by_x * inverse_z;
    by_y = p.clamped_y ? 0 : by_y * inverse_z;
    return by_x * view_row(c, 0) + (by_y * view_row(c, 1) + by_z * w2);
}

template <int kDegree, bool kDepth>
__device__ inline void gaussian_gradient(const Gaussians& g, const View& v, const Camera& c, int i, const float* m,
                                         const ShGradient& by_sh, const GaussiansGradient& out) {
    float sums[kMoments];
#pragma unroll
    for (int k = 0; k < kMoments; ++k) sums[k] = m[k];
    Vec3 mean = load3(g.means, i);
    Projection p = project(g, v, c, i, mean, to_camera(c, mean));
    float opacity = g.opacities[i];
    const ScreenGradient by = screen_gradient(sums, p, opacity * sharpness(v, p));
    CovarianceGradient covariance = covariance_gradient(p, by);
    out.opacities[i] = through_sharpness(v, p, by.opacity, opacity, covariance);
    Vec3 t0, t1;
    if (g.covariances) {
        const Symmetric s = load_symmetric(g.covariances, i), by_s = symmetric_gradient(p, covariance);
        t0 = 2 * covariance.xx * s.times(p.t0) + covariance.xy * s.times(p.t1);
        t1 = 2 * covariance.yy * s.times(p.t1) + covariance.xy * s.times(p.t0);
        store3(out.covariances, 2 * i, {by_s.xx, by_s.xy, by_s.xz});
        store3(out.covariances, 2 * i + 1, {by_s.yy, by_s.yz, by_s.zz});
    } else {
        const FootprintGradient f = footprint_gradient(p, covariance);
        t0 = f.t0;
        t1 = f.t1;
        store3(out.scales, i, f.scale);
        *reinterpret_cast<float4*>(out.rotations + 4 * size_t(i)) = quaternion_gradient(p.rotation, f.column);
    }
    Vec3 by_mean = frame_gradient(c, p, t0, t1, kDepth ? m[kMoments] : 0.0f);
    const Screen screen = to_screen(v, mean);
    float x = by.x * 0.5f * c.width, y = by.y * 0.5f * c.height;
    store3(out.screen, i, {x, y, 0});
    by_mean = by_mean + x * screen.inverse_w * (screen.row_x + -screen.x * screen.row_w);
    by_mean = by_mean + y * screen.inverse_w * (screen.row_y + -screen.y * screen.row_w);
    if constexpr (kDegree < 0)
        store3(out.colors, i, by.color);
    else
        by_mean = by_mean + color_gradient<kDegree>(by_sh, load3(v.eye, 0), mean, by.color);
    store3(out.means, i, by_mean);
}

template <int kDegree>
__device__ inline void no_gradient(const Gaussians& g, int i, const ShGradient& by_sh, const GaussiansGradient& out) {
    const Vec3 zero = {0, 0, 0};
    store3(out.means, i, zero);
    store3(out.screen, i, zero);
    out.opacities[i] = 0;
    if (g.covariances) {
        store3(out.covariances, 2 * i, zero);
        store3(out.covariances, 2 * i + 1, zero);
    } else {
        store3(out.scales, i, zero);
        *reinterpret_cast<float4*>(out.rotations + 4 * size_t(i)) = {0, 0, 0, 0};
    }
    if constexpr (kDegree < 0)
        store3(out.colors, i, zero);
    else
        store_no_sh(by_sh);
}

template <int kDegree, bool kDepth>
__global__ void __launch_bounds__(kProjectThreads)
    project_gaussians_backward_kernel(const Gaussians g, const View v, Camera c, const uint32_t* count,
                                      const float* moments, const GaussiansGradient out) {
    int i = int(blockIdx.x * kProjectThreads + threadIdx.x);
    const bool there = i < g.n, seen = there && count[i];
    load_view(v, c);
    constexpr int kSums = kMoments + (kDepth ? 1 : 0);
    ShGradient by_sh{};
    __shared__ Rows rows;
    if constexpr (kDegree >= 0) by_sh = sh_gradient_rows<kDegree>(rows, g.sh, g.sh_stride, i, seen, out.sh);
    if (seen)
        gaussian_gradient<kDegree, kDepth>(g, v, c, i, moments + size_t(i) * kSums, by_sh, out);
    else if (there)
        no_gradient<kDegree>(g, i, by_sh, out);
    if constexpr (kDegree >= 0)
        if (g.sh_stride == 16) store_rows(rows, out.sh, g.n);
}

}  // namespace gpufix_splat
