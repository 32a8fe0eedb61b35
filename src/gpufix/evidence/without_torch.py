"""Whether an environment uses its GPU by another framework than torch."""

from __future__ import annotations

import re

from gpufix.evidence.building import builds
from gpufix.evidence.gpu_code import SubjectCode, extensions
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.source_view import python_files
from gpufix.evidence.unknown_packages import not_judged
from gpufix.evidence.view import View
from gpufix.knowledge import packages
from gpufix.model.host import Vendor
from gpufix.text.names import normalise

_GPU_BUILD = re.compile(r"\+(?:cu|rocm)\d")
_GPU_LIBRARIES = ("libtorch_cuda", "libc10_cuda", "libtorch_hip", "libc10_hip")
_COMPILED_FOR_TORCH = frozenset({"triton", "pytorch-triton", "pytorch-triton-rocm", "triton-rocm"})


def frameworks(view: View, vendor: Vendor) -> list[str]:
    """Installed packages for GPUs of a vendor that have nothing to do with torch: JAX's plug-ins,
    CuPy, RAPIDS …; none when something here needs torch's own GPU code."""
    holders = {code.subject: _vendors(code) for code in extensions(view.facts)}
    for name in not_judged(view):
        holders.setdefault(name, {"amd" if "rocm" in name else "nvidia"})
    if holders.keys() & _users_of_torch(view) or _needs_gpu_build(view):
        return []
    own = {dist.name for dist in view.facts.distributions} - packages.names()
    return sorted(name for name, vendors in holders.items() if name in own and vendor in vendors)


def _vendors(code: SubjectCode) -> set[str]:
    return {"amd" if o.kind in ("hip", "bitcode", "spirv") else "nvidia" for o in code.objects}


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
