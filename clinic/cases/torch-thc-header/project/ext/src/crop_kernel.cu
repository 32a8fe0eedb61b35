__global__ void crop_kernel(const float *in, float *out, int n, int stride) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[blockIdx.y * n + i] = in[blockIdx.y * stride + i];
}

void launch_crop(const float *in, float *out, int n, int stride) {
  crop_kernel<<<(n + 255) / 256, 256>>>(in, out, n, stride);
}
