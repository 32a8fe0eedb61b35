#include <cuda_runtime.h>

// Asynchronous copies to shared memory are there from Ampere on.
__device__ void copy16(void *shared, const void *global) {
    unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global));
}

__global__ void blend(const float4 *a, const float4 *b, float4 *out, int n) {
    __shared__ float4 left[128], right[128];
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) {
        copy16(&left[threadIdx.x], &a[i]);
        copy16(&right[threadIdx.x], &b[i]);
    }
    asm volatile("cp.async.wait_all;");
    __syncthreads();
    if (i < n) {
        float4 x = left[threadIdx.x], y = right[threadIdx.x];
        out[i] = make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
    }
}

extern "C" void frames_blend(const float4 *a, const float4 *b, float4 *out, int n) {
    blend<<<(n + 127) / 128, 128>>>(a, b, out, n);
}
