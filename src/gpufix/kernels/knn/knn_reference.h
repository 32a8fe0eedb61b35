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
    size_t n = points.size() / 3;
    for (size_t i = 0; i < n; ++i) {
        if (i == query) continue;
        double d = 0;
        for (int axis = 0; axis < 3; ++axis) {
            double delta = double(points[3 * i + axis]) - points[3 * query + axis];
            d += delta * delta;
        }
        if (d >= best[2]) continue;
        best[2] = d;
        if (best[2] < best[1]) std::swap(best[2], best[1]);
        if (best[1] < best[0]) std::swap(best[1], best[0]);
    }
    size_t found = std::min<size_t>(3, n - 1);
    double sum = 0;
    for (size_t i = 0; i < found; ++i) sum += best[i];
    return found ? sum / double(found) : 0;
}

}  // namespace knn_reference
