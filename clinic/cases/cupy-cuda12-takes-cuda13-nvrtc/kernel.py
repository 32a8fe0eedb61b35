"""A kernel for a V100, compiled with the NVRTC that CuPy loads; no GPU is asked."""

import cupy  # noqa: F401  (sets up where libraries are found)
from cupy_backends.cuda.libs import nvrtc

SOURCE = 'extern "C" __global__ void one(float *x) { *x = 1.0f; }'

print("NVRTC", nvrtc.getVersion(), flush=True)
program = nvrtc.createProgram(SOURCE, "one.cu", (), ())
nvrtc.compileProgram(program, ("--gpu-architecture=sm_70",))
print(len(nvrtc.getCUBIN(program)), "bytes")
