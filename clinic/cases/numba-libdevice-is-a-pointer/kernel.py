"""PTX for compute capability 8.0; no GPU is asked."""

import math
import sys

from numba import cuda, float32


def plain(out, x):
    out[0] = x * 2


def sine(out, x):
    out[0] = math.sin(x)


text, _ = cuda.compile_ptx(globals()[sys.argv[1]], (float32[:], float32), cc=(8, 0))
print([line for line in text.splitlines() if line.startswith(".target")])
