"""For which GPUs to build."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.buildenv.variable import Variable
from gpufix.checks.building import cuda_torch, rocm_torch
from gpufix.fixes.set_arch_list import value_for
from gpufix.view import View


def arch_variables(view: View) -> Iterator[Variable]:
    """TORCH_CUDA_ARCH_LIST or PYTORCH_ROCM_ARCH, CUDAARCHS, and FORCE_CUDA where no GPU is seen.

    Without a target nothing is set. Raises ValueError when torch cannot be told of one.
    """
    named = ", ".join(t.arch for t in view.targets)
    if not view.targets:
        return
    torch_name = "PYTORCH_ROCM_ARCH" if rocm_torch(view) else "TORCH_CUDA_ARCH_LIST"
    if cuda_torch(view) or rocm_torch(view):
        value = value_for(view, torch_name)
        if value:
            yield Variable(torch_name, value, f"the targets ({named}) as torch reads them")
    if not rocm_torch(view):
        cmake = value_for(view, "CUDAARCHS")
        if cmake:
            yield Variable("CUDAARCHS", cmake, f"the targets ({named}) as CMake reads them")
    yield from _forced(view)


def _forced(view: View) -> Iterator[Variable]:
    """torchvision, pytorch3d, torch-scatter and others build no GPU code where no GPU answers."""
    vendor = "amd" if rocm_torch(view) else "nvidia" if cuda_torch(view) else None
    wanted = any(t.vendor == vendor for t in view.targets)
    if wanted and not any(g.vendor == vendor for g in view.facts.gpus):
        reason = "no GPU is visible here, and many setup.py ask torch whether there is one"
        yield Variable("FORCE_CUDA", "1", reason)


def obstacle(view: View) -> str | None:
    """What cpp_extension stumbles over when it is told of no GPU and sees none."""
    torch, visible = cuda_torch(view), any(g.vendor == "nvidia" for g in view.facts.gpus)
    if torch is None or view.targets or visible or view.env("TORCH_CUDA_ARCH_LIST"):
        return None
    return "no GPU is visible and none is named: a CUDA extension has nothing to be built for"
