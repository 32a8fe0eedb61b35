__global__ void pau(const float *x, float *y, const float *p, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = (p[0] + p[1] * x[i]) / (1.0f + fabsf(p[2] * x[i]));
}

extern "C" void pau_forward(const float *x, float *y, const float *p, int n) {
  pau<<<(n + 255) / 256, 256>>>(x, y, p, n);
}
