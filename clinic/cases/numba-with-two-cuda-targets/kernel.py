"""PTX for compute capability 8.0, and by which CUDA target; no GPU is asked."""

import math

from numba import cuda, float32


def sine(out, x):
    out[0] = math.sin(x)


text, _ = cuda.compile_ptx(sine, (float32[:], float32), cc=(8, 0))
print(cuda.__file__, [line for line in text.splitlines() if line.startswith(".target")])
