"""A kernel compiled to a cubin for a compute capability; no GPU is asked."""

import sys

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource


@triton.jit
def double(x, n: tl.constexpr):
    i = tl.arange(0, n)
    tl.store(x + i, tl.load(x + i) * 2)


source = ASTSource(double, {"x": "*fp32", "n": "constexpr"}, {(1,): 128})
made = triton.compile(source, target=GPUTarget("cuda", int(sys.argv[1]), 32))
print("cubin", len(made.asm["cubin"]), "bytes")
