#include <cuda_runtime_api.h>
#include <cstdio>

#if CUDART_VERSION < 12000
#error "this project needs the headers of CUDA 12"
#endif

int main() {
  int version = 0;
  cudaRuntimeGetVersion(&version);
  std::printf("%d %d\n", CUDART_VERSION, version);
  return CUDART_VERSION / 1000 != version / 1000;
}
