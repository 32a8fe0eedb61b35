// Real spherical harmonics of degree 0 to 3 as polynomials of a unit direction, and their gradients.
#pragma once

namespace gpufix_splat {

struct Direction {
    float x, y, z;
};

template <int kDegree>
__device__ inline void sh_basis(const Direction& d, float (&b)[16]) {
    float x = d.x, y = d.y, z = d.z;
    b[0] = 0.282094792f;
    if constexpr (kDegree >= 1) {
        b[1] = -0.488602512f * y;
        b[2] = 0.488602512f * z;
        b[3] = -0.488602512f * x;
    }
    if constexpr (kDegree >= 2) {
        b[4] = 1.09254843f * x * y;
        b[5] = -1.09254843f * y * z;
        b[6] = 0.315391565f * (2 * z * z - x * x - y * y);
        b[7] = -1.09254843f * x * z;
        b[8] = 0.546274215f * (x * x - y * y);
    }
    if constexpr (kDegree >= 3) {
        b[9] = -0.590043590f * y * (3 * x * x - y * y);
        b[10] = 2.89061144f * x * y * z;
        b[11] = -0.457045799f * y * (4 * z * z - x * x - y * y);
        b[12] = 0.373176333f * z * (2 * z * z - 3 * x * x - 3 * y * y);
        b[13] = -0.457045799f * x * (4 * z * z - x * x - y * y);
        b[14] = 1.44530572f * z * (x * x - y * y);
        b[15] = -0.590043590f * x * (x * x - 3 * y * y);
    }
}

// A color below 0 is black. A NaN stays one, where fmaxf would hide it.
__device__ inline float not_below_zero(float color) { return color < 0 ? 0.0f : color; }

// Sum over k of weight[k] * gradient of basis k by (x, y, z), taken as free variables.
template <int kDegree>
__device__ inline Direction sh_gradient(const Direction& d, const float (&w)[16]) {
    float x = d.x, y = d.y, z = d.z;
    Direction g = {0, 0, 0};
    if constexpr (kDegree >= 1) g = {-0.488602512f * w[3], -0.488602512f * w[1], 0.488602512f * w[2]};
    if constexpr (kDegree >= 2) {
        float xy = 1.09254843f * w[4], yz = -1.09254843f * w[5], xz = -1.09254843f * w[7];
        float zz = 0.630783131f * w[6], xx = 1.09254843f * w[8];
        g.x += xy * y + xz * z + (xx - zz) * x;
        g.y += xy * x + yz * z - (xx + zz) * y;
        g.z += yz * y + xz * x + 2 * zz * z;
    }
    if constexpr (kDegree >= 3) {
        float w9 = -0.590043590f * w[9], w10 = 2.89061144f * w[10], w11 = -0.457045799f * w[11];
        float w12 = 0.373176333f * w[12], w13 = -0.457045799f * w[13], w14 = 1.44530572f * w[14];
        float w15 = -0.590043590f * w[15];
        float xx = x * x, yy = y * y, zz = z * z;
        g.x += w9 * 6 * x * y + w10 * y * z - w11 * 2 * x * y - w12 * 6 * x * z +
               w13 * (4 * zz - 3 * xx - yy) + w14 * 2 * x * z + w15 * 3 * (xx - yy);
        g.y += w9 * 3 * (xx - yy) + w10 * x * z + w11 * (4 * zz - xx - 3 * yy) - w12 * 6 * y * z -
               w13 * 2 * x * y - w14 * 2 * y * z - w15 * 6 * x * y;
        g.z += w10 * x * y + w11 * 8 * y * z + w12 * (6 * zz - 3 * xx - 3 * yy) + w13 * 8 * x * z +
               w14 * (xx - yy);
    }
    return g;
}

}  // namespace gpufix_splat
