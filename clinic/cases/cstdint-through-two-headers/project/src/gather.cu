#include <gather/api.h>

__global__ void gather_kernel(const float *table, const uint32_t *rows, float *out, size_t n,
                              uint32_t width) {
  size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x;
  if (i >= n * width) return;
  uint32_t row = rows[i / width];
  out[i] = row == UINT32_MAX ? -FLT_MAX : table[row * size_t(width) + i % width];
}

void gather(const float *table, const uint32_t *rows, float *out, size_t n, uint32_t width) {
  gather_kernel<<<unsigned((n * width + 255) / 256), 256>>>(table, rows, out, n, width);
}
