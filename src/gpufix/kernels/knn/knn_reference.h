// Mean squared distance to the 3 nearest others, in float64, by looking at every pair: no GPU needed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

namespace knn_reference {

// points: n x 3. For fewer than 4 points the mean is over the others there are; 0 for a lone one.
inline double mean_distance(const std::vector<float>& points, size_t query) {
    constexpr double kNone = std::numeric_limits<double>::infinity();
    double best[3] = {kNone, kNone, kNone};
    constexpr size_t kBlock = 512;  // distances at a time, which compilers make vectors of
    const double x = points[3 * query], y = points[3 * query + 1], z = points[3 * query + 2];
    const size_t n = points.size() / 3;
    double d[kBlock];
    for (size_t begin = 0; begin < n; begin += kBlock) {
        const size_t count = std::min(kBlock, n - begin);
        const float* p = &points[3 * begin];
        for (size_t i = 0; i < count; ++i) {
            double dx = p[3 * i] - x, dy = p[3 * i + 1] - y, dz = p[3 * i + 2] - z;
            d[i] = dx * dx + dy * dy + dz * dz;
        }
        for (size_t i = 0; i < count; ++i) {
            if (!(d[i] < best[2]) || begin + i == query) continue;
            best[2] = d[i];
            if (best[2] < best[1]) std::swap(best[2], best[1]);
            if (best[1] < best[0]) std::swap(best[1], best[0]);
        }
    }
    size_t found = std::min<size_t>(3, n - 1);
    double sum = 0;
    for (size_t i = 0; i < found; ++i) sum += best[i];
    return found ? sum / double(found) : 0;
}

}  // namespace knn_reference
