"""Closer looks, by the name that a message's `refine` gives."""

from __future__ import annotations

from gpufix.explain import refine_build, refine_cuda, refine_header, refine_symbols
from gpufix.explain.told import Refiner

REFINERS: dict[str, Refiner] = {
    "absurd-size": refine_cuda.absurd_size,
    "cuda-code": refine_cuda.cuda_code,
    "header": refine_header.header,
    "kernel-image": refine_cuda.kernel_image,
    "nvcc-arch": refine_build.nvcc_arch,
    "cuda-mismatch": refine_build.cuda_mismatch,
    "no-torch": refine_build.no_torch,
    "soname": refine_symbols.soname,
    "symbol": refine_symbols.symbol,
    "torch-family": refine_build.torch_family,
    "xformers": refine_build.xformers,
}
