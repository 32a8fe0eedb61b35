#include <cuda_runtime.h>

__global__ void scale_kernel(float *values, float factor, int count) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) values[i] *= factor;
}

extern "C" int scale(float *values, float factor, int count) {
    scale_kernel<<<(count + 255) / 256, 256>>>(values, factor, count);
    return static_cast<int>(cudaGetLastError());
}
