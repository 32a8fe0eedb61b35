"""JIT701."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.view import View
from gpufix.knowledge.gpus.serves import serves
from gpufix.model import CacheEntry, Library, Target
from gpufix.model.payload import StaleBuild


@rule("JIT701", "stale-jit-cache")
def stale_jit_cache(view: View) -> Iterator[Fault]:
    """A cached JIT build was made for another torch, or for another GPU.

    ## What it does
    Looks at the entries of torch_extensions that this Python and CUDA would use, and reads their
    libraries as the loader would: symbols that the installed torch lacks, and GPU code that does
    not serve a target. Entries under another key are not used, and not reported. Triton's cache
    is keyed by content and never stale.

    ## Why it matters
    The cache's key holds neither the torch version nor the architectures: ninja finds the build
    up to date, and the import fails, or no kernel runs.

    ## Example
    `The cached build of my_ext lacks symbols of torch 2.9.0+cu128: it was built for another one.`

    ## Severity
    Warning: it fails when a program loads that extension again.

    ## Fix
    Safe: remove the entry; it is built anew.

    ## Source
    torch/utils/cpp_extension.py in the wheels of torch 1.13 – 2.15.
    """
    by_path = {library.path: library for library in view.facts.binaries.libraries}
    for entry in view.facts.caches:
        if entry.own is False:
            continue  # another Python's or CUDA's: this patient never looks there
        libraries = [by_path[path] for path in entry.libraries if path in by_path]
        if any(not p.driver for library in libraries for p in library.problems):
            yield _fault(view, entry, libraries, "lacks symbols or libraries of {torch}")
        else:
            lacking = [t for t in view.targets if _lacks(libraries, t)]
            if lacking and len(lacking) == len(view.targets):
                yield _fault(view, entry, libraries, f"holds no code for {lacking[0].arch}")


def _lacks(libraries: list[Library], target: Target) -> bool:
    code = [c for library in libraries for c in library.code]
    return bool(code) and serves(code, target.arch).status == "none"


def _fault(view: View, entry: CacheEntry, libraries: list[Library], what: str) -> Fault:
    torch = view.facts.torch
    message = what.format(torch=f"torch {torch.version}" if torch else "torch")
    return Fault(
        severity=WARNING,
        subject=entry.name,
        message=f"The cached build of {entry.name} {message}: it was made for another one.",
        evidence=(
            entry.path,
            *(f"{p.kind}: {p.name}" for library in libraries for p in library.problems[:5]),
        ),
        breaks=tuple(f"family:{library.path}" for library in libraries),
        payload=StaleBuild(entry.path),
    )
