"""SRC609."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence import cxx
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.model import Evidence
from gpufix.model.source_payload import UnwrittenOutputs

if TYPE_CHECKING:
    from gpufix.source.source_facts import ClosedCount, Counts, CxxFacts, Fill


@rule("SRC609", "unwritten-output")
def unwritten_output(view: View) -> Iterator[Fault]:
    """A kernel fills fewer slots than were counted for it.

    ## What it does
    Looks for count, scan, fill: a kernel counts the product of two differences, the host sums the
    counts up, and another kernel writes from its offset on. When the filling loop passes over some
    items under a condition that the counting does not know, slots are left as they were.

    ## Why it matters
    The host sorts or reads all slots, with whatever stood in that memory before.

    ## Example
    `fill (raster.cu) decides by "if (alpha < limit)" (line 90) what it writes, which the count of
    preprocess (raster.cu, line 40) does not know: slots stay unwritten.`

    ## Severity
    Advice: the buffer may have been cleared elsewhere.

    ## Fix
    Unsafe: clear the slots on the host before the launch. (Within the kernel it would race with the
    threads that fill them.)

    ## Source
    Read off the source only.
    """
    files = cxx.own_files(view)
    for path, facts in files.items():
        passes = cxx.cuda_passes(view, cxx.source_kinds(view).get(path))
        for fill in facts.fills:
            count = _count_of(path, fill, files)
            if count and fill.conditions and cxx.live(facts.macros, fill.guards, passes):
                yield _fault(view, path, fill, *count)


def _count_of(
    path: str, fill: Fill, files: Mapping[str, CxxFacts]
) -> tuple[str, ClosedCount] | None:
    """The closed count whose sums a fill starts from, when the chain can be followed."""
    folder = path.rpartition("/")[0]
    near: dict[str, Counts] = {
        p: f.counts for p, f in files.items() if f.counts and p.rpartition("/")[0] == folder
    }
    for counts in near.values():
        for launch in counts.launches:
            names = launch.arguments
            if launch.kernel != fill.kernel or len(names) <= max((fill.offsets, *fill.outputs)):
                continue
            if {names[n] for n in fill.outputs} <= set(counts.cleared or ()):
                continue
            summed = {scan.input for scan in counts.scans if scan.output == names[fill.offsets]}
            for where, other in near.items():
                for row in other.closed:
                    if row.parameter in summed:
                        return where, row
    return None


def _fault(view: View, path: str, fill: Fill, where: str, count: ClosedCount) -> Fault:
    condition, line = fill.conditions[0]
    return Fault(
        severity=ADVICE,
        subject=path,
        message=f'{fill.kernel} ({path}) decides by "{condition}" (line {line}) what it writes, '
        f"which the count of {count.kernel} ({where}, line {count.line}) does not know: slots stay unwritten.",
        evidence=(
            *(Evidence(text=t, path=absolute(view, path), line=n) for t, n in fill.conditions),
            Evidence(text=count.expression, path=absolute(view, where), line=count.line),
        ),
        payload=UnwrittenOutputs(path, fill.kernel, tuple(fill.outputs)),
    )
