#include <cuda_runtime.h>

__global__ void areas(const float4 *boxes, float *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = (boxes[i].z - boxes[i].x) * (boxes[i].w - boxes[i].y);
}

extern "C" void box_areas_gpu(const float4 *boxes, float *out, int n) {
    areas<<<(n + 255) / 256, 256>>>(boxes, out, n);
}
