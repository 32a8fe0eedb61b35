#include <cuda_runtime.h>

__global__ void scale_kernel(float *out) { out[threadIdx.x] += 1.0f; }

extern "C" int version() { return 1; }

extern "C" int scale(float *out) {
    scale_kernel<<<1, 32>>>(out);
    return cudaGetLastError();
}
