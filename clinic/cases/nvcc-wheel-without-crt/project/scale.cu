__global__ void scale(float *x, float by) { x[threadIdx.x] *= by; }

extern "C" void launch(float *x) { scale<<<1, 32>>>(x, 2.f); }
