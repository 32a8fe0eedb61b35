// Gaussian splatting in float64, every pixel against every Gaussian, with gradients by central
// differences: no GPU needed. Written from the definitions, apart from the kernels' formulas.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace splat_reference {

using Mat3 = std::array<std::array<double, 3>, 3>;

struct Camera {
    double view[12], fx, fy, cx, cy, near_plane;
    int width, height;
    double background[3];
};

// A Gaussian's parameters in a row: mean 3, scale 3, rotation 4 (w x y z), opacity 1, sh k x 3.
constexpr int kMean = 0, kScale = 3, kRotation = 6, kOpacity = 10, kSh = 11;
inline int stride(int degree) { return kSh + 3 * (degree + 1) * (degree + 1); }

inline Mat3 multiply(const Mat3& a, const Mat3& b) {
    Mat3 c{};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j)
            for (int k = 0; k < 3; ++k) c[i][j] += a[i][k] * b[k][j];
    return c;
}

inline Mat3 transpose(const Mat3& a) {
    Mat3 t{};
    for (int i = 0; i < 3; ++i)
        for (int j = 0; j < 3; ++j) t[i][j] = a[j][i];
    return t;
}

inline Mat3 rotation_matrix(const double* q) {
    double n = std::sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
    double w = q[0] / n, x = q[1] / n, y = q[2] / n, z = q[3] / n;
    return {{{1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)},
             {2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)},
             {2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)}}};
}

// Real spherical harmonics by the general formula, with the sign (-1)^m that the field's files use.
inline double legendre(int l, int m, double x) {
    double pmm = 1;
    for (int i = 1; i <= m; ++i) pmm *= (2 * i - 1) * std::sqrt(std::max(0.0, 1 - x * x));
    if (l == m) return pmm;
    double below = pmm, here = x * (2 * m + 1) * pmm;
    for (int k = m + 2; k <= l; ++k) {
        double next = (x * (2 * k - 1) * here - (k + m - 1) * below) / (k - m);
        below = here;
        here = next;
    }
    return here;
}

inline double harmonic(int l, int m, const double* d) {
    double ratio = 1, phi = std::atan2(d[1], d[0]);
    int a = std::abs(m);
    for (int k = l - a + 1; k <= l + a; ++k) ratio *= k;
    double norm = std::sqrt((2 * l + 1) / (4 * M_PI) / ratio) * legendre(l, a, d[2]);
    if (m == 0) return norm;
    double sign = a % 2 ? -1 : 1;
    return sign * std::sqrt(2.0) * norm * (m > 0 ? std::cos(a * phi) : std::sin(a * phi));
}

struct Gaussian2D {
    double x, y, conic[3], opacity, color[3], depth;
    bool visible;
};

inline void shade(const double* p, const double* mean, const Camera& c, int degree, double* color) {
    double d[3], length = 0;
    for (int i = 0; i < 3; ++i) {
        double eye = 0;
        for (int k = 0; k < 3; ++k) eye -= c.view[4 * k + i] * c.view[4 * k + 3];
        d[i] = mean[i] - eye;
        length += d[i] * d[i];
    }
    for (double& v : d) v /= std::sqrt(length);
    double sum[3] = {0.5, 0.5, 0.5};
    for (int l = 0; l <= degree; ++l)
        for (int m = -l; m <= l; ++m) {
            const double basis = harmonic(l, m, d);
            for (int channel = 0; channel < 3; ++channel) sum[channel] += p[kSh + 3 * (l * l + l + m) + channel] * basis;
        }
    for (int channel = 0; channel < 3; ++channel) color[channel] = std::max(sum[channel], 0.0);
}

// Without its color.
inline Gaussian2D flatten(const double* p, const Camera& c) {
    Gaussian2D g{};
    double t[3];
    Mat3 w{}, j{}, s{};
    for (int i = 0; i < 3; ++i) {
        t[i] = c.view[4 * i + 3];
        for (int k = 0; k < 3; ++k) {
            w[i][k] = c.view[4 * i + k];
            t[i] += w[i][k] * p[kMean + k];
        }
        s[i][i] = p[kScale + i];
    }
    g.depth = t[2];
    g.opacity = p[kOpacity];
    g.visible = t[2] > c.near_plane && g.opacity >= 1.0 / 255;
    if (!g.visible) return g;
    double lx = 1.3 * 0.5 * c.width / c.fx, ly = 1.3 * 0.5 * c.height / c.fy;
    double x = std::clamp(t[0] / t[2], -lx, lx) * t[2], y = std::clamp(t[1] / t[2], -ly, ly) * t[2];
    j[0] = {c.fx / t[2], 0, -c.fx * x / (t[2] * t[2])};
    j[1] = {0, c.fy / t[2], -c.fy * y / (t[2] * t[2])};
    Mat3 m = multiply(multiply(j, w), multiply(rotation_matrix(p + kRotation), s));
    Mat3 covariance = multiply(m, transpose(m));
    double xx = covariance[0][0] + 0.3, xy = covariance[0][1], yy = covariance[1][1] + 0.3;
    double determinant = xx * yy - xy * xy;
    g.conic[0] = yy / determinant, g.conic[1] = -xy / determinant, g.conic[2] = xx / determinant;
    g.x = c.fx * t[0] / t[2] + c.cx;
    g.y = c.fy * t[1] / t[2] + c.cy;
    return g;
}

