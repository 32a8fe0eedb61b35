"""GPU102."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence.gpu_code import (
    Service,
    SubjectCode,
    all_code,
    driver_cuda,
    label,
    listed,
    targets_of_code,
    unserved,
)
from gpufix.evidence.view import View
from gpufix.model import Severity
from gpufix.model.payload import UnfitCode


@rule("GPU102", "torch-needs-jit")
def torch_needs_jit(view: View) -> Iterator[Fault]:
    """torch or an extension holds no machine code for a target, only PTX for the driver to compile.

    ## What it does
    As GPU101, and looks at the variables that govern the driver's compiler and its cache.

    ## Why it matters
    The driver compiles every kernel at its first use, minutes in all, and keeps the result in
    ~/.nv/ComputeCache. CUDA_DISABLE_PTX_JIT=1 forbids to compile, but kernels in that cache still run:
    a program can work here and fail in a fresh container. CUDA_CACHE_DISABLE=1 compiles again at
    every start, CUDA_CACHE_MAXSIZE bounds what is kept.

    ## Example
    `torch 2.6.0a0+gitc15b011 serves sm_120 (NVIDIA GeForce RTX 5080) by PTX only: each kernel is
    compiled by the driver at its first use.`

    ## Severity
    Advice; warning when the cache is switched off, error when compiling is. Advice in any case for
    a GPU beside another one that machine code serves.

    ## Fix
    None needed: a build with machine code starts faster, where there is one.

    ## Source
    CUDA programming guide, environment variables (CUDA_DISABLE_PTX_JIT, CUDA_CACHE_*).
    """
    level, why = _allowed(view)
    for code in all_code(view):
        targets = targets_of_code(view, code)
        for target, severity in unserved(code, targets, Service.jit, driver_cuda(view)):
            yield Fault(
                severity=ADVICE if severity is ADVICE else level,
                subject=code.subject,
                message=f"{_title(view, code)} serves {label(target)} by PTX only: {why}.",
                evidence=(f"{code.subject} holds {listed(code.objects)}", *code.evidence),
                payload=UnfitCode(code.subject, target.arch),
            )


def _title(view: View, code: SubjectCode) -> str:
    torch = view.facts.torch
    return f"torch {torch.version}" if torch and code.subject == "torch" else code.subject


def _allowed(view: View) -> tuple[Severity, str]:
    if view.env("CUDA_DISABLE_PTX_JIT") == "1":
        return ERROR, "CUDA_DISABLE_PTX_JIT=1 lets only those kernels run that the JIT cache holds"
    if view.env("CUDA_CACHE_DISABLE") == "1":
        return WARNING, "CUDA_CACHE_DISABLE=1 makes the driver compile each kernel at every start"
    return ADVICE, "each kernel is compiled by the driver at its first use"
