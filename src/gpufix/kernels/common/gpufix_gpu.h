// One name for each thing that CUDA and HIP name differently, for host and device code.
// A source that includes this compiles with nvcc (CUDA 11.8 to 13) and with clang -x hip / hipcc.
#pragma once

#if defined(__HIP__) || defined(__HIPCC__)
#define GPUFIX_HIP 1
#include <hip/hip_runtime.h>
#define GPUFIX_RT(name) hip##name
#define gpuDeviceProp hipDeviceProp_t
#else
#define GPUFIX_CUDA 1
#if !defined(__CUDACC_RTC__)  // NVRTC has what kernels need of it
#include <cuda_runtime.h>
#endif
#define GPUFIX_RT(name) cuda##name
#define gpuDeviceProp cudaDeviceProp
#endif

#define gpuDeviceGetAttribute GPUFIX_RT(DeviceGetAttribute)
#define gpuDeviceGetPCIBusId GPUFIX_RT(DeviceGetPCIBusId)
#define gpuDeviceSynchronize GPUFIX_RT(DeviceSynchronize)
#define gpuDriverGetVersion GPUFIX_RT(DriverGetVersion)
#define gpuError_t GPUFIX_RT(Error_t)
#define gpuEventCreate GPUFIX_RT(EventCreate)
#define gpuEventDestroy GPUFIX_RT(EventDestroy)
#define gpuEventElapsedTime GPUFIX_RT(EventElapsedTime)
#define gpuEventRecord GPUFIX_RT(EventRecord)
#define gpuEventSynchronize GPUFIX_RT(EventSynchronize)
#define gpuEvent_t GPUFIX_RT(Event_t)
#define gpuFree GPUFIX_RT(Free)
#define gpuFuncSetAttribute GPUFIX_RT(FuncSetAttribute)
#define gpuGetDevice GPUFIX_RT(GetDevice)
#define gpuGetDeviceCount GPUFIX_RT(GetDeviceCount)
#define gpuGetDeviceProperties GPUFIX_RT(GetDeviceProperties)
#define gpuGetErrorName GPUFIX_RT(GetErrorName)
#define gpuGetErrorString GPUFIX_RT(GetErrorString)
#define gpuGetLastError GPUFIX_RT(GetLastError)
#define gpuMalloc GPUFIX_RT(Malloc)
#define gpuMemGetInfo GPUFIX_RT(MemGetInfo)
#define gpuMemcpy GPUFIX_RT(Memcpy)
#define gpuMemcpyAsync GPUFIX_RT(MemcpyAsync)
#define gpuMemcpyDefault GPUFIX_RT(MemcpyDefault)
#define gpuMemcpyDeviceToDevice GPUFIX_RT(MemcpyDeviceToDevice)
#define gpuMemcpyDeviceToHost GPUFIX_RT(MemcpyDeviceToHost)
#define gpuMemcpyHostToDevice GPUFIX_RT(MemcpyHostToDevice)
#define gpuMemset GPUFIX_RT(Memset)
#define gpuMemsetAsync GPUFIX_RT(MemsetAsync)
#define gpuRuntimeGetVersion GPUFIX_RT(RuntimeGetVersion)
#define gpuSetDevice GPUFIX_RT(SetDevice)
#define gpuStreamSynchronize GPUFIX_RT(StreamSynchronize)
#define gpuStream_t GPUFIX_RT(Stream_t)
#define gpuSuccess GPUFIX_RT(Success)

// CUDA's second argument is blocks per multiprocessor, HIP's is waves per SIMD: only the first
// means the same to both.
#if defined(GPUFIX_HIP)
#define GPUFIX_LAUNCH_BOUNDS(threads, blocks) __launch_bounds__(threads)
#else
#define GPUFIX_LAUNCH_BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#endif

namespace gpu {

// An instruction of the special function unit: a few units in the last place, denormals are 0.
#if defined(GPUFIX_HIP)
#define GPUFIX_SPECIAL(name, hip, ptx) \
    __device__ inline float name(float x) { return __builtin_amdgcn_##hip(x); }
#else
#define GPUFIX_SPECIAL(name, hip, ptx)                          \
    __device__ inline float name(float x) {                     \
        float y;                                                \
        asm(#ptx ".approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); \
        return y;                                               \
    }
#endif
GPUFIX_SPECIAL(exp2_fast, exp2f, ex2)    // 2 to the power of x
GPUFIX_SPECIAL(reciprocal_fast, rcpf, rcp)  // of what is neither near 0 nor near infinity
GPUFIX_SPECIAL(sqrt_fast, sqrtf, sqrt)
#undef GPUFIX_SPECIAL

}  // namespace gpu

#include "wave.h"
