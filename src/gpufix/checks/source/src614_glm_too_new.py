"""SRC614."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence import cmake_builds, cxx
from gpufix.evidence.removed_names import header_ends, resolve
from gpufix.evidence.source_view import at
from gpufix.evidence.view import View
from gpufix.model import Severity

if TYPE_CHECKING:
    from gpufix.source.builds.cmake_result import CMakeTarget

_VECTORS = "glm/detail/type_vec3.inl"
_HOST_ALONE = "compute_vector_decl.hpp"
_FLAG = "expt-relaxed-constexpr"


@rule("SRC614", "glm-too-new")
def glm_too_new(view: View) -> Iterator[Fault]:
    """CUDA code uses a GLM whose operators need a flag that the CMake build does not give.

    ## What it does
    Looks whether the project's copy of GLM computes with vectors through functions of the host's
    standard library (its `type_vec3.inl` includes `compute_vector_decl.hpp`), and whether nvcc gets
    `--expt-relaxed-constexpr` in the CMake builds whose CUDA sources include GLM.

    ## Why it matters
    Without the flag nvcc drops the calls: `a * b`, `a + b` and `a / b` of vectors are left
    undefined in device code, with nothing but warning 20013-D. A rasteriser draws wrong colours
    from spherical harmonics.

    ## Example
    `CMakeLists.txt builds CUDA code with third_party/glm, whose vector operators nvcc drops without
    --expt-relaxed-constexpr.`

    ## Severity
    Warning; advice where a setup.py beside the CMakeLists.txt builds without it: torch's CUDAExtension
    gives the flag.

    ## Fix
    None: add the flag (`CUDAFLAGS=--expt-relaxed-constexpr` where CMAKE_CUDA_FLAGS is not replaced), or
    take GLM 1.0.1 or older. It is shown.

    ## Source
    GLM commit 413751941 (March 2024), in 1.0.2 and newer: the PTX of nvcc 13.0 for sums and products
    of vectors, with and without the flag, compared with that of 0.9.9.9 and 1.0.1.
    """
    if not any(target.vendor == "nvidia" for target in view.targets):
        return
    glm = _glm(view)
    if glm is None:
        return
    for root in cmake_builds.roots(view):
        for target in root.build.targets:
            user = _user(view, target) if _without_flag(target) else None
            if user:
                severity = ADVICE if root.caller == "aside" else WARNING
                yield _fault(view, severity, target, user, glm)
                break  # one for a build: the flag is given once


def _fault(
    view: View,
    severity: Severity,
    target: CMakeTarget,
    user: tuple[str, int, str],
    glm: tuple[str, int],
) -> Fault:
    path, line = glm
    where, at_line = target.place
    return Fault(
        severity=severity,
        subject=where,
        message=f"{where} builds CUDA code with {path.removesuffix(f'/{_VECTORS}')}, whose vector "
        "operators nvcc drops without --expt-relaxed-constexpr.",
        evidence=(
            at(view, where, at_line, f"{target.name}: nvcc without the flag"),
            at(view, *user),
            at(view, path, line, _HOST_ALONE),
        ),
    )


def _without_flag(target: CMakeTarget) -> bool:
    """Whether nvcc compiles some of it for sure, and no flag can be the one."""
    flags = [said.text for said in target.nvcc]
    return target.cuda is True and not any(_FLAG in text or "\0" in text for text in flags)


def _glm(view: View) -> tuple[str, int] | None:
    """The file of a GLM that computes on the host alone, and the line that shows it."""
    files = cxx.cxx_files(view)
    for path in files.named:
        if f"/{path}".endswith(f"/{_VECTORS}") and (facts := files.get(path)):
            lines = [row.line for row in facts.includes if row.name == _HOST_ALONE]
            return (path, lines[0]) if lines else None
    return None


def _user(view: View, target: CMakeTarget) -> tuple[str, int, str] | None:
    """The first file that its CUDA sources are compiled from and that includes GLM."""
    files, by_end = cxx.cxx_files(view), view.derive(header_ends)
    queue = [said.text for said in target.sources if said.text.endswith(".cu") and said.sure]
    seen = set(queue)
    while queue:
        path = queue.pop(0)
        facts = files.get(path)
        for row in facts.includes if facts else ():
            if row.name.startswith("glm/"):
                return path, row.line, f"includes {row.name}"
            header = resolve(path, row.name, by_end)
            if header and header not in seen:
                seen.add(header)
                queue.append(header)
    return None
