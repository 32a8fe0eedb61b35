/* Asks the runtime for devices, and has cuBLAS among what it needs. */
extern int cudaGetDeviceCount(int *count);
extern int cublasCreate_v2(void *handle);

int ggml_cuda_devices(void) {
  int count = 0;
  return cudaGetDeviceCount(&count) ? 0 : count;
}

int ggml_cuda_context(void *handle) { return cublasCreate_v2(handle); }
