"""Whether an environment uses its GPU by another framework than torch."""

from __future__ import annotations

import re

from gpufix.evidence.building import builds
from gpufix.evidence.gpu_code import extensions
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.source_view import python_files
from gpufix.evidence.unknown_packages import not_judged
from gpufix.evidence.view import View
from gpufix.knowledge import packages
from gpufix.text.names import normalise

_GPU_BUILD = re.compile(r"\+(?:cu|rocm)\d")
_GPU_LIBRARIES = ("libtorch_cuda", "libc10_cuda", "libtorch_hip", "libc10_hip")
_COMPILED_FOR_TORCH = frozenset({"triton", "pytorch-triton", "pytorch-triton-rocm", "triton-rocm"})


def frameworks(view: View) -> list[str]:
    """Installed packages with GPU code, or for GPUs by their names, that have nothing to do with
    torch: JAX's plug-ins, CuPy, RAPIDS …; none when something here needs torch's own GPU code."""
    of_torch = _users_of_torch(view)
    holders = {code.subject for code in extensions(view.facts)} | set(not_judged(view))
    if holders & of_torch or _needs_gpu_build(view):
        return []
    installed = {dist.name for dist in view.facts.distributions}
    return sorted((holders & installed) - packages.names())


def _users_of_torch(view: View) -> set[str]:
    """Distributions that require torch, or have a library that links it."""
    requiring = view.derive(Requirements.of).required_by.get("torch", [])
    linking = {x.distribution for x in view.facts.binaries.libraries if x.links_torch}
    return {name for name in (*requiring, *linking) if name}


def _needs_gpu_build(view: View) -> bool:
    rows = view.derive(Requirements.of).rows
    if any(normalise(r.name) == "torch" and _GPU_BUILD.search(str(r.specifier)) for _, r in rows):
        return True
    if any(view.dist(name) for name in _COMPILED_FOR_TORCH):
        return True
    libraries = view.facts.binaries.libraries
    if any(name.startswith(_GPU_LIBRARIES) for x in libraries for name in x.needed):
        return True
    return builds(view) and any(facts.extension for facts in python_files(view).values())
