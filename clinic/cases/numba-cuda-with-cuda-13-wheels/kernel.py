"""Compile a kernel to PTX for compute capability 9.0."""

from numba import cuda, float32, void


def double(values):
    i = cuda.grid(1)
    if i < values.size:
        values[i] *= 2


ptx, _ = cuda.compile_ptx(double, void(float32[::1]), cc=(9, 0))
print(ptx)
