#include <cuda_runtime.h>

__global__ void all_to_all_kernel(float *out) { out[threadIdx.x] += 1.0f; }

extern "C" int version() { return 1; }

extern "C" int all_to_all(float *out) {
    all_to_all_kernel<<<1, 32>>>(out);
    return cudaGetLastError();
}
