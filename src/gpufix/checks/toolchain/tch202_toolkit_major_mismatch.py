"""TCH202."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.building import cuda_build, describe, same_major
from gpufix.evidence.view import View
from gpufix.model.payload import ToolkitInUse


@rule("TCH202", "toolkit-major-mismatch")
def toolkit_major_mismatch(view: View) -> Iterator[Fault]:
    """The CUDA toolkit that a build would use is of another major version than torch's CUDA.

    ## What it does
    Finds the toolkit as torch.utils.cpp_extension does (CUDA_HOME, CUDA_PATH, nvcc on PATH,
    /usr/local/cuda) and compares its major version with torch's.

    ## Why it matters
    `BuildExtension` raises: the runtime of one major version does not mix with the other's. The
    JIT `load()` does not look, and fails later with missing symbols.

    ## Example
    `A build would use CUDA 12.4 in /usr/local/cuda (from /usr/local); torch 2.13.0+cu130 is
    built for CUDA 13.0, and cpp_extension refuses another major version.`

    ## Severity
    Error. Silent when the project has nothing to build.

    ## Fix
    Safe: point CUDA_HOME at a matching toolkit that is here. Unsafe: install one from wheels
    (CUDA 13 only: older wheels bring no nvcc). torch's own files are never edited.

    ## Source
    torch/utils/cpp_extension.py of torch 1.13 to 2.15.
    """
    build = cuda_build(view)
    if build is None or same_major(build.version, build.cuda):
        return
    yield Fault(
        severity=ERROR,
        subject=build.toolkit.root,
        message=f"A build would use {describe(build.toolkit)}; torch {build.torch.version} is built "
        f"for CUDA {build.cuda}, and cpp_extension refuses another major version.",
        evidence=(f"nvcc: {build.toolkit.compiler}",),
        breaks=("toolkit",),
        payload=ToolkitInUse("cuda", build.version),
    )
