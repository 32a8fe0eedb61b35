/* How many kinds of device the build knows: the CPU, and CUDA where its backend was built. */
#include <stdbool.h>
#include <stddef.h>

extern int ggml_cuda_devices(void) __attribute__((weak));
extern int ggml_cpu_devices(void);

bool llama_supports_gpu_offload(void) { return ggml_cuda_devices != NULL; }

int llama_devices(void) {
  return ggml_cpu_devices() + (llama_supports_gpu_offload() ? ggml_cuda_devices() : 0);
}
