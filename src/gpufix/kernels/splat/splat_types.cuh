// The scene, the camera and what the stages of the rasteriser hand to each other.
#pragma once

#include <cstdint>

#include "../common/gpufix_gpu.h"

namespace gpufix_splat {

constexpr int kTile = 16;
constexpr float kDilation = 0.3f;            // pixels^2 added to both variances: a low-pass filter
constexpr float kAlphaMin = 1.0f / 255.0f;   // contributions below are skipped
constexpr float kAlphaMax = 0.99f;
constexpr float kTransmittanceMin = 1e-4f;   // a pixel is finished before it would fall below
constexpr float kFieldMargin = 1.3f;         // the local affine frame is clamped at 1.3 x the field of view
constexpr float kLog2Of255 = 7.99435344f, kLog2E = 1.44269504f, kLn2 = 0.693147181f;

// float32 on the device, row-major. `sh` is n x sh_stride x 3; the first (degree + 1)^2 are used.
struct Scene {
    int n, degree, sh_stride;
    const float *means, *scales, *rotations, *opacities, *sh;  // rotations: w x y z, any length
};

struct Camera {
    float view[12];  // 3 x 4, world to camera; z forward
    float fx, fy, cx, cy, near_plane;
    int width, height;
    float background[3];

    __host__ __device__ int tiles_x() const { return (width + kTile - 1) / kTile; }
    __host__ __device__ int tiles_y() const { return (height + kTile - 1) / kTile; }
    __host__ __device__ int tiles() const { return tiles_x() * tiles_y(); }
};

// Gradients by the scene, same shapes; `screen` (n x 2, by the projected mean in pixels) may be null.
struct SceneGradient {
    float *means, *scales, *rotations, *opacities, *sh, *screen;
};

// A projected Gaussian. Its alpha at a pixel centre (dx, dy) away is
// 2^(log2_opacity - (a dx^2 + b dx dy + c dy^2)), at least 1/255 only within the half extents.
struct Splat {
    float x, y, a, b;
    float c, log2_opacity, half_width, half_height;
    float red, green, blue, inverse_depth;  // the last only where it is rendered
};

// Device pointers into the caller's workspaces: what a frame's stages and its gradient share.
struct Frame {
    Splat* splats;
    uint32_t* count;       // tiles of each Gaussian, 0 when culled
    const uint32_t* order; // Gaussians by depth
    uint32_t* end;         // running sum of their counts in that order
    uint2* ranges;
    const uint32_t* list;  // Gaussians by tile, then depth
    const unsigned long long* total;  // of the counts, where the host has not waited for it; else null
    const int* radii;      // by which the list is limited to boxes, or null
    uint32_t instances;    // the length of the list, or the room for it
};

// Sums over pixels that the backward rasteriser collects for a Gaussian. With v the loss's
// derivative by the exponent: v, v dx, v dy, v dx^2, v dx dy, v dy^2, then the color's gradient.
constexpr int kMoments = 9;

}  // namespace gpufix_splat
