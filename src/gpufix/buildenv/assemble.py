"""Everything that a build needs, put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpufix.buildenv.arch import arch_variables, obstacle
from gpufix.buildenv.folder import Folder
from gpufix.buildenv.jobs import job_variables, most_jobs, reason_for
from gpufix.buildenv.knobs import knobs
from gpufix.buildenv.repairs import repaired
from gpufix.buildenv.toolkit import header_variables, toolkit_variables
from gpufix.buildenv.variable import Variable, merged, paths
from gpufix.view import View


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
    variables += knobs(text, view.targets)
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
