// One thread a Gaussian: world to screen (EWA splatting, Zwicker et al. 2001), color, and the way back.
#pragma once

#include "splat_rows.cuh"
#include "splat_sh.cuh"
#include "splat_tiles.cuh"

namespace gpufix_splat {

struct Vec3 {
    float x, y, z;
};
__device__ inline float dot(const Vec3& a, const Vec3& b) { return a.x * b.x + a.y * b.y + a.z * b.z; }
__device__ inline Vec3 operator*(float s, const Vec3& v) { return {s * v.x, s * v.y, s * v.z}; }
__device__ inline Vec3 operator+(const Vec3& a, const Vec3& b) { return {a.x + b.x, a.y + b.y, a.z + b.z}; }
__device__ inline Vec3 cross(const Vec3& a, const Vec3& b) {
    return {a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
__device__ inline Vec3 load3(const float* p, int i) {
    return {p[3 * size_t(i)], p[3 * size_t(i) + 1], p[3 * size_t(i) + 2]};
}
__device__ inline void store3(float* p, int i, const Vec3& v) {
    p[3 * size_t(i)] = v.x;
    p[3 * size_t(i) + 1] = v.y;
    p[3 * size_t(i) + 2] = v.z;
}
__device__ inline Vec3 view_row(const Camera& c, int row) {
    return {c.view[4 * row], c.view[4 * row + 1], c.view[4 * row + 2]};
}

struct Rotation {
    float w, x, y, z, inverse_length;
    Vec3 column[3];  // of the matrix
};

__device__ inline Rotation rotation_of(float w, float x, float y, float z, float inverse_length) {
    return {w, x, y, z, inverse_length,
            {{1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)},
             {2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)},
             {2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)}}};
}

__device__ inline Rotation load_rotation(const float* rotations, int i) {
    float4 q = *reinterpret_cast<const float4*>(rotations + 4 * size_t(i));
    float s = rsqrtf(q.x * q.x + q.y * q.y + q.z * q.z + q.w * q.w);
    return rotation_of(q.x * s, q.y * s, q.z * s, q.w * s, s);
}

// Everything between a Gaussian and its 2D covariance, kept for the way back. Without rotation and
// scale (a covariance was given), p0 and p1 are unused.
struct Projection {
    Vec3 mean, camera;   // in world and in camera space
    float slope_x, slope_y;  // x/z and y/z, clamped to the field
    bool clamped_x, clamped_y;
    Vec3 t0, t1;         // rows of (Jacobian x view rotation)
    Vec3 p0, p1;         // rows of t x rotation x diag(scale): covariance = p p^T + dilation
    Rotation rotation;
    Vec3 scale;
    float xx, xy, yy, determinant;  // of the dilated covariance
    float sharp_determinant;        // of the one before
};

__device__ inline Vec3 to_camera(const Camera& c, const Vec3& m) {
    return {dot(view_row(c, 0), m) + c.view[3], dot(view_row(c, 1), m) + c.view[7],
            dot(view_row(c, 2), m) + c.view[11]};
}

// The local affine frame at a mean, `t` in camera space.
__device__ inline Projection flatten(const Camera& c, const Vec3& mean, const Vec3& t) {
    Projection p;
    p.mean = mean;
    p.camera = t;
    float inverse_z = 1.0f / t.z;
    float limit_x = kFieldMargin * 0.5f * c.width / c.fx, limit_y = kFieldMargin * 0.5f * c.height / c.fy;
    float ux = t.x * inverse_z, uy = t.y * inverse_z;
    p.slope_x = fminf(fmaxf(ux, -limit_x), limit_x);
    p.slope_y = fminf(fmaxf(uy, -limit_y), limit_y);
    p.clamped_x = p.slope_x != ux;
    p.clamped_y = p.slope_y != uy;
    Vec3 w2 = view_row(c, 2);
    p.t0 = c.fx * inverse_z * (view_row(c, 0) + -p.slope_x * w2);
    p.t1 = c.fy * inverse_z * (view_row(c, 1) + -p.slope_y * w2);
    return p;
}