inline Gaussian2D project(const double* p, const Camera& c, int degree) {
    Gaussian2D g = flatten(p, c);
    if (g.visible) shade(p, p + kMean, c, degree, g.color);
    return g;
}

// Which Gaussians color a pixel, in order, and whose alpha is clamped. Differences are taken with
// these held: the image jumps where they change, and a gradient is that of the piece one stands on.
struct Choice {
    int gaussian;
    bool clamped;
};
using Choices = std::vector<std::vector<Choice>>;  // by pixel

inline double alpha_at(const Gaussian2D& g, double px, double py) {
    double dx = px - g.x, dy = py - g.y;
    return g.opacity * std::exp(-0.5 * (g.conic[0] * dx * dx + g.conic[2] * dy * dy) - g.conic[1] * dx * dy);
}

inline std::vector<Gaussian2D> project_all(const std::vector<double>& p, const Camera& c, int degree) {
    std::vector<Gaussian2D> g;
    for (size_t i = 0; i + 1 <= p.size() / stride(degree); ++i)
        g.push_back(project(p.data() + i * stride(degree), c, degree));
    return g;
}

inline Choices choose(const std::vector<Gaussian2D>& g, const Camera& c) {
    std::vector<int> order(g.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(),
              [&](int a, int b) { return g[a].depth != g[b].depth ? g[a].depth < g[b].depth : a < b; });
    Choices choices(size_t(c.width) * c.height);
    for (size_t at = 0; at < choices.size(); ++at) {
        double t = 1;
        for (int i : order) {
            if (!g[i].visible) continue;
            double alpha = alpha_at(g[i], at % c.width + 0.5, double(at / c.width) + 0.5);
            if (alpha < 1.0 / 255) continue;
            double next = t * (1 - std::min(alpha, 0.99));
            if (next < 1e-4) break;
            t = next;
            choices[at].push_back({i, alpha > 0.99});
        }
    }
    return choices;
}

// image[channel * pixels + pixel]
inline std::vector<double> composite(const std::vector<Gaussian2D>& g, const Camera& c, const Choices& choices) {
    std::vector<double> image(3 * choices.size());
    for (size_t at = 0; at < choices.size(); ++at) {
        double t = 1, color[3] = {0, 0, 0};
        for (const Choice& choice : choices[at]) {
            const Gaussian2D& one = g[choice.gaussian];
            double alpha = choice.clamped ? 0.99 : alpha_at(one, at % c.width + 0.5, double(at / c.width) + 0.5);
            for (int k = 0; k < 3; ++k) color[k] += t * alpha * one.color[k];
            t *= 1 - alpha;
        }
        for (int k = 0; k < 3; ++k) image[k * choices.size() + at] = color[k] + t * c.background[k];
    }
    return image;
}

inline std::vector<double> render(const std::vector<double>& p, const Camera& c, int degree) {
    auto g = project_all(p, c, degree);
    return composite(g, c, choose(g, c));
}

// The gradient of sum(weight * image) by every parameter.
inline std::vector<double> gradient(std::vector<double> p, const Camera& c, int degree, const std::vector<double>& weight) {
    auto g = project_all(p, c, degree);
    const Choices choices = choose(g, c);
    std::vector<double> out(p.size());
    for (size_t i = 0; i < p.size(); ++i) {
        size_t gaussian = i / stride(degree);
        const double kept = p[i], step = 1e-5;
        const Gaussian2D before = g[gaussian];
        double loss[2] = {0, 0};
        for (int side = 0; side < 2; ++side) {
            p[i] = kept + (side ? step : -step);
            g[gaussian] = project(p.data() + gaussian * stride(degree), c, degree);
            auto image = composite(g, c, choices);
            for (size_t k = 0; k < image.size(); ++k) loss[side] += weight[k] * image[k];
        }
        p[i] = kept;
        g[gaussian] = before;
        out[i] = (loss[1] - loss[0]) / (2 * step);
    }
    return out;
}

}  // namespace splat_reference
