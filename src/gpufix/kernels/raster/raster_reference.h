// Triangle rasterisation, every triangle over its box in 64-bit integers: no GPU needed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace raster_reference {

struct Image {
    int width, height;
    std::vector<int> triangle;       // -1: none
    std::vector<float> depth;        // infinite where none
    std::vector<int> coverage;       // triangles whose inside holds the pixel's centre, hidden or not
    Image(int w, int h)
        : width(w), height(h), triangle(size_t(w) * h, -1), depth(size_t(w) * h, INFINITY), coverage(size_t(w) * h) {}
};

struct Point {
    long long x, y;  // in 1/256 pixel
};

// Twice the signed area of (a, b, p).
inline long long edge(const Point& a, const Point& b, const Point& p) {
    return (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);
}

// With y down and positive areas: a top edge is horizontal and goes right, a left edge goes up.
inline bool owns(const Point& a, const Point& b) { return b.y < a.y || (b.y == a.y && b.x > a.x); }

inline bool holds(const Point (&v)[3], const Point& p) {
    for (int i = 0; i < 3; ++i) {
        const Point &a = v[i], &b = v[(i + 1) % 3];
        long long e = edge(a, b, p);
        if (e < 0 || (e == 0 && !owns(a, b))) return false;
    }
    return true;
}

inline bool usable(const float* v) {
    return std::fabs(v[0]) <= 16384 && std::fabs(v[1]) <= 16384 && std::isfinite(v[2]);
}

// vertices: x and y in pixels, depth; triangles: three indices each.
inline Image rasterise(const std::vector<float>& vertices, const std::vector<int>& triangles, int width, int height) {
    Image out(width, height);
    const long long count = (long long)vertices.size() / 3;
    for (size_t t = 0; t < triangles.size() / 3; ++t) {
        Point v[3];
        float z[3];
        bool good = true;
        for (int i = 0; i < 3; ++i) {
            long long at = triangles[3 * t + i];
            good = good && at >= 0 && at < count && usable(&vertices[3 * at]);
            if (!good) break;
            v[i] = {std::llrint(vertices[3 * at] * 256.0f), std::llrint(vertices[3 * at + 1] * 256.0f)};
            z[i] = vertices[3 * at + 2];
        }
        if (!good) continue;
        long long area = edge(v[0], v[1], v[2]);
        if (area == 0) continue;
        if (area < 0) {
            std::swap(v[1], v[2]);
            std::swap(z[1], z[2]);
            area = -area;
        }
        auto x = std::minmax({v[0].x, v[1].x, v[2].x}), y = std::minmax({v[0].y, v[1].y, v[2].y});
        int x0 = int(std::max(0LL, x.first / 256 - 1)), x1 = int(std::min<long long>(width - 1, x.second / 256 + 1));
        int y0 = int(std::max(0LL, y.first / 256 - 1)), y1 = int(std::min<long long>(height - 1, y.second / 256 + 1));
        const float inverse = 1.0f / float(area);
        for (int r = y0; r <= y1; ++r)
            for (int c = x0; c <= x1; ++c) {
                Point p = {256LL * c + 128, 256LL * r + 128};
                if (!holds(v, p)) continue;
                size_t at = size_t(r) * width + c;
                out.coverage[at]++;
                // The definition of depth, rounding included.
                float b1 = float(edge(v[2], v[0], p)) * inverse, b2 = float(edge(v[0], v[1], p)) * inverse;
                float depth = std::fmaf(b2, z[2] - z[0], std::fmaf(b1, z[1] - z[0], z[0]));
                if (out.triangle[at] >= 0 && !(depth < out.depth[at])) continue;  // ties: the lowest index
                out.depth[at] = depth;
                out.triangle[at] = int(t);
            }
    }
    return out;
}

}  // namespace raster_reference