__device__ inline void set_footprint(Projection& p, const Rotation& rotation, const Vec3& scale) {
    p.rotation = rotation;
    p.scale = scale;
    const Vec3* r = p.rotation.column;
    p.p0 = {p.scale.x * dot(p.t0, r[0]), p.scale.y * dot(p.t0, r[1]), p.scale.z * dot(p.t0, r[2])};
    p.p1 = {p.scale.x * dot(p.t1, r[0]), p.scale.y * dot(p.t1, r[1]), p.scale.z * dot(p.t1, r[2])};
    float xx = dot(p.p0, p.p0), yy = dot(p.p1, p.p1);
    Vec3 n = cross(p.p0, p.p1);
    p.xx = xx + kDilation;
    p.xy = dot(p.p0, p.p1);
    p.yy = yy + kDilation;
    // xx * yy - xy^2 loses every digit for long thin Gaussians; Lagrange's identity loses none.
    p.sharp_determinant = dot(n, n);
    p.determinant = p.sharp_determinant + kDilation * (xx + yy) + kDilation * kDilation;
}

__device__ inline Projection project(const Scene& s, const Camera& c, int i, const Vec3& mean, const Vec3& t) {
    Projection p = flatten(c, mean, t);
    set_footprint(p, load_rotation(s.rotations, i), load3(s.scales, i));
    return p;
}

__device__ inline Vec3 camera_position(const Camera& c) {
    return -c.view[3] * view_row(c, 0) + (-c.view[7] * view_row(c, 1) + -c.view[11] * view_row(c, 2));
}

// The first kCount floats of a row of coefficients. Those of 16 x 3, `whole`, are aligned.
template <int kCount>
__device__ inline void load_sh(const float* row, bool whole, float (&out)[48]) {
    if (whole) {
#pragma unroll
        for (int k = 0; k < kCount; k += 4) {
            float4 v = *reinterpret_cast<const float4*>(row + k);
            out[k] = v.x, out[k + 1] = v.y, out[k + 2] = v.z, out[k + 3] = v.w;
        }
    } else {
#pragma unroll
        for (int k = 0; k < kCount; ++k) out[k] = row[k];
    }
}

template <int kDegree>
constexpr int kShFloats = 3 * (kDegree + 1) * (kDegree + 1);

// A thread's row of coefficients: rows of 16 x 3 come into `rows` by all lanes together.
template <int kDegree>
__device__ inline const float* sh_row(Rows& rows, const float* sh, int stride, int i, bool wanted) {
    if (stride != 16) return sh + size_t(i) * stride * 3;
    fetch_rows<kShFloats<kDegree>>(rows, sh, wanted);
    return rows.own();
}

template <int kDegree>
__device__ inline Vec3 color_of(const Direction& d, const float (&sh)[48]) {
    float basis[16];
    sh_basis<kDegree>(d, basis);
    Vec3 color = {0.5f, 0.5f, 0.5f};
#pragma unroll
    for (int k = 0; k < (kDegree + 1) * (kDegree + 1); ++k)
        color = color + basis[k] * Vec3{sh[3 * k], sh[3 * k + 1], sh[3 * k + 2]};
    return color;  // before it is clamped at 0
}

__device__ inline Direction direction_to(const Vec3& mean, const Vec3& eye, float* inverse_length) {
    Vec3 d = mean + -1.0f * eye;
    *inverse_length = rsqrtf(fmaxf(dot(d, d), 1e-30f));
    return {d.x * *inverse_length, d.y * *inverse_length, d.z * *inverse_length};
}

struct Projected {
    Splat* splats;
    uint32_t *depth, *id, *count;  // depth's bits sort as depth does; count: tiles
    int *radii, *kept_radii;       // 3 sigma in pixels, 0 when culled; either may be null
    unsigned long long* total;     // of the counts; zero before
};

// The tiles it reaches; `out` still lacks its color.
__device__ inline int project_one(const Scene& s, const Camera& c, int i, Splat& out, float* depth, int* radius) {
    Vec3 mean = load3(s.means, i), t = to_camera(c, mean);
    float opacity = s.opacities[i];
    if (!(t.z > c.near_plane) || !(opacity >= kAlphaMin)) return 0;
    Projection p = project(s, c, i, mean, t);
    float q = 2 * logf(255.0f * opacity), half_exponent = 0.5f * kLog2E / p.determinant;
    out.x = c.fx * t.x / t.z + c.cx;
    out.y = c.fy * t.y / t.z + c.cy;
    out.a = half_exponent * p.yy;
    out.b = -2 * half_exponent * p.xy;
    out.c = half_exponent * p.xx;
    out.log2_opacity = log2f(opacity);
    out.half_width = sqrtf(q * p.xx);
    out.half_height = sqrtf(q * p.yy);
    *depth = t.z;
    float middle = 0.5f * (p.xx + p.yy), spread = sqrtf(fmaxf(middle * middle - p.determinant, 0.0f));
    *radius = int(ceilf(3 * sqrtf(middle + spread)));
    out.inverse_depth = 0;
    int tiles = 0;
    for_each_tile_row(out, all_tiles(c), [&](int, int begin, int end) { tiles += end - begin; });
    return tiles;
}

