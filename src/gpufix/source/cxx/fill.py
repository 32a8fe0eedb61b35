"""Count, scan, fill: kernels that write where a prefix sum of counts tells them to.

What is counted must be filled. These readers take down how a kernel counts, how the host scans,
and under which conditions a kernel fills; whether they agree is judged elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gpufix.source.cxx.code import CxxCode
from gpufix.source.cxx.functions import Function, arguments, device_functions, launches
from gpufix.source.source_facts import (
    ClosedCount,
    Condition,
    Counts,
    Fill,
    KernelLaunch,
    PrefixScan,
)

_CURSOR = re.compile(r"(?<!\w)(\w+)\s*=\s*[^;]{0,200}?(?<![\w.>])(\w+)\s*\[\s*\w+\s*-\s*1\s*\]\s*;")
_OFFSET = re.compile(r"\[\s*\w+\s*-\s*1\s*\]\s*;")
_OFFSET_BYTES = re.compile(_OFFSET.pattern.encode())
_CONTROL = re.compile(r"(?<!\w)(if|for|while)\b\s*(\()")
_CONTINUE = re.compile(r"(?<!\w)continue\s*;")
_COUNT = re.compile(r"(?<![\w.>])(\w+)\s*\[\s*[\w.]+\s*\]\s*=(?!=)\s*([^;]*)\s*;")
_CLEAR = re.compile(r"(?:cuda|hip)Memset(?:Async)?\s*(\()")
_PRODUCT = re.compile(rb"=\s*\([^()-]*-[^()]+\)\s*\*\s*\([^()-]*-[^()]+\)\s*;")
_SCAN = re.compile(r"\bDeviceScan\s*::\s*(InclusiveSum|ExclusiveSum)\s*(\()")


def scans(data: bytes) -> bool:
    """Whether a source may scan."""
    return b"DeviceScan" in data


def concerns(data: bytes) -> bool:
    """Whether a source may fill, count or scan."""
    if scans(data):
        return True
    return b"__global__" in data and any(p.search(data) for p in (_OFFSET_BYTES, _PRODUCT))


def fills(code: CxxCode) -> tuple[Fill, ...]:
    """Kernels that write at a cursor which starts at a scanned offset and moves in a loop, with the
    conditions that stand within the loop between it and the moving of the cursor."""
    if "__global__" not in code.text or not _OFFSET.search(code.text):
        return ()
    return tuple(row for f in device_functions(code) if f.kernel for row in _fill(code, f))


def _fill(code: CxxCode, kernel: Function) -> Iterator[Fill]:
    start, end = kernel.body
    names = _parameters(code, kernel)
    for cursor in _CURSOR.finditer(code.structure, start, end):
        if cursor[2] not in names:
            continue
        word = re.escape(cursor[1])
        moves = list(
            re.compile(rf"(?<!\w){word}\s*\+\+|\+\+\s*{word}\b").finditer(
                code.structure, start, end
            )
        )
        writes = re.compile(rf"(?<![\w.>])(\w+)\s*\[\s*{word}\s*(?:\+\+\s*)?\]\s*=(?!=)")
        outputs = {m[1] for m in writes.finditer(code.structure, start, end)} & names.keys()
        if len(moves) != 1 or not outputs:
            continue
        conditions = _loop_conditions(code, start, end, moves[0].start())
        if conditions is not None:
            yield Fill(
                kernel=kernel.name,
                line=code.line(kernel.start),
                offsets=names[cursor[2]],
                outputs=tuple(sorted(names[name] for name in outputs)),
                conditions=tuple(conditions),
                guards=code.conditions.at(kernel.start),
            )


def _loop_conditions(code: CxxCode, start: int, end: int, move: int) -> list[Condition] | None:
    """What decides, inside the outermost loop around `move`, whether it is reached; None = no loop."""
    around: list[tuple[str, int, int, int]] = []  # keyword, its offset, inside from, to
    for match in _CONTROL.finditer(code.structure, start, end):
        closing = code.brackets.get(match.start(2))
        opening = closing and re.compile(r"\s*(\{)").match(code.structure, closing + 1)
        if closing is None:
            continue
        stop = code.brackets.get(opening.start(1), end) if opening else None
        if stop is not None:
            around.append((match[1], match.start(), closing + 1, stop))
    holding = [a for a in around if a[2] <= move < a[3]]
    loops = [a for a in holding if a[0] != "if"]
    if not loops:
        return None
    outer = loops[0]
    deciding = [a[1] for a in holding if a[0] == "if" and a[1] > outer[1]]
    skips = _CONTINUE.finditer(code.structure, outer[2], move)
    deciding += [found for skip in skips if (found := _if_before(code, outer[2], skip.start()))]
    return [Condition(_text(code, at), code.line(at)) for at in sorted(set(deciding))]


def _if_before(code: CxxCode, start: int, offset: int) -> int | None:
    found = None
    for match in _CONTROL.finditer(code.structure, start, offset):
        if match[1] == "if":
            found = match.start()
    return found


def _text(code: CxxCode, offset: int) -> str:
    match = _CONTROL.match(code.structure, offset)
    closing = code.brackets.get(match.start(2)) if match else None
    text = code.structure[offset : closing + 1] if closing is not None else ""
    return " ".join(text.split())[:120]


def counts(code: CxxCode) -> Counts | None:
    """What a source counts and scans; None = nothing."""
    closed = tuple(r for f in device_functions(code) if f.kernel for r in _closed(code, f))
    scans = tuple(_scans(code))
    if not scans:
        return Counts(closed, (), ()) if closed else None
    called = [
        KernelLaunch(
            kernel=launch.name,
            line=code.line(launch.start),
            arguments=tuple(_last(piece) for piece in arguments(code, launch.arguments)),
        )
        for launch in launches(code)
    ]
    return Counts(closed, scans, tuple(called), tuple(sorted(set(_cleared(code)))))


def _closed(code: CxxCode, kernel: Function) -> Iterator[ClosedCount]:
    names = _parameters(code, kernel)
    for match in _COUNT.finditer(code.structure, *kernel.body):
        value = match[2]
        if match[1] in names and re.fullmatch(r"\([^()]+-[^()]+\)\s*\*\s*\([^()]+-[^()]+\)", value):
            text = " ".join(value.split())
            line = code.line(match.start())
            yield ClosedCount(kernel.name, names[match[1]], line, text, match[1])


def _scans(code: CxxCode) -> Iterator[PrefixScan]:
    if "DeviceScan" not in code.text:
        return
    for match in _SCAN.finditer(code.structure):
        closing = code.brackets.get(match.start(2))
        pieces = arguments(code, (match.end(2), closing)) if closing is not None else []
        if len(pieces) >= 4:
            yield PrefixScan(_last(pieces[2]), _last(pieces[3]), code.line(match.start()))


def _cleared(code: CxxCode) -> Iterator[str]:
    """Last names of what the host clears."""
    for match in _CLEAR.finditer(code.structure):
        closing = code.brackets.get(match.start(1))
        pieces = arguments(code, (match.end(1), closing)) if closing is not None else []
        if pieces:
            yield _last(pieces[0])


def _parameters(code: CxxCode, function: Function) -> dict[str, int]:
    """name -> position."""
    pieces = arguments(code, function.parameters)
    names = (
        re.search(r"(\w+)\s*(?:\[[^\]]*\]\s*)?(?:=.*)?$", piece, re.DOTALL) for piece in pieces
    )
    return {name[1]: position for position, name in enumerate(names) if name}


def _last(expression: str) -> str:
    """ "geomState.point_offsets" -> "point_offsets"; "" when it is no plain name."""
    found = re.fullmatch(r"&?\s*(?:[\w.\[\]]|->|::)*?(\w+)", expression.strip())
    return found[1] if found else ""
