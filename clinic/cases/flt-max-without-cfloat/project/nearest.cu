#include "nearest.h"

#include <cuda_runtime.h>

#include <cmath>
#include <vector>

__global__ void nearest_kernel(int n, const Point *p, float *best) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float found = FLT_MAX;
  for (int j = 0; j < n; ++j) {
    if (j == i) continue;
    float dx = p[i].x - p[j].x, dy = p[i].y - p[j].y, dz = p[i].z - p[j].z;
    found = fminf(found, dx * dx + dy * dy + dz * dz);
  }
  best[i] = found;
}

void nearest(int n, const Point *points, float *distances) {
  nearest_kernel<<<(n + 127) / 128, 128>>>(n, points, distances);
}