template <int kDegree>
__device__ inline void set_color(Splat& out, const Vec3& mean, const Vec3& eye, const float* row, bool whole) {
    float sh[48], inverse_length;
    load_sh<kShFloats<kDegree>>(row, whole, sh);
    Vec3 color = color_of<kDegree>(direction_to(mean, eye, &inverse_length), sh);
    out.red = not_below_zero(color.x);
    out.green = not_below_zero(color.y);
    out.blue = not_below_zero(color.z);
}

// One lane's part; all lanes of a wave call it.
__device__ inline void store_projected(const Projected& out, int i, int n, const Splat& splat, float depth, int tiles,
                                       int radius) {
    unsigned long long sum = gpu::wave_sum((unsigned long long)tiles);
    if (gpu::lane_id() == 0 && sum) atomicAdd(out.total, sum);
    if (i >= n) return;
    if (tiles) {
        auto* to = reinterpret_cast<float4*>(out.splats + i);
        to[0] = {splat.x, splat.y, splat.a, splat.b};
        to[1] = {splat.c, splat.log2_opacity, splat.half_width, splat.half_height};
        to[2] = {splat.red, splat.green, splat.blue, splat.inverse_depth};
    }
    out.depth[i] = tiles ? __float_as_uint(depth) : 0xffffffffu;
    out.id[i] = uint32_t(i);
    out.count[i] = uint32_t(tiles);
    if (out.radii) out.radii[i] = radius;
    if (out.kept_radii) out.kept_radii[i] = radius;
}

template <int kDegree>
__global__ void __launch_bounds__(kProjectThreads)
    project_kernel(const Scene s, const Camera c, const Projected out) {
    __shared__ Rows rows;
    int i = int(blockIdx.x * kProjectThreads + threadIdx.x);
    Splat splat;
    float depth = 0;
    int radius = 0, tiles = i < s.n ? project_one(s, c, i, splat, &depth, &radius) : 0;
    const float* row = sh_row<kDegree>(rows, s.sh, s.sh_stride, i, tiles > 0);
    if (tiles) set_color<kDegree>(splat, load3(s.means, i), camera_position(c), row, s.sh_stride == 16);
    store_projected(out, i, s.n, splat, depth, tiles, tiles ? radius : 0);
}

// ---- the way back ----------------------------------------------------------------------------
// By the projected mean, and by the conic as matrix [[xx, xy / 2], [xy / 2, yy]].
struct ScreenGradient {
    float x, y, conic_xx, conic_xy, conic_yy, opacity;
    Vec3 color;
};

__device__ inline ScreenGradient screen_gradient(const float (&m)[kMoments], const Projection& p, float opacity) {
    float inverse = 1.0f / p.determinant;
    float a = p.yy * inverse, b = -p.xy * inverse, c = p.xx * inverse;
    return {a * m[1] + b * m[2], b * m[1] + c * m[2], -0.5f * m[3], -m[4], -0.5f * m[5],
            m[0] / opacity, {m[6], m[7], m[8]}};
}

struct GeometryGradient {
    Vec3 mean, scale;
    float4 rotation;
};

// By the quaternion as it stands in the matrix, from the gradient by the matrix's columns.
__device__ inline float4 quaternion_gradient(const Rotation& r, const Vec3 (&g)[3]) {
    float w = 2 * (r.z * (g[0].y - g[1].x) + r.y * (g[2].x - g[0].z) + r.x * (g[1].z - g[2].y));
    float x = 2 * (r.y * (g[0].y + g[1].x) + r.z * (g[0].z + g[2].x) + r.w * (g[1].z - g[2].y)) -
              4 * r.x * (g[1].y + g[2].z);
    float y = 2 * (r.x * (g[0].y + g[1].x) + r.z * (g[1].z + g[2].y) + r.w * (g[2].x - g[0].z)) -
              4 * r.y * (g[0].x + g[2].z);
    float z = 2 * (r.x * (g[0].z + g[2].x) + r.y * (g[1].z + g[2].y) + r.w * (g[0].y - g[1].x)) -
              4 * r.z * (g[0].x + g[1].y);
    return {w, x, y, z};
}

