"""Packages for GPUs of which no rule tells which GPUs they serve: a note, never a fault."""

from __future__ import annotations

import re

from gpufix.evidence.gpu_code import extensions
from gpufix.evidence.view import View
from gpufix.knowledge import packages
from gpufix.model import Distribution

# cupy-cuda12x, jax-cuda12-plugin, cudf-cu12, onnxruntime-gpu, jax-rocm60-pjrt
_NAMED = re.compile(r"-(?:cu|cuda|rocm)\d+x?(?:-|$)|-gpu(?:-|$)|-cuda$")
# These compile their kernels when they run: no file of theirs names a GPU.
_AT_RUN_TIME = frozenset({"nvidia-cutlass-dsl", "pycuda", "taichi", "tilelang", "warp-lang"})


def not_judged(view: View) -> list[str]:
    """Names of installed distributions, sorted."""
    libraries = view.facts.binaries.libraries
    holders = {x.distribution for x in libraries if x.code}
    judged = {code.subject for code in extensions(view.facts)}
    judged |= {x.distribution or "" for x in libraries if x.links_torch}
    return sorted(
        dist.name
        for dist in {d.name: d for d in view.facts.distributions}.values()
        if (dist.name in holders or _for_gpus(dist))
        and dist.name not in judged
        and not packages.is_placed(dist.name)
    )


def _for_gpus(dist: Distribution) -> bool:
    return dist.name in _AT_RUN_TIME or _NAMED.search(dist.name) is not None
