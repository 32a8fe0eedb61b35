"""Everything that a build needs, put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpufix.evidence.building import cuda_torch, rocm_torch
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.jobs import job_variables, most_jobs, reason_for
from gpufix.fixes.build_environment.knobs import knobs
from gpufix.fixes.build_environment.repairs import repaired
from gpufix.fixes.build_environment.variables import (
    Folder,
    Variable,
    header_variables,
    merged,
    paths,
    toolkit_variables,
)
from gpufix.fixes.toolchain.set_arch_list import value_for


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


@dataclass(frozen=True, slots=True)
class BuildEnvironment:
    """Variables by name, and what will keep the build from working that none of them cures."""

    variables: tuple[Variable, ...]
    obstacles: tuple[str, ...] = ()

    def settings(self) -> dict[str, str | None]:
        """NAME -> value; None = unset."""
        return {variable.name: variable.value for variable in self.variables}


def build_environment(
    view: View, folder: Folder | None = None, jobs: int | None = None
) -> BuildEnvironment:
    """The variables for the view's targets. `folder` None: for whatever the user builds by hand.

    `jobs`: compilers that this build may start; None = as many as fit.
    """
    view, variables, obstacles = repaired(view, folder)
    try:
        variables += arch_variables(view)
    except ValueError as error:
        obstacles.append(str(error))
    if nothing := obstacle(view):
        obstacles.append(nothing)
    gpu = folder is None or folder.gpu_sources > 0 or (folder.cmake and "CUDA" in folder.text)
    if gpu:
        variables += toolkit_variables(view)
        if folder is not None and folder.cmake:
            variables += header_variables(view)
    variables += _cmake(view, folder)
    text = folder.text if folder else ""
    set_so_far = {v.name: v.value for v in merged(variables) if v.value is not None}
    variables += knobs(view, folder, set_so_far)
    number = most_jobs(view, gpu) if jobs is None else jobs
    variables += job_variables(number, text, reason_for(view, gpu))
    return BuildEnvironment(tuple(merged(variables)), tuple(dict.fromkeys(obstacles)))


def _cmake(view: View, folder: Folder | None) -> Iterator[Variable]:
    torch = view.facts.torch
    if torch is None or (folder is not None and "cmake" not in folder.text.lower()):
        return
    place = f"{torch.location}/torch/share/cmake"
    version = torch.version or "?"
    value = paths(place, view.env("CMAKE_PREFIX_PATH"))
    yield Variable("CMAKE_PREFIX_PATH", value, f"find_package(Torch) finds torch {version}")
