"""CUDA and ROCm installations, and which of them torch.utils.cpp_extension would use."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.facts.context import CollectContext
from gpufix.facts.toolchain import cuda_toolkits, rocm_toolkits
from gpufix.model import CondaPackage, Distribution, Python, Toolkit


def collect(
    ctx: CollectContext, python: Python | None, distributions: Sequence[Distribution | CondaPackage]
) -> list[Toolkit]:
    """Every toolkit found, CUDA's before ROCm's; at most one of each kind is `selected`."""
    return [
        *cuda_toolkits.collect(ctx, python, distributions),
        *rocm_toolkits.collect(ctx, python),
    ]
