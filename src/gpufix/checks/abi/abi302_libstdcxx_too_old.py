"""ABI302."""

from __future__ import annotations

from collections.abc import Iterator
from posixpath import basename

from gpufix.checks.registry import ERROR, WARNING, Fault, rule
from gpufix.evidence.view import View
from gpufix.model import Library, Problem
from gpufix.model.payload import DistributionFault


@rule("ABI302", "libstdcxx-too-old")
def libstdcxx_too_old(view: View) -> Iterator[Fault]:
    """A library needs a version of libstdc++ or glibc that the one to be loaded does not have.

    ## What it does
    Compares the symbol versions that each library needs (`GLIBCXX_3.4.32`, `CXXABI_1.3.15`,
    `GLIBC_2.38`) with those that the file the loader would take defines: conda's, a bundled one,
    or the system's.

    ## Why it matters
    `ImportError: …/libstdc++.so.6: version 'GLIBCXX_3.4.32' not found`. Compiled with a newer gcc
    than the libstdc++ that an older conda environment brings along.

    ## Example
    `fused_ssim needs GLIBCXX_3.4.32, which /opt/conda/lib/libstdc++.so.6 does not define.`

    ## Severity
    Error for extension modules, warning for other libraries.

    ## Fix
    Unsafe: rebuild here, or a newer libstdc++ in the environment. Manual: a newer system.

    ## Source
    ld.so(8), symbol versioning; libstdc++'s ABI policy page.
    """
    groups: dict[tuple[str, str], list[tuple[Library, Problem]]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            if problem.kind == "missing-version":
                owner = library.distribution or library.path
                groups.setdefault((owner, problem.provider or "?"), []).append((library, problem))
    for (owner, provider), rows in sorted(groups.items()):
        yield _fault(owner, provider, rows)


def _fault(owner: str, provider: str, rows: list[tuple[Library, Problem]]) -> Fault:
    versions = sorted({p.name for _, p in rows}, key=_order)
    return Fault(
        severity=ERROR if any(library.module for library, _ in rows) else WARNING,
        subject=owner,
        message=f"{owner} needs {versions[-1]}, which {provider} does not define.",
        evidence=tuple(f"{basename(lib.path)} needs {p.name}" for lib, p in rows[:10]),
        breaks=(f"load:{owner}",),
        needs=(f"provider:{provider}", f"file:{provider}"),
        payload=DistributionFault(owner),
    )


def _order(version: str) -> tuple[str, tuple[int, ...]]:
    name, _, numbers = version.partition("_")
    return name, tuple(int(n) for n in numbers.split(".") if n.isdigit())
