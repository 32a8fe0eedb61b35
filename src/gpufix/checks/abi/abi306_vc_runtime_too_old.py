"""ABI306."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import basename

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.severity import Row, weigh
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import at_least, minor
from gpufix.knowledge.windows import is_runtime
from gpufix.model import Gap, Library
from gpufix.model.payload import VcRuntime
from gpufix.text.clean import and_more

_SUBJECT = "Visual C++ runtime"
_LOCKS_SINCE = "14.40"  # Visual Studio 2022 17.10
_CORE = "msvcp140.dll"


@rule("ABI306", "vc-runtime-too-old")
def vc_runtime_too_old(view: View) -> Iterator[Fault | Gap]:
    """Windows: the Visual C++ runtime that a DLL needs is missing, or older than the DLL asks for.

    ## What it does
    Follows the imports of each DLL and compiled module as Windows' loader does (its own folder, that
    of python.exe, folders that packages add, System32), and reports DLLs of the Visual C++ runtime
    that are nowhere, functions that the copy found first does not have, and a copy before 14.40 for
    a DLL that locks mutexes and was built with a toolset from 14.40 on.

    ## Why it matters
    `[WinError 126] The specified module could not be found` for a missing runtime, `[WinError 127]` for a
    missing function, and `[WinError 1114] A dynamic link library (DLL) initialization routine failed.
    Error loading "…\\\\torch\\\\lib\\\\c10.dll"` for torch 2.9 and an old msvcp140.dll. Python brings
    vcruntime140.dll along, not msvcp140.dll; portable programs bring old copies of both beside their
    python.exe.

    ## Example
    `torch and 3 more distributions need msvcp140.dll, which is in no folder that Windows searches.`

    ## Severity
    Error where an import fails by it, and for torch's own DLLs, which `import torch` loads. Warning for
    other DLLs that would end at a mutex. Silent for an older runtime that has all that is asked of it.

    ## Fix
    Manual: install the current runtime, or put its DLLs in the place of old copies beside python.exe.

    ## Source
    https://learn.microsoft.com/cpp/porting/binary-compat-2015-2017;
    https://github.com/microsoft/STL/wiki/Changelog (17.10: the constructor of mutex);
    https://github.com/pytorch/pytorch/issues/169429.
    """
    missing = [row for row in _rows(view, "missing-library") if is_runtime(row[1].name)]
    if missing:
        yield from _absent(view, missing)
    lacking: dict[str, list[Row]] = {}
    for library, problem in _rows(view, "undefined-symbol"):
        if problem.provider and is_runtime(basename(problem.provider)):
            lacking.setdefault(problem.provider, []).append((library, problem))
    for path, rows in sorted(lacking.items()):
        yield from _lacks(view, path, rows)
    for path, libraries in sorted(_outdated(view).items()):
        if path not in lacking:
            yield _old(view, path, libraries)


def _rows(view: View, kind: str) -> list[Row]:
    every = view.facts.binaries.libraries
    return [(lib, p) for lib in every for p in lib.problems if p.kind == kind]


def _absent(view: View, rows: Sequence[Row]) -> Iterator[Fault | Gap]:
    weighed = weigh(view, rows)
    yield from weighed.gaps()
    if weighed.severity is None:
        return
    names = sorted({problem.name for _, problem in weighed.rows})
    more = and_more(names)
    yield Fault(
        severity=weighed.severity,
        subject=_SUBJECT,
        message=f"{_owners(weighed.libraries)} {names[0]}{more}, which is in no folder that "
        "Windows searches.",
        evidence=tuple(
            dict.fromkeys(f"{p.needed_by or lib.path} needs {p.name}" for lib, p in weighed.rows)
        )[:10]
        + view.derive(Imports.of).way(weighed.libraries),
        breaks=_broken(weighed.libraries),
        payload=VcRuntime(tuple(names)),
    )


def _lacks(view: View, path: str, rows: Sequence[Row]) -> Iterator[Fault | Gap]:
    weighed = weigh(view, rows)
    yield from weighed.gaps()
    if weighed.severity is None:
        return
    names = sorted({problem.name for _, problem in weighed.rows})
    more = and_more(names)
    yield Fault(
        severity=weighed.severity,
        subject=_SUBJECT,
        message=f"{_owners(weighed.libraries)} {names[0]}{more}, which {_described(view, path)} "
        "does not have.",
        evidence=tuple(f"{lib.path}: {p.name}" for lib, p in weighed.rows[:10]),
        breaks=_broken(weighed.libraries),
        payload=VcRuntime((basename(path),), path),
    )


def _outdated(view: View) -> dict[str, list[Library]]:
    """By the copy of msvcp140.dll that is used: who locks what it does not know."""
    windows = view.facts.windows
    versions = {one.path: one.version for one in windows.runtimes} if windows else {}
    found: dict[str, list[Library]] = {}
    for library in view.facts.binaries.libraries:
        path = next((p for n, p in library.uses.items() if n.lower() == _CORE), None)
        version = versions.get(path or "")
        if path and version and library.locks_new and not at_least(version, _LOCKS_SINCE):
            found.setdefault(path, []).append(library)
    return found


def _old(view: View, path: str, libraries: Sequence[Library]) -> Fault:
    of_torch = [lib for lib in libraries if lib.distribution == "torch"]
    shown = [*of_torch, *(lib for lib in libraries if lib not in of_torch)]
    return Fault(
        severity=ERROR if of_torch else WARNING,
        subject=_SUBJECT,
        message=f"{_owners(shown)} a Visual C++ runtime from {_LOCKS_SINCE} on; "
        f"{_described(view, path)} is loaded.",
        evidence=tuple(f"{lib.path}: built with toolset {lib.toolset}" for lib in shown[:10]),
        breaks=_broken(shown),
        payload=VcRuntime((basename(path),), path),
    )


def _described(view: View, path: str) -> str:
    windows = view.facts.windows
    versions = {one.path: one.version for one in windows.runtimes} if windows else {}
    version = versions.get(path)
    return f"{path} ({minor(version)})" if version else path


def _owners(libraries: Sequence[Library]) -> str:
    """ "torch needs", "torch and 2 more distributions need"."""
    names = list(dict.fromkeys(lib.distribution or lib.path for lib in libraries))
    names.sort(key=lambda name: name != "torch")
    if len(names) == 1:
        return f"{names[0]} needs"
    rest = f"{len(names) - 1} more distributions" if len(names) > 2 else names[1]
    return f"{names[0]} and {rest} need"


def _broken(libraries: Sequence[Library]) -> tuple[str, ...]:
    owners = dict.fromkeys(lib.distribution or lib.path for lib in libraries)
    return tuple("torch" if owner == "torch" else f"load:{owner}" for owner in owners)
