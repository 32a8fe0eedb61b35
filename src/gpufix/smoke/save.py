"""Keeps a run in a file, reads one back, and puts two side by side."""

from __future__ import annotations

import json
from pathlib import Path

from gpufix.files import TooLarge, read_given
from gpufix.model.base import Invalid, from_json, to_json
from gpufix.model.smoke_result import Change, KernelRow, SmokeComparison, SmokeReport
from gpufix.text import json_output

MAX_BYTES = 16 << 20
REGRESSION = 1.10


class CorruptSave(ValueError):
    """Not a file that --save wrote; the message says where."""


def save(report: SmokeReport, path: Path) -> None:
    """Raises OSError. ASCII only."""
    path.write_text(dumps(report), encoding="ascii")


def dumps(report: SmokeReport) -> str:
    """The report as one JSON object with a newline."""
    return json_output.dumps(to_json(report)) + "\n"


def load(path: Path) -> SmokeReport:
    """Raises OSError, and CorruptSave naming the line or the field."""
    try:
        content = read_given(str(path), MAX_BYTES)
    except TooLarge as error:
        raise CorruptSave(f"{path}: {error.strerror}") from None
    try:
        return from_json(SmokeReport, json.loads(content))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CorruptSave(f"{path}: not JSON ({place}: {error.msg})") from None
    except Invalid as error:
        place = error.where or "the top level"
        raise CorruptSave(f"{path}: not a saved run (at {place}: {error.reason})") from None
    except (ValueError, RecursionError) as error:  # not UTF-8, a number beyond int, nested too deep
        raise CorruptSave(f"{path}: not a saved run ({str(error)[:200]})") from None


def compare(now: SmokeReport, then: SmokeReport, file: str) -> SmokeComparison:
    """Medians of the same kernel, case and sizes: of the same GPU, else of the first of its target,
    else of its only one."""
    changes: list[Change] = []
    left_out = 0
    for row in now.kernels:
        earlier = _counterpart(row, then)
        found = _changes(row, earlier)
        changes += found
        left_out += sum(case.time_ms is not None for case in row.cases) - len(found)
    return SmokeComparison(file=file, devices=_devices(then), changes=changes, left_out=left_out)


def _counterpart(row: KernelRow, then: SmokeReport) -> KernelRow | None:
    rows = [r for r in then.kernels if r.kernel == row.kernel and any(c.time_ms for c in r.cases)]
    same = [r for r in rows if r.target == row.target]
    own = [r for r in same if r.ordinal == row.ordinal]
    found = own or same or (rows if len(rows) == 1 else [])
    return found[0] if found else None


def _changes(row: KernelRow, earlier: KernelRow | None) -> list[Change]:
    before = {case.name: case for case in earlier.cases} if earlier else {}
    found = []
    for case in row.cases:
        then = before.get(case.name)
        if not case.time_ms or then is None or not then.time_ms or then.sizes != case.sizes:
            continue
        ratio = case.time_ms.median / then.time_ms.median
        found.append(
            Change(
                kernel=row.kernel,
                case=case.name,
                target=row.target,
                now_ms=case.time_ms.median,
                then_ms=then.time_ms.median,
                ratio=round(ratio, 4),
                # A median of microseconds can be off by chance: even the fastest run must be slower.
                regression=ratio > REGRESSION and case.time_ms.min > then.time_ms.median,
                ordinal=row.ordinal,
            )
        )
    return found


def _devices(report: SmokeReport) -> list[str]:
    return [str(device.about.get("name") or device.target) for device in report.devices]
