"""ABI302."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import basename, normpath

from gpufix.checks.registry import WARNING, Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.severity import Row, weigh
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import numbers
from gpufix.model import Gap, OldCxx, Severity
from gpufix.model.payload import UnfitLibrary


@rule("ABI302", "libstdcxx-too-old")
def libstdcxx_too_old(view: View) -> Iterator[Fault | Gap]:
    """A library needs a version of libstdc++ or glibc that the one to be loaded does not have.

    ## What it does
    Compares the symbol versions that each library needs (`GLIBCXX_3.4.32`, `CXXABI_1.3.15`,
    `GLIBC_2.38`) with those that the file the loader would take defines: conda's, a bundled one,
    or the system's. And finds a package that brings an older libstdc++ along under its plain name:
    once that is loaded, every later module gets it.

    ## Why it matters
    `ImportError: …/libstdc++.so.6: version 'GLIBCXX_3.4.32' not found`. Compiled with a newer gcc
    than the libstdc++ that an older conda environment brings along.

    ## Example
    `fused_ssim needs GLIBCXX_3.4.32, which /opt/conda/lib/libstdc++.so.6 does not define.`

    ## Severity
    Error where an import fails by it: torch's, or the package's as its sources show; and where a GPU
    that must be served loses all code that the package has for it. Warning for a part that the
    import does without, and where the order of the imports decides. A gap where neither is known.

    ## Fix
    Safe: rebuild here, when the source is here and the compiler is older than the version that is
    lacking; take the folder out of LD_LIBRARY_PATH that puts an older copy before one that will do;
    load a newer copy that is here first (LD_PRELOAD), the system's or the environment's.
    Manual: a newer libstdc++ from conda in a conda environment; a newer system, or a container of
    one; a wheel for an older glibc.

    ## Source
    ld.so(8), symbol versioning; libstdc++'s ABI policy page.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            if problem.kind == "missing-version":
                owner = library.distribution or library.path
                provider = normpath(problem.provider) if problem.provider else ""
                groups.setdefault((owner, provider), []).append((library, problem))
    for (owner, provider), rows in sorted(groups.items()):
        weighed = weigh(view, rows)
        yield from weighed.gaps()
        if weighed.severity is not None:
            yield _fault(view, owner, provider, weighed.rows, weighed.severity)
    for old in view.facts.binaries.old_cxx:
        yield _in_the_way(old)


def _in_the_way(old: OldCxx) -> Fault:
    """Whether it is loaded first is for the order of the imports."""
    versions = sorted(old.versions, key=_order)
    return Fault(
        severity=WARNING,
        subject=old.user,
        message=f"{old.user} needs {versions[-1]}, which {old.path}, {old.distribution}'s own copy, does not define: "
        f"where {old.distribution} is imported first, {old.user} does not load.",
        evidence=(f"{basename(old.library)} needs {', '.join(versions)}",),
        payload=UnfitLibrary(old.user, wheels=(), path=old.path, versions=tuple(versions)),
    )


def _fault(
    view: View,
    owner: str,
    provider: str,
    rows: Sequence[Row],
    severity: Severity,
) -> Fault:
    versions = sorted({p.name for _, p in rows}, key=_order)
    who = provider or "the library that is loaded"
    needed = (f"provider:{provider}", f"file:{provider}") if provider else ()
    torch = ("torch",) if owner != "torch" and any(lib.links_torch for lib, _ in rows) else ()
    asking = (f"{basename(p.needed_by or lib.path)} needs {p.name}" for lib, p in rows)
    return Fault(
        severity=severity,
        subject=owner,
        message=f"{owner} needs {versions[-1]}, which {who} does not define.",
        evidence=tuple(dict.fromkeys(asking))[:10]
        + view.derive(Imports.of).way(lib for lib, _ in rows),
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        needs=(*needed, *torch),
        payload=UnfitLibrary(
            owner,
            wheels=(),
            path=provider or None,
            chosen_by=next((p.why for _, p in rows if p.why), None),
            versions=tuple(versions),
        ),
    )


def _order(version: str) -> tuple[str, tuple[int, ...]]:
    name, _, number = version.partition("_")
    return name, numbers(number)
