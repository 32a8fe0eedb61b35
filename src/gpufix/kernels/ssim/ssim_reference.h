// SSIM and its gradient in float64, straight from the definition (Wang et al. 2004): no GPU needed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace ssim_reference {

constexpr int kRadius = 5, kTaps = 2 * kRadius + 1;
constexpr double kSigma = 1.5, kC1 = 0.01 * 0.01, kC2 = 0.03 * 0.03;

struct Plane {
    int height, width;
    std::vector<double> v;
    Plane(int h, int w) : height(h), width(w), v(size_t(h) * w) {}
    double& at(int r, int c) { return v[size_t(r) * width + c]; }
};

inline std::vector<double> window() {
    std::vector<double> w(kTaps);
    double sum = 0;
    for (int i = 0; i < kTaps; ++i) {
        w[i] = std::exp(-(i - kRadius) * (i - kRadius) / (2 * kSigma * kSigma));
        sum += w[i];
    }
    for (double& x : w) x /= sum;
    return w;
}

inline void add_scaled(double* to, double scale, const double* from, int n) {
    for (int i = 0; i < n; ++i) to[i] += scale * from[i];
}

// Outside is zero. Along the rows, then down the columns, a row of them at a time.
inline Plane blur(const Plane& p) {
    const std::vector<double> w = window();
    Plane rows(p.height, p.width), out(p.height, p.width);
    std::vector<double> padded(p.width + 2 * kRadius);
    for (int r = 0; r < p.height; ++r) {
        std::copy_n(p.v.begin() + size_t(r) * p.width, p.width, padded.begin() + kRadius);
        for (int k = 0; k < kTaps; ++k) add_scaled(&rows.at(r, 0), w[k], &padded[k], p.width);
    }
    for (int r = 0; r < p.height; ++r)
        for (int k = 0; k < kTaps; ++k) {
            const int from = r + k - kRadius;
            if (from >= 0 && from < p.height) add_scaled(&out.at(r, 0), w[k], &rows.at(from, 0), p.width);
        }
    return out;
}

template <class F>
Plane combine(const Plane& a, const Plane& b, F f) {
    Plane out(a.height, a.width);
    for (size_t i = 0; i < a.v.size(); ++i) out.v[i] = f(a.v[i], b.v[i]);
    return out;
}

struct Result {
    Plane map, gradient;  // gradient of sum(map_gradient * map) with respect to x
};

// `map_gradient` is zero where "valid" padding drops the map.
inline Result ssim(const Plane& x, const Plane& y, const Plane& map_gradient) {
    const auto times = [](double a, double b) { return a * b; };
    const Plane ux = blur(x), uy = blur(y), xx = blur(combine(x, x, times)),
                yy = blur(combine(y, y, times)), xy = blur(combine(x, y, times));
    Plane map(x.height, x.width), by_x = map, by_xx = map, by_xy = map;
    for (size_t i = 0; i < map.v.size(); ++i) {
        const double m1 = ux.v[i], m2 = uy.v[i], g = map_gradient.v[i];
        const double a = 2 * m1 * m2 + kC1, b = 2 * (xy.v[i] - m1 * m2) + kC2;
        const double c = m1 * m1 + m2 * m2 + kC1;
        const double d = xx.v[i] - m1 * m1 + yy.v[i] - m2 * m2 + kC2;
        const double m = map.v[i] = a * b / (c * d);
        by_x.v[i] = g * (2 * m2 * (b - a) / (c * d) + 2 * m1 * m * (1 / d - 1 / c));
        by_xx.v[i] = g * -m / d;
        by_xy.v[i] = g * 2 * a / (c * d);
    }
    const Plane gx = blur(by_x), gxx = blur(by_xx), gxy = blur(by_xy);
    Plane gradient(x.height, x.width);
    for (size_t i = 0; i < map.v.size(); ++i)
        gradient.v[i] = gx.v[i] + 2 * x.v[i] * gxx.v[i] + y.v[i] * gxy.v[i];
    return {map, gradient};
}

// The weights of the mean: 1 / (pixels kept) where the padding keeps the map.
inline Plane mean_weights(int height, int width, bool valid_only) {
    const int m = valid_only ? kRadius : 0;
    Plane g(height, width);
    for (int r = m; r < height - m; ++r)
        for (int c = m; c < width - m; ++c)
            g.at(r, c) = 1.0 / (double(height - 2 * m) * (width - 2 * m));
    return g;
}

}  // namespace ssim_reference
