"""SYM403."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from posixpath import basename, normpath

from gpufix.binary.demangle.mangled import is_torch_name
from gpufix.checks.registry import Fault, rule
from gpufix.evidence.importing import Imports
from gpufix.evidence.severity import Row, weigh
from gpufix.evidence.torch_symbols import shown
from gpufix.evidence.view import View
from gpufix.evidence.windows_words import says
from gpufix.knowledge.cuda_libraries import bringing
from gpufix.knowledge.windows import is_runtime
from gpufix.model import Gap, Library, Problem, Severity
from gpufix.model.payload import UnfitLibrary
from gpufix.text.clean import and_more


@rule("SYM403", "undefined-library-symbol")
def undefined_library_symbol(view: View) -> Iterator[Fault | Gap]:
    """The copy of a library that would be loaded lacks a symbol that is asked of it.

    ## What it does
    Finds the file that the loader would take for each NEEDED name (RPATH, LD_LIBRARY_PATH,
    RUNPATH, its cache), and the undefined symbols that no library in scope defines.

    ## Why it matters
    `ImportError: libtorch_cuda.so: undefined symbol: ncclGroupSimulateEnd` means that an NCCL
    older than 2.22 is found before the one that torch pins.

    ## Example
    `torch needs ncclGroupSimulateEnd, which /usr/lib/libnccl.so.2 (found by LD_LIBRARY_PATH) does
    not define.`

    ## Severity
    Error where an import fails by it: torch's, or the package's as its sources show; and where a GPU
    that must be served loses all code that the package has for it. Warning for a part that the
    import does without; advice where a wheel whose files are whole holds it like that. A gap where neither is known. Silent where an alternative loads.

    ## Fix
    Safe: reinstall the wheel that torch pins, or take the folder out of LD_LIBRARY_PATH that puts
    another copy first.

    ## Source
    ld.so(8); NCCL's tags v2.21.5-1 and v2.22.3-1 for the symbol above.
    """
    groups: dict[tuple[str, str | None], list[Row]] = {}
    for library in view.facts.binaries.libraries:
        for problem in library.problems:
            if problem.kind == "undefined-symbol" and _is_ours(library, problem):
                owner = library.distribution or library.path
                provider = normpath(problem.provider) if problem.provider else None
                groups.setdefault((owner, provider), []).append((library, problem))
    for (owner, provider), rows in sorted(groups.items(), key=lambda g: (g[0][0], g[0][1] or "")):
        weighed = weigh(view, rows)
        yield from weighed.gaps()
        if weighed.severity is not None:
            yield _fault(view, owner, provider, weighed.rows, weighed.severity)


def _is_ours(library: Library, problem: Problem) -> bool:
    """SYM401 tells of torch's names, but for those that torch's own libraries lack; ABI306 of the
    Visual C++ runtime's."""
    if problem.provider and is_runtime(basename(problem.provider)):
        return False
    return library.distribution == "torch" or not is_torch_name(problem.name)


def _fault(
    view: View,
    owner: str,
    provider: str | None,
    rows: Sequence[Row],
    severity: Severity,
) -> Fault:
    problem = rows[0][1]
    names = list(dict.fromkeys(p.name for _, p in rows))
    more = and_more(names)
    found = f" (found by {problem.why})" if problem.why else ""
    where = f"{provider}{found} does not define" if provider else "no library in its scope defines"
    wheels = bringing(basename(provider)) if provider else []
    holder = _distribution_of(view, provider)
    return Fault(
        severity=severity,
        subject=owner,
        message=f"{owner} needs {shown(view, names[0])}{more}, which {where}.",
        evidence=(
            *(f"{basename(lib.path)}: undefined symbol {p.name}" for lib, p in rows[:10]),
            *says(view, 127),
            *view.derive(Imports.of).way(lib for lib, _ in rows),
        ),
        breaks=("torch",) if owner == "torch" else (f"load:{owner}",),
        needs=(
            *((f"provider:{provider}", f"file:{provider}") if provider else ()),
            *(
                (f"dist:{holder}", f"collision:{holder}", f"mismatch:{owner}:{holder}")
                if holder
                else ()
            ),
            *(() if provider else (f"symbols:{owner}",)),
            f"family:{owner}",
        ),
        payload=UnfitLibrary(owner, tuple(wheels), path=provider, chosen_by=problem.why),
    )


def _distribution_of(view: View, path: str | None) -> str | None:
    """The distribution that brought a file, told by the scan or by the wheels of CUDA libraries."""
    if path is None:
        return None
    for library in view.facts.binaries.libraries:
        if library.path == path:
            return library.distribution
    return next((wheel for wheel in bringing(basename(path)) if view.dist(wheel)), None)
