"""Compile a kernel at run time, as array libraries do. No GPU is needed for this."""

import ctypes
import importlib.metadata
import pathlib
import sys

(library,) = [
    f for f in importlib.metadata.files("nvidia-cuda-nvrtc") if f.name == "libnvrtc.so.13"
]
library = pathlib.Path(library.locate())
for builtins in library.parent.glob("libnvrtc-builtins.so.*"):  # nvrtc has no run path of its own
    ctypes.CDLL(str(builtins), ctypes.RTLD_GLOBAL)
nvrtc = ctypes.CDLL(str(library))
program = ctypes.c_void_p()
source = b'extern "C" __global__ void scale(float *x) { x[threadIdx.x] *= 2; }'
nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"scale.cu", 0, None, None)
options = (ctypes.c_char_p * 1)(b"--gpu-architecture=sm_90")
result = nvrtc.nvrtcCompileProgram(program, 1, options)
size = ctypes.c_size_t()
nvrtc.nvrtcGetProgramLogSize(program, ctypes.byref(size))
log = ctypes.create_string_buffer(size.value)
nvrtc.nvrtcGetProgramLog(program, log)
print(result, log.value.decode())
sys.exit(result != 0)
