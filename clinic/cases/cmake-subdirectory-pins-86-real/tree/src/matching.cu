#include <cuda_runtime.h>

__global__ void hamming(const unsigned *left, const unsigned *right, unsigned char *cost, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) cost[i] = __popc(left[i] ^ right[i]);
}

extern "C" void stereo_cost(const unsigned *left, const unsigned *right, unsigned char *cost, int n) {
    hamming<<<(n + 255) / 256, 256>>>(left, right, cost, n);
}
