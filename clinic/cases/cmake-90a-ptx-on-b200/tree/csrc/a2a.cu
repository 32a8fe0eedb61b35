#include <cuda_runtime.h>

// One step of a Walsh-Hadamard transform over rows of 2 * half values.
__global__ void butterfly(float *row, int half) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    int low = (i / half) * 2 * half + i % half;
    float a = row[low], b = row[low + half];
    row[low] = a + b;
    row[low + half] = a - b;
}

extern "C" int wht_step(float *row, int half, int pairs) {
    butterfly<<<(pairs + 127) / 128, 128>>>(row, half);
    return static_cast<int>(cudaGetLastError());
}
