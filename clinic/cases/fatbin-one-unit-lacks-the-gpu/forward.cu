#include <cuda_runtime.h>

void schedule(int *);

__global__ void hopper_forward(float *out, const int *work) { out[work[threadIdx.x]] *= 0.5f; }

extern "C" int forward(float *out, int *work) {
    schedule(work);
    hopper_forward<<<1, 32>>>(out, work);
    return cudaGetLastError();
}
