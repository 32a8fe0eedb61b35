"""SYM405."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.view import View
from gpufix.model import Library, Problem
from gpufix.model.payload import DamagedDistribution


@rule("SYM405", "unloadable-library")
def unloadable_library(view: View) -> Iterator[Fault]:
    """A library is none that this machine's loader takes.

    ## What it does
    Reads each library's headers as ld.so does: a file that is truncated or no library at all, one
    for another processor or system. And looks for what a sound file may ask in vain: more static TLS
    than the process has left, an executable stack under glibc 2.41 and later.

    ## Why it matters
    `ImportError: …/_core.so: file too short`, `invalid ELF header`, `cannot open shared object
    file: No such file or directory` for an interpreter's library, `cannot allocate memory in static
    TLS block`, `cannot enable executable stack as shared object requires`. A wheel for aarch64 that
    was unpacked by hand, a download that broke off, a pointer of Git LFS in place of the file.

    ## Example
    `fastkern/_core.cpython-311-x86_64-linux-gnu.so is no library that can be loaded here: it is
    for another processor (aarch64).`

    ## Severity
    Error for torch's own libraries and when the package's sources show that its import fails by
    it; warning for other extension modules.

    ## Fix
    Safe: reinstall the distribution that brought it, at the same version. None for a sound file:
    another release of it, another order of imports or the tunable `glibc.rtld.optional_static_tls`
    may help.

    ## Source
    ld.so(8); elf(5); glibc's dl-load.c (open_verify), dl-tls.c and the NEWS of 2.41.
    """
    groups: dict[str, list[tuple[Library, Problem]]] = {}
    users: dict[str, list[Library]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            if problem.kind not in ("unusable", "wrong-machine", "refused"):
                continue
            if problem.provider is None:
                groups.setdefault(library.distribution or library.path, []).append(
                    (library, problem)
                )
            else:
                users.setdefault(problem.provider, []).append(library)
    told = view.derive(Imports.of)
    for owner, rows in sorted(groups.items()):
        libraries = [x for library, _ in rows for x in (library, *users.get(library.path, ()))]
        must = owner == "torch" or told.failing(libraries) is not None
        more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
        library, problem = rows[0]
        dist = view.dist(owner)
        yield Fault(
            severity=ERROR if must else WARNING,
            subject=owner,
            message=f"{basename(library.path)} of {owner}{more} is no library that can be loaded "
            f"here: {problem.name}.",
            evidence=(*(f"{x.path}: {p.name}" for x, p in rows[:10]), *told.way(libraries)),
            breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
            needs=(*(f"file:{x.path}" for x, _ in rows), f"family:{owner}"),
            payload=DamagedDistribution(
                owner, dist.version if dist else None, sound=problem.kind == "refused"
            ),
        )
