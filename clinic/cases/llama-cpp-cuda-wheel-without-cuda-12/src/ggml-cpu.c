int ggml_cpu_devices(void) { return 1; }
