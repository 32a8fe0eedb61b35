#include <cuda_runtime.h>

__global__ void pack_pairs(const short *in, unsigned *out, int pairs) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < pairs)
        out[i] = (unsigned short)in[2 * i] | (unsigned)(unsigned short)in[2 * i + 1] << 16;
}

extern "C" int pack_i16(const short *in, unsigned *out, int pairs) {
    pack_pairs<<<(pairs + 255) / 256, 256>>>(in, out, pairs);
    return static_cast<int>(cudaGetLastError());
}
