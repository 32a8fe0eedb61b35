"""The ptxas that the installed Triton runs for a GPU."""

from __future__ import annotations

from gpufix.evidence.building import generates
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.knowledge import triton
from gpufix.knowledge.gpus.architectures import CudaArch, parse_arch
from gpufix.knowledge.triton import TritonPtxas
from gpufix.model import Distribution, Target

_NAMES = ("triton", "pytorch-triton")


class InUse(Frozen):
    """`release`: its CUDA, None = not known. `named_by`: the variable that chose it."""

    path: str
    release: str | None
    named_by: str | None
    tool: TritonPtxas


def installed(view: View) -> Distribution | None:
    """Triton, as pip or conda or torch's nightly index names it."""
    return next((dist for name in _NAMES if (dist := view.dist(name))), None)


def tool_for(dist: Distribution, target: Target) -> TritonPtxas | None:
    """What this Triton has for a target; None for AMD's, and an old Triton."""
    arch = parse_arch(target.arch) if target.vendor == "nvidia" else None
    return triton.ptxas(dist.version, arch.number) if isinstance(arch, CudaArch) else None


def in_use(view: View, dist: Distribution, target: Target) -> InUse | None:
    """As Triton looks: what the variable names where that is there, else its own."""
    tool = tool_for(dist, target)
    if tool is None:
        return None
    named = view.env(tool.variable) if tool.variable else None
    if named and (release := view.ptxas_release(named)) is not None:
        return InUse(named, release or None, tool.variable, tool)
    own = f"{dist.location}/triton/{tool.path}"
    if tool.ships and generates(tool.ships, target.arch):
        return InUse(own, tool.ships, None, tool)  # some 30 MB need not be read
    return InUse(own, view.ptxas_release(own) or None, None, tool)
