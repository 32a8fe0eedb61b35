__global__ void cast(const float *map, const float *from, float *range, int w, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= n) return;
  float x = from[2 * i], r = 0.0f;
  while (r < 100.0f && map[int(from[2 * i + 1]) * w + int(x + r)] < 0.5f) r += 0.5f;
  range[i] = r;
}

extern "C" void cast_all(const float *map, const float *from, float *range, int w, int n) {
  cast<<<(n + 255) / 256, 256>>>(map, from, range, w, n);
}
