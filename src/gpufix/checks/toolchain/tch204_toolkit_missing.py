"""TCH204."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import dirname

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.building import (
    builds,
    cuda_torch,
    describe,
    rocm_torch,
    toolkit_in_use,
    usable,
    was_collected,
)
from gpufix.evidence.cmake_builds import reached, roots
from gpufix.evidence.source_view import at
from gpufix.evidence.view import View
from gpufix.model import Toolkit
from gpufix.model.payload import HiddenToolkit, MissingHeaders, RocmHeaders

# Modules_CUDA_fix/upstream/FindCUDA.cmake of torch; with CUDA_HOME set, the configure still fails.
_FIND_CUDA = ("CUDA_PATH", "CUDA_TOOLKIT_ROOT", "CUDA_BIN_PATH")


@rule("TCH204", "toolkit-missing")
def toolkit_missing(view: View) -> Iterator[Fault]:
    """A build finds no compiler for GPU code, or a toolkit without the headers torch includes.

    ## What it does
    Looks for nvcc (or hipcc for a ROCm build) where cpp_extension does, and for the headers that
    torch's own headers include (cusparse.h, cublas_v2.h, hipblas/hipblas.h, …) under the toolkit's
    root; whether rocm-sdk-devel is unpacked (`rocm-sdk init`). For CMake
    builds with torch: whether the first nvcc on PATH is a wrapper or link away from its toolkit,
    which torch's FindCUDA does not see through.

    ## Why it matters
    `CUDA_HOME environment variable is not set`, `nvcc: No such file or directory`, or
    `fatal error: cusparse.h: No such file or directory`.

    ## Example
    `CUDA_HOME is /opt/cuda, which holds no nvcc; CUDA 12.8 in /usr/local/cuda-12.8 (from
    /usr/local) does.`

    ## Severity
    Error; warning for missing headers, which only some sources include. Silent when the project
    has nothing to build.

    ## Fix
    Safe: set CUDA_HOME to a toolkit that is here, CUDA_PATH for FindCUDA, ROCM_HOME to the unpacked
    headers, or CPATH to the headers in wheels. Unsafe:
    install toolkit wheels. Manual: `rocm-sdk init`, after rocm-sdk-devel is installed.

    ## Source
    torch/utils/cpp_extension.py; ATen/cuda/CUDAContextLight.h.
    """
    if not builds(view) or not was_collected(view, "toolkits"):
        return
    if cuda_torch(view):
        toolkit = toolkit_in_use(view)
        yield from [_missing_nvcc(view)] if toolkit is None else _missing_headers(view, toolkit)
        yield from _hidden_root(view)
    elif rocm_torch(view):
        toolkit = toolkit_in_use(view, "rocm")
        yield from [_missing_hipcc(view)] if toolkit is None else _without_devel(view, toolkit)


def _missing_nvcc(view: View) -> Fault:
    variable = next((v for v in ("CUDA_HOME", "CUDA_PATH") if view.env(v)), None)
    others = [describe(t) for t in usable(view)]
    if variable:
        message = f"{variable} is {view.env(variable)}, which holds no nvcc"
    else:
        message = "CUDA_HOME is not set, and no nvcc is on PATH or in /usr/local/cuda"
    message += f"; {others[0]} does." if others and variable else ""
    message += f"; there is {others[0]}." if others and not variable else ""
    return Fault(
        severity=ERROR,
        subject="nvcc",
        message=message if others else message + "; building CUDA sources needs one.",
        evidence=tuple(others[1:]),
        breaks=("toolkit",),
        needs=("torch-gpu",),
    )


def _hidden_root(view: View) -> Iterator[Fault]:
    """FindCUDA takes the folder above the first nvcc on PATH, resolves no link, and asks CUDA_HOME nothing."""
    first = next((t for t in usable(view) if t.origin == "PATH"), None)
    if first is None or not first.wrapper or first.headers or any(map(view.env, _FIND_CUDA)):
        return
    real = dirname(dirname(first.compiler or ""))
    for root in roots(view):
        place = root.build.with_torch
        given = {"CUDA_TOOLKIT_ROOT_DIR", "CUDA_NVCC_EXECUTABLE"} & root.defines.keys()
        if place is None or given or root.caller == "aside":
            continue
        if reached(view, place.path, place.line):
            yield Fault(
                severity=ERROR,
                subject=first.wrapper,
                message=f"find_package(Torch) in {place.path} takes {dirname(dirname(first.wrapper))} "
                f"for the toolkit, because {first.wrapper} is the first nvcc on PATH; it hands on to "
                f"{first.compiler}.",
                evidence=(at(view, place.path, place.line, "find_package(Torch)"),),
                needs=("torch-gpu",),
                payload=HiddenToolkit(real),
            )
            return


def _missing_hipcc(view: View) -> Fault:
    pieces = [t.root for t in view.facts.toolkits if t.kind == "rocm"]
    found = f"{pieces[0]} holds ROCm's run-time pieces only" if pieces else "there is no ROCm here"
    return Fault(
        severity=ERROR,
        subject="hipcc",
        message=f"No hipcc was found: {found}; building HIP sources needs one.",
        breaks=("toolkit",),
        needs=("torch-gpu",),
    )


def _without_devel(view: View, toolkit: Toolkit) -> Iterator[Fault]:
    """rocm-sdk-core has HIP's headers; those of the libraries are in what rocm-sdk-devel unpacks."""
    if toolkit.origin != "wheel" or not toolkit.missing_headers or view.env("ROCM_HOME"):
        return
    unpacked = (
        t.root for t in view.facts.toolkits if t.origin == "wheel" and not t.missing_headers
    )
    root, packed = next(unpacked, None), view.dist("rocm-sdk-devel") is not None
    why = f"{root} has them" if root else "rocm-sdk-devel is not installed"
    if packed and root is None:
        why = "rocm-sdk-devel is installed, and not unpacked"
    yield Fault(
        severity=WARNING,
        subject=toolkit.root,
        message=f"{describe(toolkit)} lacks {', '.join(toolkit.missing_headers[:4])}, which torch's "
        f"headers include: {why}.",
        needs=("torch-gpu",),
        payload=RocmHeaders(root, packed),
    )


def _missing_headers(view: View, toolkit: Toolkit) -> Iterator[Fault]:
    """Headers that lie in NVIDIA's wheels are found through CPATH."""
    search = ":".join(view.env(v) or "" for v in ("CPATH", "CPLUS_INCLUDE_PATH"))
    if not toolkit.missing_headers or "nvidia" in search or "/include" in search:
        return
    shown = ", ".join(toolkit.missing_headers[:4])
    yield Fault(
        severity=WARNING,
        subject=toolkit.root,
        message=f"{describe(toolkit)} lacks {shown}, which torch's CUDA headers include.",
        needs=("torch-gpu",),
        payload=MissingHeaders(tuple(toolkit.missing_headers)),
    )
