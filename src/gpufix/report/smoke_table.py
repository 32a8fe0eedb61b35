"""`gpufix smoke` for people: one row a kernel, then what is wrong, then how it compares."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gpufix.model import Severity
from gpufix.model.smoke_result import (
    CaseRow,
    DeviceRow,
    KernelRow,
    SmokeComparison,
    SmokeReport,
    SpreadRow,
)
from gpufix.report import styles
from gpufix.report.terminal import Painter

Part = tuple[str, str]
_BAR = 10  # characters of a whole roof


def title_line(target: str, devices: Sequence[DeviceRow], ordinal: int | None = None) -> list[Part]:
    """The device's name and roofs, above its kernels. `ordinal` where there are several."""
    device = next((d for d in devices if d.target == target and ordinal in (None, d.ordinal)), None)
    target += "" if ordinal is None else f" GPU {ordinal}"
    if device is None:
        return [("\n" + target, "bold")]
    parts = [str(device.about.get("name") or "")[:22]]
    parts += [f"{device.bandwidth / 1e9:,.0f} GB/s"] if device.bandwidth else []
    parts += [f"{device.fp32 / 1e12:,.0f} fp32"] if device.fp32 else []
    parts += [f"{device.bf16 / 1e12:,.0f} bf16 TFLOP/s"] if device.bf16 else []
    return [(f"\n{target}", "bold"), (" " + " · ".join(p for p in parts if p), "dim")]


def kernel_line(row: KernelRow, verbose: bool) -> list[list[Part]]:
    """One line; with `verbose`, one more for each case."""
    shown = _telling(row.cases)
    first = [(f"  {row.kernel:<15.15} ", "bold"), _compiled(row), _validated(row)]
    lines = [[*first, *_figures(shown, with_name=True)]]
    if row.kernel == "torch_quick":
        return [lines[0][:3], *map(_quick_line, row.cases)]
    if verbose:
        for case in row.cases:
            mark = _mark(case)
            lines.append([(f"    {case.name:<26.26} ", "dim"), (f"{mark[0]:<5}", mark[1]),
                          *_figures(case, with_name=False)])  # fmt: skip
    return lines


def _mark(case: CaseRow) -> Part:
    return {"valid": ("✓", styles.GOOD), "wrong": ("✗", styles.BAD)}.get(case.status, ("–", "dim"))


def _quick_line(case: CaseRow) -> list[Part]:
    """A case of torch_quick: what was timed with its rate."""
    mark, style = _mark(case)
    parts = [(f"    {case.name:<14.14} ", "dim"), (f"{mark:<5}", style)]
    if case.time_ms is None:
        return [*parts, (case.why, "dim")]
    rate = f"{case.gb_s:,.0f} GB/s" if case.gb_s else ""
    rate = f"{case.tflop_s:,.1f} TFLOP/s" if case.tflop_s else rate
    share = f"  {case.fraction:.0%} {case.bound}" if case.fraction is not None else ""
    return [*parts, (f"{headline(case.time_ms.median):>9}{rate:>17}{share}", "")]


def headline(ms: float) -> str:
    """A time with three figures: 0.505 ms, 9.51 µs."""
    if ms < 0.1:
        return f"{ms * 1e3:.3g} µs"
    return f"{ms:.3f} ms" if ms < 1 else f"{ms:.2f} ms" if ms < 100 else f"{ms:,.0f} ms"


def _telling(cases: Sequence[CaseRow]) -> CaseRow | None:
    """The longest of the judged cases, else of all."""
    timed = [case for case in cases if case.time_ms]
    return max(timed, key=_weight, default=None)


def _weight(case: CaseRow) -> tuple[bool, float]:
    assert case.time_ms is not None
    return case.judged, case.time_ms.median


def _compiled(row: KernelRow) -> Part:
    if row.compiled == "built":
        words = f"{row.compile_s:.1f} s" if row.compile_s else "✓"
        return f"{words:<8}", styles.GOOD
    style = {"cached": styles.GOOD, "not applicable": "dim", "not tried": "dim"}
    words = {"not applicable": "–", "not tried": "no tool"}.get(row.compiled, row.compiled)
    return f"{words:<8}", style.get(row.compiled, f"bold {styles.BAD}")


def _validated(row: KernelRow) -> Part:
    if row.ran == "ok":
        return "✓    ", styles.GOOD
    if row.ran in ("not run", "not applicable"):
        words = "not applicable" if row.ran == "not applicable" else "not run"
        return f"{words:<5}", "dim"
    return f"✗ {row.cause or row.ran}", f"bold {styles.BAD}"


def _figures(case: CaseRow | None, with_name: bool) -> list[Part]:
    if case is None or case.time_ms is None:
        return []
    name = f"{case.name:<13.13} " if with_name else ""
    time = (f"{name}{headline(case.time_ms.median):>9}", "")
    if case.fraction is None or case.bound is None:
        return [time]
    style = styles.NOTE if case.judged else "dim"  # of the others a small share means nothing
    share = f"{case.fraction:4.0%}" if case.fraction >= 0.005 else " <1%"
    filled = min(_BAR, round(case.fraction * _BAR))
    return [time, (" " + "█" * filled, style), ("░" * (_BAR - filled), "dim"),
            (f" {share} {case.bound}", "")]  # fmt: skip


