#include <cuda_runtime.h>

__global__ void quantize(const float *in, signed char *out, float inverse_scale, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) out[i] = static_cast<signed char>(rintf(in[i] * inverse_scale));
}

extern "C" int blockquant_int8(const float *in, signed char *out, float inverse_scale, int n) {
    quantize<<<(n + 255) / 256, 256>>>(in, out, inverse_scale, n);
    return static_cast<int>(cudaGetLastError());
}
