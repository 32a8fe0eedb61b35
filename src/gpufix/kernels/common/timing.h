// Device time of a launch: events, a cold L2, the median of repeated runs.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

#include "memory.h"

namespace gpu {

struct Timing {
    double median = 0, min = 0, max = 0;  // milliseconds
    int runs = 0;
};

inline Timing summarise(std::vector<double> ms) {
    Timing t;
    if (ms.empty()) return t;
    std::sort(ms.begin(), ms.end());
    size_t n = ms.size();
    t.median = n % 2 ? ms[n / 2] : 0.5 * (ms[n / 2 - 1] + ms[n / 2]);
    t.min = ms.front();
    t.max = ms.back();
    t.runs = static_cast<int>(n);
    return t;
}

inline double wall_ms() {
    using namespace std::chrono;
    return duration<double, std::milli>(steady_clock::now().time_since_epoch()).count();
}

class Timer {
   public:
    explicit Timer(int l2_bytes) : flush_(std::max<size_t>(size_t{32} << 20, 2 * size_t(l2_bytes))) {
        GPU_CHECK(gpuEventCreate(&start_));
        GPU_CHECK(gpuEventCreate(&stop_));
    }
    ~Timer() {
        (void)gpuEventDestroy(start_);
        (void)gpuEventDestroy(stop_);
    }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    // Warms up until the clocks have risen, then times `reps` runs, each after `prepare` (untimed;
    // reset what the launch consumes there) and an L2 flush, which also hides the launch's own
    // latency. Stops early, with five runs at least, when `budget_ms` is spent.
    template <class Launch, class Prepare>
    Timing measure(int reps, Launch launch, Prepare prepare, double budget_ms = 2000) {
        double begin = wall_ms();
        for (int i = 0; i < 3 || wall_ms() - begin < 50; ++i) once(launch, prepare);
        std::vector<double> ms;
        begin = wall_ms();
        while (static_cast<int>(ms.size()) < reps &&
               (ms.size() < 5 || wall_ms() - begin < budget_ms))
            ms.push_back(once(launch, prepare));
        return summarise(ms);
    }
    template <class Launch>
    Timing measure(int reps, Launch launch) {
        return measure(reps, launch, [] {});
    }

   private:
    template <class Launch, class Prepare>
    double once(Launch launch, Prepare prepare) {
        prepare();
        GPU_CHECK(gpuMemsetAsync(flush_.data(), 0, flush_.bytes(), nullptr));
        GPU_CHECK(gpuEventRecord(start_, nullptr));
        launch();
        GPU_CHECK(gpuEventRecord(stop_, nullptr));
        GPU_CHECK_LAUNCH();
        GPU_CHECK(gpuEventSynchronize(stop_));
        float ms = 0;
        GPU_CHECK(gpuEventElapsedTime(&ms, start_, stop_));
        return ms;
    }

    DeviceArray<char> flush_;
    gpuEvent_t start_{}, stop_{};
};

}  // namespace gpu
