__global__ void histogram(const unsigned char *in, unsigned *bins, int n) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) atomicAdd(&bins[in[i]], 1u);
}

extern "C" void histo_gpu(const unsigned char *in, unsigned *bins, int n) {
    histogram<<<(n + 255) / 256, 256>>>(in, bins, n);
}
