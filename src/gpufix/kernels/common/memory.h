// Device arrays that free themselves.
#pragma once

#include <vector>

#include "check.h"

namespace gpu {

template <class T>
class DeviceArray {
   public:
    explicit DeviceArray(size_t n) : n_(n) { GPU_CHECK(gpuMalloc(&p_, n ? n * sizeof(T) : 1)); }
    explicit DeviceArray(const std::vector<T>& host) : DeviceArray(host.size()) { upload(host); }
    ~DeviceArray() { (void)gpuFree(p_); }
    DeviceArray(const DeviceArray&) = delete;
    DeviceArray& operator=(const DeviceArray&) = delete;

    T* data() const { return p_; }
    size_t size() const { return n_; }
    size_t bytes() const { return n_ * sizeof(T); }

    void upload(const std::vector<T>& host) {
        GPU_CHECK(gpuMemcpy(p_, host.data(), bytes(), gpuMemcpyHostToDevice));
    }
    // Waits for the device: a kernel's fault surfaces here.
    std::vector<T> download() const {
        std::vector<T> host(n_);
        GPU_CHECK(gpuDeviceSynchronize());
        GPU_CHECK(gpuMemcpy(host.data(), p_, bytes(), gpuMemcpyDeviceToHost));
        return host;
    }
    void zero() { GPU_CHECK(gpuMemset(p_, 0, bytes())); }
    // All bits set is NaN in every float format: what a kernel leaves unwritten cannot pass.
    void poison() { GPU_CHECK(gpuMemset(p_, 0xff, bytes())); }

   private:
    T* p_ = nullptr;
    size_t n_ = 0;
};

// `want` elements, or what half of the free memory holds when that is less.
inline size_t fit(size_t want, size_t bytes_per_element) {
    size_t free_bytes = 0, total = 0;
    GPU_CHECK(gpuMemGetInfo(&free_bytes, &total));
    size_t most = free_bytes / 2 / bytes_per_element;
    return want < most ? want : most;
}

// Dynamic shared memory above 48 KiB must be asked for on CUDA; AMD gives up to 64 KiB unasked.
template <class Kernel>
void allow_shared(Kernel* kernel, size_t bytes) {
#if defined(GPUFIX_CUDA)
    GPU_CHECK(gpuFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(bytes)));
#else
    (void)kernel, (void)bytes;
#endif
}

}  // namespace gpu
