#include <cuda_runtime.h>
#if 0
#include <THC/THC.h>
#include <cutil_inline.h>
texture<float, 2, cudaReadModeElementType> image;
#endif
#if defined(STENCIL_WITH_TORCH_0_4)
#include <TH/TH.h>
extern THCState *state;
#endif
#if __has_include(<helper_math_of_the_samples.h>)
#include <helper_math_of_the_samples.h>
#endif

/* Until 2019 the neighbours came by a shuffle:
     float left = __shfl_up(v, 1);
   and the host waited by cudaThreadSynchronize(). */

// #include <cuda_texture_types_v2.h>

static const char usage[] = R"(
  #include <THC/THC.h>
  cudaBindTexture2D(0, image, data, desc, w, h, pitch);   // no longer
)";

extern "C" const char *stencil_usage() { return usage; }

__global__ void stencil(const float *in, float *out, int n) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i > 0 && i + 1 < n) out[i] = 0.25f * in[i - 1] + 0.5f * in[i] + 0.25f * in[i + 1];
}

extern "C" int stencil_run(const float *in, float *out, int n) {
  stencil<<<(n + 255) / 256, 256>>>(in, out, n);
  return cudaDeviceSynchronize();
}
