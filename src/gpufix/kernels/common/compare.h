// Distance of a result from its float64 reference.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace gpu {

struct Error {
    double max_err = 0;  // largest |got - want|, over the largest |want|
    double rel_err = 0;  // ||got - want|| / ||want||, both 2-norms
};

// `got(i)` and `want(i)` give element i as a double. A NaN or infinity where the reference has a
// number is an infinite error.
template <class Got, class Want>
Error compare(size_t n, Got got, Want want) {
    double worst = 0, largest = 0, sum_diff = 0, sum_want = 0;
    for (size_t i = 0; i < n; ++i) {
        double w = want(i), diff = std::fabs(double(got(i)) - w);
        if (!std::isfinite(diff)) diff = std::numeric_limits<double>::infinity();
        worst = std::max(worst, diff);
        largest = std::max(largest, std::fabs(w));
        sum_diff += diff * diff;
        sum_want += w * w;
    }
    if (largest == 0) return {worst, std::sqrt(sum_diff)};
    return {worst / largest, std::sqrt(sum_diff / sum_want)};
}

}  // namespace gpu
