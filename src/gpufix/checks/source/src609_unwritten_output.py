"""SRC609."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gpufix.checks.registry import ADVICE, Fault, rule
from gpufix.evidence import cxx
from gpufix.evidence.source_view import absolute
from gpufix.evidence.view import View
from gpufix.model import Evidence
from gpufix.model.source_payload import UnwrittenOutputs


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
    `fill (raster.cu) writes under "if (alpha < limit)" (line 90), which the count of preprocess
    does not know.`

    ## Severity
    Advice: the buffer may have been cleared elsewhere.

    ## Fix
    Unsafe: clear the slots on the host before the launch. (Within the kernel it would race with the
    threads that fill them.)

    ## Source
    Read off the source alone.
    """
    files = cxx.own_files(view)
    for path, facts in files.items():
        passes = cxx.cuda_passes(view, cxx.source_kinds(view).get(path))
        for fill in facts.get("fills", []):
            count = _count_of(path, fill, files)
            if count and fill["conditions"] and cxx.live(facts, fill["guards"], passes):
                yield _fault(view, path, fill, *count)


def _count_of(path: str, fill: dict[str, Any], files: cxx.Files) -> tuple[str, Any] | None:
    """The closed count whose sums a fill starts from, when the chain can be followed."""
    folder = path.rpartition("/")[0]
    near = {p: f.get("counts", {}) for p, f in files.items() if p.rpartition("/")[0] == folder}
    for counts in near.values():
        for kernel, _, names in counts.get("launches", []):
            if kernel != fill["kernel"] or len(names) <= max(fill["offsets"], *fill["outputs"]):
                continue
            if {names[n] for n in fill["outputs"]} <= set(counts["cleared"]):
                continue
            summed = {i for i, o, _ in counts["scans"] if o == names[fill["offsets"]]}
            for where, other in near.items():
                for row in other.get("closed", []):
                    if row[4] in summed:
                        return where, row
    return None


def _fault(view: View, path: str, fill: dict[str, Any], where: str, row: Any) -> Fault:
    condition, line = fill["conditions"][0]
    return Fault(
        severity=ADVICE,
        subject=path,
        message=f'{fill["kernel"]} ({path}) writes under "{condition}" (line {line}), '
        f"which the count of {row[0]} ({where}, line {row[2]}) does not know: slots stay unwritten.",
        evidence=(
            *(Evidence(text=t, path=absolute(view, path), line=n) for t, n in fill["conditions"]),
            Evidence(text=row[3], path=absolute(view, where), line=row[2]),
        ),
        payload=UnwrittenOutputs(path, fill["kernel"], tuple(fill["outputs"])),
    )
