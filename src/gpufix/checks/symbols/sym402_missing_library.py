"""SYM402."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.view import View
from gpufix.knowledge.packages import bringing
from gpufix.model import Library, Severity
from gpufix.model.payload import MissingLibrary


@rule("SYM402", "missing-library")
def missing_library(view: View) -> Iterator[Fault]:
    """A library needs another one that the dynamic loader would not find.

    ## What it does
    Follows every NEEDED entry the way ld.so would (RPATH, LD_LIBRARY_PATH, RUNPATH, its cache,
    the default folders, libraries that `import torch` has loaded by then), and names the wheel
    that should have brought what is missing.

    ## Why it matters
    `ImportError: libnccl.so.2: cannot open shared object file: No such file or directory`.

    ## Example
    `torch needs libnccl.so.2, which is in no place that the loader searches; nvidia-nccl-cu12
    brings it.`

    ## Severity
    Error when the package's sources show that its import fails by it; for torch, and when a wheel
    that the package requires should have brought the library. For what links torch or holds GPU
    code: error, but warning where the package's import was followed and does not surely fail.
    Warning when no module of a package can be loaded. Silent for optional parts (one module of
    many), for one of several alternatives of which another loads, and for a GPU driver's own
    libraries.

    ## Fix
    Safe: reinstall that wheel at the version that torch declares. Unsafe: gpufix's replacement of
    the package, where there is one.

    ## Source
    ld.so(8); the wheels' RECORD files.
    """
    groups: dict[tuple[str, tuple[str, ...]], dict[str, list[Library]]] = {}
    told = view.derive(Imports.of)
    for library in view.facts.binaries.libraries:
        for problem in () if told.is_spare(library) else library.problems:
            # libcuda.so.1 and its like belong to a driver: their absence is GPU106's.
            if problem.kind == "missing-library" and not problem.driver:
                owner = library.distribution or library.path
                group = groups.setdefault((owner, tuple(bringing(problem.name))), {})
                group.setdefault(problem.name, []).append(library)
    for (owner, wheels), missing in sorted(groups.items()):
        libraries = list({lib.path: lib for users in missing.values() for lib in users}.values())
        severity = _severity(view, owner, wheels, libraries)
        if severity is not None:
            yield _fault(view, owner, wheels, missing, severity)


def _severity(
    view: View, owner: str, wheels: tuple[str, ...], libraries: list[Library]
) -> Severity | None:
    """None for an optional part: numba's TBB pool, cupy's cuTENSOR, Qt's sound."""
    required = view.derive(Requirements.of).required_by
    proven = view.derive(Imports.of).proven(libraries)
    if owner == "torch" or proven:
        return ERROR
    if any(owner in required.get(wheel, ()) for wheel in wheels):
        return ERROR
    if any(lib.links_torch or lib.code for lib in libraries):
        return ERROR if proven is None else WARNING
    modules = view.facts.binaries.modules.get(owner, 0)
    failing = {
        x.path for x in view.facts.binaries.libraries if x.distribution == owner and x.problems
    }
    return WARNING if 0 < modules <= len(failing) else None


def _fault(
    view: View,
    owner: str,
    wheels: tuple[str, ...],
    missing: dict[str, list[Library]],
    severity: Severity,
) -> Fault:
    """One fault for all libraries that the same wheel should have brought."""
    names = sorted(missing)
    libraries = [lib for name in names for lib in missing[name]]
    expected = [w for w in wheels if _wanted(view, w)] or list(wheels)
    brings = f"; {' or '.join(expected)} brings {'it' if len(names) == 1 else 'them'}"
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    needed = [f"soname:{name}" for name in names]
    needed += [f"dist:{wheel}" for wheel in expected] + [f"file:{lib.path}" for lib in libraries]
    if any(lib.links_torch for lib in libraries) and owner != "torch":
        needed.append("torch")
    needed.append(f"family:{owner}")
    return Fault(
        severity=severity,
        subject=owner,
        message=f"{owner} needs {names[0]}{more}, which is in no place that the loader searches"
        f"{brings if expected else ''}.",
        evidence=tuple(
            dict.fromkeys(f"{basename(x.path)} needs {n}" for n in names for x in missing[n])
        )[:10]
        + view.derive(Imports.of).way(libraries),
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        needs=tuple(needed),
        payload=MissingLibrary(owner, tuple(expected)),
    )


def _wanted(view: View, wheel: str) -> bool:
    """Whether torch, or its CUDA meta-package, requires this wheel."""
    users = view.derive(Requirements.of).required_by.get(wheel, [])
    return "torch" in users or "cuda-toolkit" in users
