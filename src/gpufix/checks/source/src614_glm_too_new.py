"""SRC614."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, WARNING, Fault, rule
from gpufix.evidence import cxx
from gpufix.evidence.source_view import at, cmake_files, is_vendored, python_files
from gpufix.evidence.view import View

_VECTORS = "glm/detail/type_vec3.inl"
_HOST_ALONE = "compute_vector_decl.hpp"


@rule("SRC614", "glm-too-new")
def glm_too_new(view: View) -> Iterator[Fault]:
    """CUDA code uses a GLM whose operators need a flag that the CMake build does not give.

    ## What it does
    Looks whether the project's copy of GLM computes with vectors through functions of the host's
    standard library (its `type_vec3.inl` includes `compute_vector_decl.hpp`), and whether a CMake
    build of CUDA sources that include GLM hands nvcc `--expt-relaxed-constexpr`.

    ## Why it matters
    Without the flag nvcc drops the calls: `a * b`, `a + b` and `a / b` of vectors are left
    undefined in device code, with nothing but warning 20013-D. A rasteriser draws wrong colours
    from spherical harmonics.

    ## Example
    `CMakeLists.txt builds CUDA code with third_party/glm, whose vector operators nvcc drops without
    --expt-relaxed-constexpr.`

    ## Severity
    Warning; advice where a setup.py stands beside the CMakeLists.txt: torch's CUDAExtension gives the
    flag.

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
    builds = cmake_files(view)
    if glm is None or any(facts.relaxed for facts in builds.values()):
        return
    path, line = glm
    for name, facts in builds.items():
        user = _user(view, name.rpartition("/")[0]) if facts.cuda else None
        if facts.cuda is None or user is None or is_vendored(name):
            continue
        beside = f"{name.rpartition('/')[0]}/setup.py".lstrip("/")
        yield Fault(
            severity=ADVICE if beside in python_files(view) else WARNING,
            subject=name,
            message=f"{name} builds CUDA code with {path.removesuffix(f'/{_VECTORS}')}, whose vector "
            "operators nvcc drops without --expt-relaxed-constexpr.",
            evidence=(
                at(view, name, facts.cuda, "CUDA without the flag"),
                at(view, *user),
                at(view, path, line, _HOST_ALONE),
            ),
        )


def _glm(view: View) -> tuple[str, int] | None:
    """The file of a GLM that computes on the host alone, and the line that shows it."""
    for path, facts in cxx.cxx_files(view).items():
        if f"/{path}".endswith(f"/{_VECTORS}"):
            lines = [row.line for row in facts.includes if row.name == _HOST_ALONE]
            return (path, lines[0]) if lines else None
    return None


def _user(view: View, folder: str) -> tuple[str, int, str] | None:
    """The first CUDA source or header below a folder that includes GLM."""
    kinds = cxx.source_kinds(view)
    for path, facts in cxx.own_files(view).items():
        if kinds.get(path) not in ("cuda", "header") or not path.startswith(
            f"{folder}/".lstrip("/")
        ):
            continue
        for row in facts.includes:
            if row.name.startswith("glm/"):
                return path, row.line, f"includes {row.name}"
    return None
