"""JIT701."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.gpu_code import Service, code_in, service
from gpufix.evidence.targets import wanting
from gpufix.evidence.view import View
from gpufix.model import CacheEntry, Library, Problem, Target
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
    `The cached build of my_ext cannot be loaded with torch 2.9.0+cu128: undefined symbol
    _ZN3c105ErrorC2ENS_14SourceLocationENSt7….`

    ## Severity
    Warning: it fails when a program loads that extension again.

    ## Fix
    Safe: remove the entry; it is built again.

    ## Source
    torch/utils/cpp_extension.py in the wheels of torch 1.13 – 2.15.
    """
    torch = view.facts.torch
    if torch is None:
        return
    by_path = {library.path: library for library in view.facts.binaries.libraries}
    for entry in view.facts.caches:
        if not entry.own:
            continue  # another Python's or CUDA's, or not known to be this one's
        libraries = [by_path[path] for path in entry.libraries if path in by_path]
        problems = [p for library in libraries for p in library.problems if not p.driver]
        if problems:
            what = f"cannot be loaded with torch {torch.version}: {shown(problems[0])}"
            yield _fault(entry, libraries, what, problems)
            continue
        lacking = [target for target in view.targets if _lacks(libraries, target)]
        if lacking := wanting(lacking, view.targets):
            archs = ", ".join(target.arch for target in lacking)
            yield _fault(entry, libraries, f"holds no code for {archs}")


def _lacks(libraries: list[Library], target: Target) -> bool:
    code = code_in("", libraries)
    return bool(code.objects) and service(code, target) is Service.none


def _fault(
    entry: CacheEntry, libraries: list[Library], what: str, problems: Sequence[Problem] = ()
) -> Fault:
    return Fault(
        severity=WARNING,
        subject=entry.name,
        message=f"The cached build of {entry.name} {what}.",
        evidence=(entry.path, *map(shown, problems[:5])),
        breaks=tuple(f"family:{library.path}" for library in libraries),
        needs=("torch",) if problems else (),
        payload=StaleBuild(entry.path),
    )


def shown(problem: Problem) -> str:
    """ "undefined symbol _ZN3c10…"."""
    return f"{problem.kind.replace('-', ' ')} {problem.name}"
