#include <cuda_runtime.h>

__global__ void cumsum_kernel(float *out) { out[threadIdx.x] += 1.0f; }

extern "C" int version() { return 1; }

extern "C" int cumsum(float *out) {
    cumsum_kernel<<<1, 32>>>(out);
    return cudaGetLastError();
}