_WIDTH = 80
_BLOCKS = str.maketrans({"█": "#", "░": ".", "µ": "u"})


def show(report: SmokeReport, verbose: bool = False) -> None:
    """To standard output."""
    _paint(report, Console(), verbose)


def text(report: SmokeReport, verbose: bool = False) -> str:
    """As plain text of 80 columns."""
    nowhere = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    console = Console(width=_WIDTH, color_system=None, record=True, file=nowhere)
    _paint(report, console, verbose)
    return console.export_text()


def _paint(report: SmokeReport, console: Console, verbose: bool) -> None:
    painter = Painter(console, verbose)
    _header(painter, report)
    groups = list(dict.fromkeys((row.target, row.ordinal) for row in report.kernels))
    several = Counter(target for target, _ in groups)
    for target, ordinal in groups:
        named = ordinal if several[target] > 1 else None
        _line(painter, title_line(target, report.devices, named))
        for row in report.kernels:
            if (row.target, row.ordinal) == (target, ordinal):
                for line in kernel_line(row, verbose):
                    _line(painter, line)
    if report.spreads:
        _spreads(painter, report.spreads)
    for finding in report.findings:
        painter.finding(finding)
    if report.comparison:
        _comparison(painter, report.comparison, verbose)
    console.print()
    for note in report.notes:
        painter.print(painter.text(("note: ", styles.NOTE), note))
    _verdict(painter, report)


def _header(painter: Painter, report: SmokeReport) -> None:
    patient = report.patient
    parts = [patient.torch or "no torch", patient.platform]
    painter.print(painter.text(("gpufix smoke ", "bold"), " · ".join(parts)))
    for row in report.compilers:
        where = f"{row.compiler} for {', '.join(row.targets)}"
        painter.print(painter.text((where, "dim")))
        painter.print(painter.text((row.version, "dim")), indent=2)


def _line(painter: Painter, parts: Sequence[tuple[str, str]]) -> None:
    """A row of fixed width: never folded."""
    line = painter.text(*parts)
    if painter.plain:
        spans = line.spans
        line = Text(line.plain.translate(_BLOCKS), spans=spans)
    line.rstrip()
    painter.console.print(line, soft_wrap=True, highlight=False, no_wrap=True)


def _spreads(painter: Painter, spreads: Sequence[SpreadRow]) -> None:
    painter.console.print()
    painter.print(painter.text(("spread over GPUs of one kind", "bold")))
    for row in spreads:
        name = f"{row.kernel} {row.case}"
        times = f"{headline(min(row.times_ms))} … {headline(max(row.times_ms))}"
        slowest = f"slowest GPU {row.slowest}: {row.ratio:.3f} ×"
        _line(painter, [(f"  {row.target:<8.8} {name:<20.20}", ""), (f"{times:>22}", ""),
                        (f"  {slowest}", "dim")])  # fmt: skip


def _comparison(painter: Painter, beside: SmokeComparison, verbose: bool) -> None:
    painter.console.print()
    devices = ", ".join(beside.devices) or "no device"
    painter.print(painter.text(("compared with ", "bold"), f"{beside.file} ({devices})"))
    for change in sorted(beside.changes, key=lambda c: -c.ratio):
        if not (verbose or change.regression or abs(change.ratio - 1) > 0.1):
            continue
        mark, style = ("✗", f"bold {styles.BAD}") if change.regression else ("✓", styles.GOOD)
        place = f" GPU {change.ordinal}" if change.ordinal else ""
        name = f"{change.kernel} {change.case}{place}"
        times = f"{headline(change.then_ms)} → {headline(change.now_ms)}"
        _line(painter, [(f"  {mark} ", style), (f"{name:<28.28}", ""), (f"{times:>26}", ""),
                        (f"  {change.ratio:.2f} ×", style)])  # fmt: skip
    worse = sum(change.regression for change in beside.changes)
    tally = f"{len(beside.changes)} medians, {worse} slower by more than 10%"
    left = f"; {beside.left_out} without a counterpart" if beside.left_out else ""
    painter.print(painter.text(tally + left), indent=2)


def _verdict(painter: Painter, report: SmokeReport) -> None:
    errors = sum(f.severity is Severity.error for f in report.findings)
    advice = len(report.findings) - errors
    rows = report.kernels
    built = {(row.kernel, row.target): row.compiled for row in rows}
    compiled = sum(state in ("built", "cached") for state in built.values())
    wanted = sum(state != "not applicable" for state in built.values())
    validated = sum(row.ran == "ok" for row in rows)
    apply = sum(row.ran != "not applicable" for row in rows)
    ran = any(row.ran not in ("not run", "not applicable") for row in rows)
    parts = [f"{compiled} of {wanted} compiled"] if wanted or not ran else []
    parts += [f"{validated} of {apply} validated"] if ran else []
    parts += [f"{advice} advice"] if advice else []
    tally = ", ".join(parts)
    mark, style = ("✗ faults", f"bold {styles.BAD}") if errors else ("✓ ok", f"bold {styles.GOOD}")
    painter.print(painter.text((mark, style), f": {tally} in {report.seconds:.0f} s"))
