"""JIT702."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import relpath

from gpufix.checks.jit.jit701_stale_jit_cache import shown
from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.view import View
from gpufix.model import CMakeCache, Problem, Python, Torch
from gpufix.model.payload import StaleBuild


@rule("JIT702", "stale-build")
def stale_build(view: View) -> Iterator[Fault]:
    """What an earlier build left in the project belongs to another torch or Python.

    ## What it does
    Reads each CMakeCache.txt for the torch and the Python that it was configured with, and each
    library built in place for symbols that the installed torch lacks.

    ## Why it matters
    CMake keeps what it once found: it compiles against the old torch without a word. A stale
    library in place is imported before any newer one.

    ## Example
    `tetra/CMakeCache.txt was configured with the torch in /opt/old/lib/…/torch; this patient's
    is in /env/lib/….`

    ## Severity
    Warning: the next build or import can fail by it.

    ## Fix
    Safe: remove it; the next build creates it again.

    ## Source
    CMake documentation of CMakeCache.txt.
    """
    project, torch = view.facts.project, view.facts.torch
    if project is None or torch is None:
        return
    for cache in project.cmake_caches:
        found = _elsewhere(cache, torch, view.facts.python)
        if found:
            yield _configured(relpath(cache.path, project.root), cache, found)
    by_path = {library.path: library for library in view.facts.binaries.libraries}
    for path in project.libraries:
        library = by_path.get(path)
        if library is None or library.distribution is not None:
            continue
        problems = [p for p in library.problems if not p.driver]
        if problems and library.links_torch:
            yield _unloadable(relpath(path, project.root), path, torch, problems)


def _unloadable(name: str, path: str, torch: Torch, problems: Sequence[Problem]) -> Fault:
    return Fault(
        severity=WARNING,
        subject=name,
        message=f"{name} was built in place, and cannot be loaded with torch {torch.version}: "
        f"{shown(problems[0])}.",
        evidence=tuple(map(shown, problems[:5])),
        breaks=(f"family:{path}",),
        needs=("torch",),
        payload=StaleBuild(path),
    )


def _configured(name: str, cache: CMakeCache, found: str) -> Fault:
    return Fault(
        severity=WARNING,
        subject=name,
        message=f"{name} was configured with {found}.",
        evidence=(cache.path,),
        payload=StaleBuild(cache.path),
    )


def _elsewhere(cache: CMakeCache, torch: Torch, python: Python | None) -> str | None:
    """What the cache points to outside the patient, against what the patient has."""
    if cache.torch_dir:
        if cache.torch_dir.startswith(f"{torch.location}/torch/"):
            return None
        return f"the torch in {cache.torch_dir}; this patient's is in {torch.location}/torch"
    if cache.python and python:
        inside = (f"{python.prefix}/", f"{python.base_prefix}/")
        if not cache.python.startswith(inside):
            return f"{cache.python}; this patient's Python is {python.executable}"
    return None
