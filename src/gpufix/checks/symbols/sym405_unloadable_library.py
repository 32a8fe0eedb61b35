"""SYM405."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from gpufix.checks.registry import Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.severity import Row, weigh
from gpufix.evidence.view import View
from gpufix.model import Gap
from gpufix.model.payload import DamagedDistribution


@rule("SYM405", "unloadable-library")
def unloadable_library(view: View) -> Iterator[Fault | Gap]:
    """A library is none that this machine's loader takes.

    ## What it does
    Reads each library's headers as ld.so does: a file that is truncated or no library at all, one
    for another processor, for another C library.

    ## Why it matters
    `ImportError: …/_core.so: file too short`, `invalid ELF header`, `cannot open shared object
    file: No such file or directory` for an interpreter's library. A wheel for aarch64 that was
    unpacked by hand, a download that broke off, a pointer of Git LFS in place of the file.

    ## Example
    `fastkern/_core.cpython-311-x86_64-linux-gnu.so is no library that can be loaded here: it is
    for another processor (aarch64).`

    ## Severity
    Error where an import fails by it: torch's, or the package's as its sources show; and where a GPU
    that must be served loses all code that the package has for it. Warning for a part that the
    import does without. A gap where neither can be told.

    ## Fix
    Safe: reinstall the distribution that brought it, at the same version.

    ## Source
    ld.so(8); elf(5); glibc's dl-load.c (open_verify).
    """
    groups: dict[str, list[Row]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            if problem.kind in ("unusable", "wrong-machine") and problem.provider is None:
                groups.setdefault(library.distribution or library.path, []).append(
                    (library, problem)
                )
    for owner, rows in sorted(groups.items()):
        weighed = weigh(view, rows)
        yield from weighed.gaps()
        if weighed.severity is None:
            continue
        libraries = [library for library, _ in weighed.rows]
        more = f" (and {len(libraries) - 1} more)" if len(libraries) > 1 else ""
        library, problem = weighed.rows[0]
        dist = view.dist(owner)
        yield Fault(
            severity=weighed.severity,
            subject=owner,
            message=f"{basename(library.path)} of {owner}{more} is no library that can be loaded "
            f"here: {problem.name}.",
            evidence=(
                *(f"{x.path}: {p.name}" for x, p in weighed.rows[:10]),
                *view.derive(Imports.of).way(libraries),
            ),
            breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
            needs=(*(f"file:{x.path}" for x in libraries), f"family:{owner}"),
            payload=DamagedDistribution(owner, dist.version if dist else None),
        )