// Through the normalisation too.
__device__ inline float4 rotation_gradient(const Rotation& r, const Vec3 (&g)[3]) {
    const float4 q = quaternion_gradient(r, g);
    float along = q.x * r.w + q.y * r.x + q.z * r.y + q.w * r.z;
    return {r.inverse_length * (q.x - along * r.w), r.inverse_length * (q.y - along * r.x),
            r.inverse_length * (q.z - along * r.y), r.inverse_length * (q.w - along * r.z)};
}

// By the 2D covariance; xy stands in it twice.
struct CovarianceGradient {
    float xx, xy, yy;
};

// conic = covariance^-1, so d covariance = -conic g conic.
__device__ inline CovarianceGradient covariance_gradient(const Projection& p, const ScreenGradient& g) {
    float inverse = 1.0f / p.determinant, a = p.yy * inverse, b = -p.xy * inverse, d = p.xx * inverse;
    float half = 0.5f * g.conic_xy;
    float r00 = a * g.conic_xx + b * half, r01 = a * half + b * g.conic_yy;
    float r10 = b * g.conic_xx + d * half, r11 = b * half + d * g.conic_yy;
    return {-(r00 * a + r01 * b), -(r00 * b + r01 * d) - (r10 * a + r11 * b), -(r10 * b + r11 * d)};
}

// By the local frame's rows, the scales and the rotation's columns: p = t x (rotation x diag(scale)).
struct FootprintGradient {
    Vec3 t0, t1, scale, column[3];
};

__device__ inline FootprintGradient footprint_gradient(const Projection& p, const CovarianceGradient& g) {
    Vec3 by_p0 = 2 * g.xx * p.p0 + g.xy * p.p1, by_p1 = 2 * g.yy * p.p1 + g.xy * p.p0;
    const Vec3* r = p.rotation.column;
    Vec3 m0 = p.scale.x * r[0], m1 = p.scale.y * r[1], m2 = p.scale.z * r[2];
    FootprintGradient out;
    out.t0 = by_p0.x * m0 + (by_p0.y * m1 + by_p0.z * m2);
    out.t1 = by_p1.x * m0 + (by_p1.y * m1 + by_p1.z * m2);
    Vec3 by_m[3] = {by_p0.x * p.t0 + by_p1.x * p.t1, by_p0.y * p.t0 + by_p1.y * p.t1,
                    by_p0.z * p.t0 + by_p1.z * p.t1};
    out.scale = {dot(by_m[0], r[0]), dot(by_m[1], r[1]), dot(by_m[2], r[2])};
    out.column[0] = p.scale.x * by_m[0];
    out.column[1] = p.scale.y * by_m[1];
    out.column[2] = p.scale.z * by_m[2];
    return out;
}

__device__ inline GeometryGradient geometry_gradient(const Camera& c, const Projection& p, const ScreenGradient& g) {
    const FootprintGradient f = footprint_gradient(p, covariance_gradient(p, g));
    GeometryGradient out;
    out.scale = f.scale;
    out.rotation = rotation_gradient(p.rotation, f.column);

    // t0 = fx / z (w0 - slope_x w2), t1 alike; the projected mean is (fx x / z + cx, fy y / z + cy).
    float inverse_z = 1.0f / p.camera.z, ux = p.camera.x * inverse_z, uy = p.camera.y * inverse_z;
    Vec3 w2 = view_row(c, 2);
    float by_slope_x = p.clamped_x ? 0 : -c.fx * inverse_z * dot(f.t0, w2);
    float by_slope_y = p.clamped_y ? 0 : -c.fy * inverse_z * dot(f.t1, w2);
    float by_ux = c.fx * g.x + by_slope_x, by_uy = c.fy * g.y + by_slope_y;
    float by_z = -inverse_z * (dot(f.t0, p.t0) + dot(f.t1, p.t1) + by_ux * ux + by_uy * uy);
    out.mean = by_ux * inverse_z * view_row(c, 0) + (by_uy * inverse_z * view_row(c, 1) + by_z * w2);
    return out;
}

// Rows of coefficients with their gradients in the same place, where rows are of 16 x 3; else `by` holds
// the gradients' rows in memory.
struct ShGradient {
    const float* row;
    float* by;
    int stride;
};

