"""Clear the slots that a kernel may leave unwritten, on the host, before its launch."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpufix.evidence import cxx
from gpufix.evidence.view import View
from gpufix.fixes.registry import fix
from gpufix.fixes.source.planned_edits import source
from gpufix.model import Finding, Plan, Skip
from gpufix.model.source_payload import UnwrittenOutputs
from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.cxx_edits import apply, newline
from gpufix.source.cxx.functions import Launch, arguments, launches
from gpufix.source.edits import Edit

_NAME = "clear-outputs"
_PLAIN = re.compile(r"[\w.]+|\w+(?:(?:\.|->)\w+)+")


@fix(_NAME, "SRC609")
def clear_outputs(finding: Finding, view: View) -> Plan | Skip:
    """cudaMemset of each output, as long as the sort that reads it."""
    unwritten = finding.payload_as(UnwrittenOutputs)
    kernel = unwritten.kernel
    for path in cxx.own_files(view):
        found = source(view, path) if _launches(view, path, kernel) else None
        if found is None:
            continue
        code = CxxCode(found.text)
        calls = [launch for launch in launches(code) if launch.name == kernel]
        edits = [e for launch in calls for e in _edits(code, launch, unwritten.outputs)]
        if edits:
            return finding.plan(
                _NAME,
                "unsafe",
                f"clear the outputs of {kernel} before its launch in {path}",
                found.step(apply(found.text, edits)),
                notes=["Unwritten slots become 0: a sort puts them first, and 0 is a valid item."],
            )
    return finding.skip(_NAME, "how many items are sorted is not written plainly beside the launch")


def _launches(view: View, path: str, kernel: str) -> bool:
    counts = cxx.cxx_files(view)[path].counts
    return counts is not None and any(launch.kernel == kernel for launch in counts.launches)


def _edits(code: CxxCode, launch: Launch, outputs: Sequence[int]) -> list[Edit]:
    given = arguments(code, launch.arguments)
    buffers = [given[n] for n in outputs if n < len(given)]
    count = _sorted_items(code, launch.arguments[1], buffers)
    if not count or not all(_PLAIN.fullmatch(buffer) for buffer in buffers):
        return []
    start = code.text.rfind("\n", 0, launch.start) + 1
    indent = re.match(r"[ \t]*", code.text[start:])
    lead, end = (indent[0] if indent else ""), newline(code.text)
    if code.text[start : launch.start].strip():
        return []
    call = _memset(code, launch)
    lines = [
        f"{lead}{call.format(buffer, f'static_cast<size_t>({count}) * sizeof(*{buffer})')}{end}"
        for buffer in buffers
    ]
    if lines[0].strip() in code.text:
        return []
    return [Edit(start, start, "".join(lines))]


def _memset(code: CxxCode, launch: Launch) -> str:
    """The call that clears on the stream of the launch."""
    settings = arguments(code, (launch.opener[1], launch.closer[0]))
    if len(settings) < 4 or settings[3] == "0":
        return "cudaMemset({}, 0, {});"
    return f"cudaMemsetAsync({{}}, 0, {{}}, {settings[3]});"


def _sorted_items(code: CxxCode, after: int, buffers: list[str]) -> str | None:
    """The number of items in the DeviceRadixSort::SortPairs that takes the buffers."""
    for match in re.compile(r"\bSortPairs\s*(\()").finditer(code.structure, after):
        closing = code.brackets.get(match.start(1))
        if closing is None:
            continue
        given = arguments(code, (match.end(1), closing))
        if len(given) >= 7 and buffers and given[2] in buffers:
            return given[6] if re.fullmatch(r"\w+", given[6]) else None
    return None
