#include <stdbool.h>

extern int ggml_report(void);
extern int puts(const char *text);

bool llama_supports_gpu_offload(void) { return false; }

int llama_report(void) { return ggml_report() + puts("llama"); }
