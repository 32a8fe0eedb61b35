"""SRC610."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence.arch_lists import vendor
from gpufix.evidence.building import rocm_torch
from gpufix.evidence.source_view import active, at, python_files
from gpufix.evidence.view import View
from gpufix.model.source_payload import ProjectFile

if TYPE_CHECKING:
    from gpufix.source.source_facts import RasteriserContext


@rule("SRC610", "backend-unfit")
def backend_unfit(view: View) -> Iterator[Fault]:
    """A rasteriser back end is written into the source that cannot work with this torch.

    ## What it does
    Looks for nvdiffrast contexts (`RasterizeCudaContext`, `RasterizeGLContext`, utils3d's
    `RastContext`) where torch is a ROCm build (without a torch: where all targets are AMD's) and the
    nvdiffrast installed, if any, holds no code for AMD GPUs. What stands under try/except is no fault.

    ## Why it matters
    nvdiffrast's rasteriser is CUDA code with inline PTX, and its OpenGL one, which went with 0.4,
    shares its buffers through CUDA: without a port of the package neither builds.

    ## Example
    `renderers/mesh.py makes a RasterizeCudaContext; torch 2.9.0+rocm6.4 has no CUDA, and no
    nvdiffrast with code for AMD GPUs is installed.`

    ## Severity
    Warning; advice where only a run would tell whether the line is reached.

    ## Fix
    Manual: a port of nvdiffrast for AMD GPUs. The OpenGL context instead is none: below nvdiffrast
    0.4 it includes cuda_gl_interop.h, which torch's hipify leaves as it is, and all but the
    rasterisation is in the CUDA plug-in; later releases have no OpenGL any more (their GL context
    is an alias).

    ## Source
    nvdiffrast's sources of 0.3.3 and 0.4.0: csrc/common/cudaraster, common/glutil.h, torch/ops.py;
    what hipify of torch 2.13 makes of them.
    """
    lacking = _without_cuda(view)
    if lacking is None or _ported(view):
        return
    for path, facts in python_files(view).items():
        rows = [r for r in facts.backends if not r.tried and not _other(r)]
        rows = [r for r in rows if active(view, r.guards) is not False]
        if rows:
            yield _fault(view, lacking, path, rows)


def _without_cuda(view: View) -> str | None:
    """What has no CUDA: the torch, or the targets where there is none."""
    if torch := rocm_torch(view):
        return f"torch {torch.version}"
    if view.facts.torch is None and view.targets and vendor(view) == "amd":
        return ", ".join(target.arch for target in view.targets)
    return None


def _ported(view: View) -> bool:
    """An nvdiffrast that was built for AMD GPUs is installed, or the project is one itself."""
    project = view.facts.project
    if project and any(s.path.endswith("nvdiffrast/torch/ops.py") for s in project.sources):
        return True
    return any(
        code.kind == "hip"
        for library in view.facts.binaries.libraries
        if library.distribution == "nvdiffrast"
        for code in library.code
    )


def _other(row: RasteriserContext) -> bool:
    """A RastContext with a back end that is neither of nvdiffrast's."""
    return row.call == "RastContext" and row.backend not in ("cuda", "gl")


def _fault(view: View, lacking: str, path: str, rows: list[RasteriserContext]) -> Fault:
    call = rows[0].call
    certain = any(active(view, r.guards) for r in rows)
    return Fault(
        severity=WARNING if certain else ADVICE,
        subject=path,
        message=f"{path} makes a {call}; {lacking} has no CUDA, and "
        "no nvdiffrast with code for AMD GPUs is installed.",
        evidence=tuple(at(view, path, r.line, r.call) for r in rows),
        payload=ProjectFile(path),
    )