template <int kDegree>
__device__ inline ShGradient sh_gradient_rows(Rows& rows, const float* sh, int stride, int i, bool wanted, float* by_sh) {
    const float* row = sh_row<kDegree>(rows, sh, stride, i, wanted);
    return {row, stride == 16 ? rows.own() : by_sh + size_t(i) * stride * 3, stride};
}

// `v` has kCount numbers, the rest of the row is 0.
template <int kCount>
__device__ inline void store_sh(const ShGradient& at, const float (&v)[48]) {
    if (at.stride == 16) {
#pragma unroll
        for (int k = 0; k < 48; k += 4) {
            auto part = [&](int j) { return k + j < kCount ? v[k + j] : 0.0f; };
            *reinterpret_cast<float4*>(at.by + k) = {part(0), part(1), part(2), part(3)};
        }
    } else {
#pragma unroll
        for (int k = 0; k < kCount; ++k) at.by[k] = v[k];
        for (int k = kCount; k < 3 * at.stride; ++k) at.by[k] = 0;
    }
}

__device__ inline void store_no_sh(const ShGradient& at) {
    const float none[48] = {};
    store_sh<0>(at, none);
}

// By the coefficients (written) and, through the direction, by the mean (returned).
template <int kDegree>
__device__ inline Vec3 color_gradient(const ShGradient& at, const Vec3& eye, const Vec3& mean, Vec3 g) {
    constexpr int kCount = (kDegree + 1) * (kDegree + 1);
    float sh[48], basis[16], weight[16] = {}, inverse_length;
    load_sh<3 * kCount>(at.row, at.stride == 16, sh);
    Direction d = direction_to(mean, eye, &inverse_length);
    Vec3 color = color_of<kDegree>(d, sh);
    g = {color.x < 0 ? 0 : g.x, color.y < 0 ? 0 : g.y, color.z < 0 ? 0 : g.z};
    sh_basis<kDegree>(d, basis);
    float out[48];
#pragma unroll
    for (int k = 0; k < kCount; ++k) {
        weight[k] = g.x * sh[3 * k] + g.y * sh[3 * k + 1] + g.z * sh[3 * k + 2];
        out[3 * k] = basis[k] * g.x;
        out[3 * k + 1] = basis[k] * g.y;
        out[3 * k + 2] = basis[k] * g.z;
    }
    store_sh<3 * kCount>(at, out);
    Direction by = sh_gradient<kDegree>(d, weight);
    float along = by.x * d.x + by.y * d.y + by.z * d.z;
    return {inverse_length * (by.x - along * d.x), inverse_length * (by.y - along * d.y),
            inverse_length * (by.z - along * d.z)};
}

template <int kDegree>
__global__ void __launch_bounds__(kProjectThreads)
    project_backward_kernel(const Scene s, const Camera c, const uint32_t* count, const float* moments,
                            const SceneGradient out) {
    __shared__ Rows rows;
    int i = int(blockIdx.x * kProjectThreads + threadIdx.x);
    const bool there = i < s.n, seen = there && count[i];
    const ShGradient by_sh = sh_gradient_rows<kDegree>(rows, s.sh, s.sh_stride, i, seen, out.sh);
    GeometryGradient g = {{0, 0, 0}, {0, 0, 0}, {0, 0, 0, 0}};
    ScreenGradient screen = {0, 0, 0, 0, 0, 0, {0, 0, 0}};
    if (seen) {
        float m[kMoments];
#pragma unroll
        for (int k = 0; k < kMoments; ++k) m[k] = moments[size_t(i) * kMoments + k];
        Vec3 mean = load3(s.means, i);
        Projection p = project(s, c, i, mean, to_camera(c, mean));
        screen = screen_gradient(m, p, s.opacities[i]);
        g = geometry_gradient(c, p, screen);
        g.mean = g.mean + color_gradient<kDegree>(by_sh, camera_position(c), mean, screen.color);
    } else if (there) {
        store_no_sh(by_sh);
    }
    if (s.sh_stride == 16) store_rows(rows, out.sh, s.n);
    if (!there) return;
    store3(out.means, i, g.mean);
    store3(out.scales, i, g.scale);
    *reinterpret_cast<float4*>(out.rotations + 4 * size_t(i)) = g.rotation;
    out.opacities[i] = screen.opacity;
    if (out.screen) *reinterpret_cast<float2*>(out.screen + 2 * size_t(i)) = {screen.x, screen.y};
}

}  // namespace gpufix_splat
