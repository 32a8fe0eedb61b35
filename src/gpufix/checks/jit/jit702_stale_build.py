"""JIT702."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import relpath

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.view import View
from gpufix.model import CMakeCache, Facts
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
    Safe: remove it; the next build makes it anew.

    ## Source
    CMake documentation of CMakeCache.txt.
    """
    project = view.facts.project
    if project is None:
        return
    for cache in project.cmake_caches:
        yield from _cache(view.facts, project.root, cache)
    by_path = {library.path: library for library in view.facts.binaries.libraries}
    for path in project.libraries:
        library = by_path.get(path)
        if library is None or library.distribution is not None:
            continue
        problems = [p for p in library.problems if not p.driver]
        if problems and library.links_torch:
            yield Fault(
                severity=WARNING,
                subject=relpath(path, project.root),
                message=f"{relpath(path, project.root)} was built in place for another torch: "
                f"{problems[0].name} is not there.",
                evidence=tuple(f"{p.kind}: {p.name}" for p in problems[:5]),
                breaks=(f"family:{path}",),
                payload=StaleBuild(path),
            )


def _cache(facts: Facts, root: str, cache: CMakeCache) -> Iterator[Fault]:
    found = _elsewhere(facts, cache)
    if found:
        yield Fault(
            severity=WARNING,
            subject=relpath(cache.path, root),
            message=f"{relpath(cache.path, root)} was configured with {found}.",
            evidence=(cache.path,),
            payload=StaleBuild(cache.path),
        )


def _elsewhere(facts: Facts, cache: CMakeCache) -> str | None:
    """What the cache points to outside the patient, against what the patient has."""
    torch, python = facts.torch, facts.python
    if cache.torch_dir and torch and not cache.torch_dir.startswith(f"{torch.location}/torch/"):
        return f"the torch in {cache.torch_dir}; this patient's is in {torch.location}/torch"
    if cache.python and python and cache.torch_dir is None and torch:
        inside = (python.prefix, python.base_prefix)
        if not cache.python.startswith(tuple(f"{p}/" for p in inside)):
            return f"{cache.python}; this patient's Python is {python.executable}"
    return None
