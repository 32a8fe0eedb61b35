"""SRC604."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence import removed_names as removed_cuda_api
from gpufix.evidence.source_view import at, python_files
from gpufix.evidence.view import View
from gpufix.knowledge import removed_apis
from gpufix.model import Gap
from gpufix.model.source_payload import RemovedNameUse


@rule("SRC604", "removed-api")
def removed_api(view: View) -> Iterator[Fault | Gap]:
    """A source uses a name that the installed torch, CUDA or Python package no longer has.

    ## What it does
    Resolves imports and attributes of torch, numpy, torchvision and huggingface_hub through their
    aliases and compares them with the names that releases removed; for C++ and CUDA sources, what
    the toolkit, its CCCL, torch's and numpy's headers no longer have: functions, types, headers, fields, and calls
    whose arguments have changed (`cudaMemPrefetchAsync` with an int device). What stands under
    try/except, or under a test of a version, is no fault, nor what the project defines itself.

    ## Why it matters
    `AttributeError: module 'numpy' has no attribute 'float'`, `ModuleNotFoundError: torch._six`,
    or a build that ends in the middle.

    ## Example
    `utils/vram.py uses total_mem of get_device_properties(), which torch 2.9.0 does not have.`

    ## Severity
    Error: the line fails whenever it is reached. In C++ and CUDA sources, warning where no build
    file names the source; advice where no toolkit is here, and its version is guessed from torch, or
    where only a build decides the condition around the line.
    Where nothing installed tells the version, it is a gap.

    ## Fix
    Safe where an equal spelling works on old and new releases; else shown.

    ## Source
    The packages' release notes and wheels: knowledge/data/removed_names.json. CUDA's and torch's C++:
    knowledge/removed_cxx.toml, each row of CUDA compiled by nvcc 13.0 before and after its fix. numpy's
    C API: the headers of 1.26.4 to 2.4.6.
    """
    for path, facts in python_files(view).items():
        lines: dict[str, list[int]] = {}
        for row in facts.names:
            lines.setdefault(row.name, []).append(row.line)
        for name, found in lines.items():
            yield from _python(view, path, name, sorted(set(found)))
        if unknown := [name for name in lines if _unknown(view, name)]:
            yield removed_cuda_api.gap(view, path, unknown)
    yield from removed_cuda_api.faults(view)


def _python(view: View, path: str, name: str, lines: list[int]) -> Iterator[Fault]:
    row = removed_apis.get(name)
    version = _version(view, row.package) if row else None
    if row is None or version is None or not row.absent(version):
        return
    gone = "keeps only to raise RuntimeError" if row.raises else "does not have"
    yield Fault(
        severity=ERROR,
        subject=path,
        message=f"{path} uses {name}, which {row.package} {version} {gone}.",
        evidence=tuple(at(view, path, line, name) for line in lines),
        payload=RemovedNameUse(path, name, tuple(lines), "python"),
    )


def _unknown(view: View, name: str) -> bool:
    """Whether no environment, or none with a torch, tells the version of a name's package."""
    row = removed_apis.get(name)
    if row is None or _version(view, row.package) is not None:
        return False
    return view.facts.python is None or (row.package == "torch" and view.facts.torch is None)


def _version(view: View, package: str) -> str | None:
    if package == "torch" and view.facts.torch:
        return view.facts.torch.release
    dist = view.dist(package)
    return dist.version if dist else None
