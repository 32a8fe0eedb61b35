"""SYM402."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import basename

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.requirements import Requirements
from gpufix.evidence.severity import Row, family, preload, weigh
from gpufix.evidence.view import View
from gpufix.knowledge.packages import bringing
from gpufix.model import Gap, Import, Library, Severity
from gpufix.model.payload import MissingLibrary, UnopenedLibrary


@rule("SYM402", "missing-library")
def missing_library(view: View) -> Iterator[Fault | Gap]:
    """A library needs another one that the dynamic loader would not find.

    ## What it does
    Follows every NEEDED entry the way ld.so would (RPATH, LD_LIBRARY_PATH, RUNPATH, its cache,
    the default folders, libraries that `import torch`, other packages, .pth files and sitecustomize
    have opened by then), and names the wheel that should have brought what is missing, or the file
    that is there and that no search leads to. Of small packages, too, the libraries of the system
    that their sources open by name, with `ctypes`, `find_library` or cffi.

    ## Why it matters
    `ImportError: libnccl.so.2: cannot open shared object file: No such file or directory`.

    ## Example
    `torch needs libnccl.so.2, which is in no place that the loader searches; nvidia-nccl-cu12
    brings it.`

    ## Severity
    Error where the package's import fails by it, as its sources show; for what `import torch`
    needs; and where a GPU that must be served loses what the package has for it: all of its GPU
    code, a plug-in that native code opens, the libraries of the CUDA release that the wheel is made
    for. Warning for a part that the import does without: when a wheel that the package requires, or
    the package itself, should have brought the library; when none of several alternatives loads, or
    nothing of it for torch, and the import says so. Advice where what a plug-in lacks is installed,
    and a call of its package opens it. A gap where it cannot be told whether the import
    fails. Silent for other parts: what they want was never asked for; for one of several
    alternatives of which another loads; and for a GPU driver's own libraries.

    ## Fix
    Safe: reinstall that wheel at the version that torch declares; none where it is there. Unsafe: gpufix's replacement of
    the package, where there is one. Manual: the call that opens what is installed.

    ## Source
    ld.so(8); the wheels' RECORD files.
    """
    groups: dict[tuple[str, tuple[str, ...], bool], list[Row]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            # libcuda.so.1 and its like belong to a driver: their absence is GPU106's.
            if problem.kind == "missing-library" and not problem.driver:
                owner = library.distribution or library.path
                wheels = () if problem.provider else tuple(bringing(problem.name))
                key = (owner, wheels, problem.provider is not None)
                groups.setdefault(key, []).append((library, problem))
    for (owner, wheels, _), rows in sorted(groups.items(), key=lambda group: group[0]):
        weighed = weigh(view, rows)
        yield from weighed.gaps()
        if weighed.severity is not None:
            yield _fault(view, owner, wheels, weighed.rows, weighed.severity)
    for told in view.derive(Imports.of).without_library():
        yield _opened(told)


def _opened(told: Import) -> Fault | Gap:
    """Of a library that a package opens by its name."""
    owner, name = told.distribution or told.module, told.missing or ""
    if told.state != "fails":
        reason = f"it opens {name}, which is not here: whether its import fails cannot be told"
        return Gap(section="imports", subject=owner, reason=reason)
    return Fault(
        severity=ERROR,
        subject=owner,
        message=f"{owner} opens {name}, which {_lacks([name], list(bringing(name)), None)}.",
        evidence=(f"import {told.module} fails", *told.chain),
        breaks=(f"load:{owner}",),
        needs=(f"soname:{name}",),
        payload=MissingLibrary(owner, tuple(bringing(name))),
    )


def _fault(
    view: View,
    owner: str,
    wheels: tuple[str, ...],
    rows: Sequence[Row],
    severity: Severity,
) -> Fault:
    """One fault for all libraries that the same wheel should have brought."""
    missing: dict[str, list[Library]] = {}
    for library, problem in rows:
        missing.setdefault(problem.name, []).append(library)
    names = sorted(missing)
    libraries = [lib for name in names for lib in missing[name]]
    expected = [w for w in wheels if _wanted(view, w)] or list(wheels)
    held = next((p.provider for _, p in rows if p.name == names[0] and p.provider), None)
    payload = MissingLibrary(owner, tuple(expected))
    if call := next(filter(None, map(preload, libraries)), None):
        payload = UnopenedLibrary(owner, tuple(expected), call)
    needed = [f"soname:{name}" for name in names]
    needed += [f"dist:{wheel}" for wheel in expected] + [f"file:{lib.path}" for lib in libraries]
    if any(lib.links_torch for lib in libraries) and owner != "torch":
        needed.append("torch")
    needed.append(f"family:{owner}")
    return Fault(
        severity=severity,
        subject=owner,
        message=_message(owner, names, _lacks(names, expected, held), family(view, libraries)),
        evidence=tuple(
            dict.fromkeys(f"{basename(x.path)} needs {n}" for n in names for x in missing[n])
        )[:10]
        + view.derive(Imports.of).way(libraries),
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        needs=tuple(needed),
        payload=payload,
    )


def _lacks(names: list[str], expected: list[str], held: str | None) -> str:
    if held:
        return f"lies at {held}: the loader does not search there, and nothing opens it before"
    brings = f"; {' or '.join(expected)} brings {'it' if len(names) == 1 else 'them'}"
    return "is in no place that the loader searches" + (brings if expected else "")


def _message(owner: str, names: list[str], lacks: str, alternatives: list[str]) -> str:
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    if not alternatives:
        return f"{owner} needs {names[0]}{more}, which {lacks}."
    others = f"{len(alternatives)} libraries, {alternatives[0]} to {alternatives[-1]}"
    return f"{owner} needs one of {others}, and none loads: {names[0]}{more} {lacks}."


def _wanted(view: View, wheel: str) -> bool:
    """Whether torch, or its CUDA meta-package, requires this wheel."""
    users = view.derive(Requirements.of).required_by.get(wheel, [])
    return "torch" in users or "cuda-toolkit" in users
