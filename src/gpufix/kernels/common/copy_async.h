// Copies from device memory to shared memory that overlap with arithmetic where the
// hardware can (CUDA sm_80 and newer); elsewhere they are done when the call returns.
#pragma once

#include "gpufix_gpu.h"

namespace gpu {

#if defined(GPUFIX_CUDA) && __CUDA_ARCH__ >= 800

// Zeros when `valid` is false: the source is then not read.
__device__ inline void copy_async16(void* shared, const void* global, bool valid = true) {
    auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global),
                 "r"(valid ? 16 : 0)
                 : "memory");
}
__device__ inline void copy_async4(void* shared, const void* global, bool valid = true) {
    auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(global),
                 "r"(valid ? 4 : 0)
                 : "memory");
}
__device__ inline void copy_async8(void* shared, const void* global, bool valid = true) {
    auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" ::"r"(to), "l"(global),
                 "r"(valid ? 8 : 0)
                 : "memory");
}
__device__ inline void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
// Until at most `Pending` of this thread's newest groups are under way.
template <int Pending>
__device__ inline void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

#else

__device__ inline void copy_async16(void* shared, const void* global, bool valid = true) {
    *static_cast<uint4*>(shared) = valid ? *static_cast<const uint4*>(global) : uint4{0, 0, 0, 0};
}
__device__ inline void copy_async4(void* shared, const void* global, bool valid = true) {
    *static_cast<unsigned*>(shared) = valid ? *static_cast<const unsigned*>(global) : 0;
}
__device__ inline void copy_async8(void* shared, const void* global, bool valid = true) {
    *static_cast<uint2*>(shared) = valid ? *static_cast<const uint2*>(global) : uint2{0, 0};
}
__device__ inline void copy_async_commit() {}
template <int>
__device__ inline void copy_async_wait() {}

#endif

}  // namespace gpu
