"""SRC603."""

from __future__ import annotations

from collections.abc import Iterator

from gpufix.checks.registry import ADVICE, ERROR, WARNING, Fault, rule
from gpufix.evidence import building, removed_names
from gpufix.evidence.removed_names import is_reached
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.knowledge.data_table import numbers
from gpufix.model import Evidence, Severity
from gpufix.model.source_payload import MissingInclude


@rule("SRC603", "missing-include")
def missing_include(view: View) -> Iterator[Fault]:
    """A source uses a standard name whose header it does not include.

    ## What it does
    Follows the includes of each translation unit in order, up to the first use of a name that
    <cstdint> or <cfloat> declares. Only where every header before it is known not to bring the
    name along is that a fault; a header of the project that includes it counts, and any header
    that is not known may bring it.

    ## Why it matters
    GCC 13's library no longer includes <cstdint> for its own use: `namespace "std" has no member
    "uintptr_t"`, `identifier "uint32_t" is undefined`.

    ## Example
    `cuda_rasterizer/rasterizer_impl.h uses std::uintptr_t without <cstdint>; GCC 13.3 does not
    bring it along.`

    ## Severity
    Error when the compiler that would be used breaks on it and a build file names the source;
    warning when none names it; advice when an older compiler still brings it along.

    ## Fix
    Safe: include the header.

    ## Source
    GCC 13 porting guide; each header of the table was compiled with libstdc++ 12 whose
    <bits/char_traits.h> was freed of <cstdint>, as 13's is, and with CUDA 13.0.
    """
    compiler = building.in_use(view)
    is_gcc = compiler is not None and building.family(compiler) == "gcc"
    gcc = compiler.version if compiler and is_gcc else None
    major = numbers(gcc)[0] if gcc and numbers(gcc) else None
    for missing in view.derive(removed_names.missing, shared=True):
        breaks = missing.since is None or (major is not None and major >= missing.since)
        yield Fault(
            severity=_severity(view, missing.path, breaks),
            subject=missing.path,
            message=f"{missing.path} uses {missing.name} without <{missing.header}>"
            + (f"; {_brings(gcc, breaks, missing.since)}." if missing.since else "."),
            evidence=(
                Evidence(text=missing.name, path=absolute(view, missing.path), line=missing.line),
                *([Evidence(text=f"compiled in {missing.unit}")] if missing.unit else []),
            ),
            payload=MissingInclude(missing.path, missing.header),
        )


def _severity(view: View, path: str, breaks: bool) -> Severity:
    if not breaks:
        return ADVICE
    return ERROR if is_reached(view, path) else WARNING


def _brings(gcc: str | None, breaks: bool, since: int) -> str:
    if breaks:
        return f"GCC {gcc} does not bring it along"
    return f"GCC {since} and newer do not bring it along"
