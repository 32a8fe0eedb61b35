"""SYM405."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from posixpath import basename

from gpufix.checks.registry import ERROR, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.severity import Row, weigh
from gpufix.evidence.view import View
from gpufix.evidence.windows_words import says
from gpufix.model import Gap, Problem
from gpufix.model.payload import DamagedDistribution
from gpufix.text.clean import and_more

_TLS = re.compile(r"needs (\d+) bytes of static TLS, of which (\d+) are free")


@rule("SYM405", "unloadable-library")
def unloadable_library(view: View) -> Iterator[Fault | Gap]:
    """A library is none that this machine's loader takes.

    ## What it does
    Reads each library's headers as ld.so does: a file that is truncated or no library at all, one
    for another processor or system. And looks for what a sound file may need and not find: more static TLS
    than the process has left, an executable stack under glibc 2.41 and later.

    ## Why it matters
    `ImportError: …/_core.so: file too short`, `invalid ELF header`, `cannot open shared object
    file: No such file or directory` for an interpreter's library, `cannot allocate memory in static
    TLS block`, `cannot enable executable stack as shared object requires`; on Windows
    `[WinError 193] %1 is not a valid Win32 application`. A wheel for aarch64 that
    was unpacked by hand, a download that broke off, a pointer of Git LFS in place of the file.

    ## Example
    `fastkern/_core.cpython-311-x86_64-linux-gnu.so is no library that can be loaded here: it is
    for another processor (aarch64).`

    ## Severity
    Error where an import fails by it: torch's, or the package's as its sources show; and where a GPU
    that must be served loses all code that the package has for it. Warning for a part that the
    import does without. A gap where neither is known.

    ## Fix
    Safe: reinstall the distribution that brought it, at the same version. For static TLS: raise the
    tunable `glibc.rtld.optional_static_tls` (since glibc 2.33) in the environment file by what is lacking.
    Unsafe, for an executable stack: a later release, where one is listed.

    ## Source
    ld.so(8); elf(5); the glibc manual, "Dynamic Linking Tunables"; glibc's dl-load.c (open_verify), dl-tls.c and the NEWS of 2.41.
    """
    groups: dict[str, list[Row]] = {}
    users: dict[str, list[Row]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            if problem.kind not in ("unusable", "wrong-machine", "refused"):
                continue
            if problem.provider is None:
                groups.setdefault(library.distribution or library.path, []).append(
                    (library, problem)
                )
            else:
                users.setdefault(problem.provider, []).append((library, problem))
    for library, problem in _refused_below(groups, users):
        groups.setdefault(library.distribution or library.path, []).append((library, problem))
    for owner, rows in sorted(groups.items()):
        above = [row for library, _ in rows for row in users.get(library.path, ())]
        weighed, of_users = weigh(view, rows), weigh(view, above)
        yield from weighed.gaps()
        severity = weighed.severity or of_users.severity
        if severity is None:
            continue
        if of_users.severity is ERROR:
            severity = ERROR
        shown = weighed.rows or tuple(rows)
        libraries = [library for library, _ in shown]
        more = and_more(libraries)
        library, problem = shown[0]
        dist = view.dist(owner)
        name = basename(problem.provider or library.path)
        named = owner if owner == library.path else f"{name} of {owner}"
        yield Fault(
            severity=severity,
            subject=owner,
            message=f"{named}{more} is no library that can be loaded here: {problem.name}.",
            evidence=(
                *(f"{x.path}: {p.name}" for x, p in shown[:10]),
                *says(view, 193),
                *view.derive(Imports.of).way([*libraries, *(x for x, _ in above)]),
            ),
            breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
            needs=(*(f"file:{x.path}" for x in libraries), f"family:{owner}"),
            payload=DamagedDistribution(
                owner,
                dist.version if dist else None,
                sound=problem.kind == "refused",
                static_tls=_static_tls(problem for _, problem in shown),
            ),
        )


def _refused_below(groups: dict[str, list[Row]], users: dict[str, list[Row]]) -> Iterator[Row]:
    """Modules that need a sound library which the loader refuses to them, and that has no row of its own:
    loaded otherwise, it may be taken."""
    own = {library.path for rows in groups.values() for library, _ in rows}
    for provider, rows in users.items():
        if provider not in own:
            yield from (row for row in rows if row[1].kind == "refused")


def _static_tls(problems: Iterable[Problem]) -> int:
    """The bytes that are lacking for all of them in one process."""
    found = [match for problem in problems if (match := _TLS.match(problem.name))]
    wanted = sum(int(match[1]) for match in found)
    return wanted - min(int(match[2]) for match in found) if found else 0
