#include <cuda_runtime.h>

__global__ void median3(const unsigned char *in, unsigned char *out, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < 1 || i >= n - 1) return;
    unsigned char a = in[i - 1], b = in[i], c = in[i + 1];
    out[i] = max(min(a, b), min(max(a, b), c));
}

extern "C" void median_filter(const unsigned char *in, unsigned char *out, int n) {
    median3<<<(n + 255) / 256, 256>>>(in, out, n);
}
