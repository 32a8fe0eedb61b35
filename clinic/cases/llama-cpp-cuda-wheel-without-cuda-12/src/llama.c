#include <stdbool.h>

extern int ggml_cuda_devices(void);
extern int ggml_cpu_devices(void);

bool llama_supports_gpu_offload(void) { return true; }

int llama_devices(void) { return ggml_cpu_devices() + ggml_cuda_devices(); }
