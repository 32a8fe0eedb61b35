#include "reduce.cuh"

__global__ void row_norm(const float *x, float *out, int columns) {
  float sum = 0.0f;
  for (int i = threadIdx.x; i < columns; i += 32) {
    float v = x[blockIdx.x * columns + i];
    sum += v * v;
  }
  sum = warp_sum(sum);
  if (threadIdx.x == 0) out[blockIdx.x] = sum;
}
