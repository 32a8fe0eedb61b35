"""`gpufix smoke` for people: one row a kernel, then what is wrong, then how it compares."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gpufix.model import Severity
from gpufix.model.smoke import Comparison, SmokeReport
from gpufix.report.smoke_rows import headline, kernel_line, title_line
from gpufix.report.terminal import Painter

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
    targets = list(dict.fromkeys(row.target for row in report.kernels))
    for target in targets:
        _line(painter, title_line(target, report.devices))
        for row in report.kernels:
            if row.target == target:
                for line in kernel_line(row, verbose):
                    _line(painter, line)
    for finding in report.findings:
        painter.finding(finding)
    if report.comparison:
        _comparison(painter, report.comparison, verbose)
    console.print()
    for note in report.notes:
        painter.print(painter.text(("note: ", "cyan"), note))
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


def _comparison(painter: Painter, beside: Comparison, verbose: bool) -> None:
    painter.console.print()
    devices = ", ".join(beside.devices) or "no device"
    painter.print(painter.text(("compared with ", "bold"), f"{beside.file} ({devices})"))
    for change in sorted(beside.changes, key=lambda c: -c.ratio):
        if not (verbose or change.regression or abs(change.ratio - 1) > 0.1):
            continue
        mark, style = ("✗", "bold red") if change.regression else ("✓", "green")
        name = f"{change.kernel} {change.case}"
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
    compiled = sum(row.compiled in ("built", "cached") for row in rows)
    validated = sum(row.ran == "ok" for row in rows)
    apply = sum("not applicable" not in (row.compiled, row.ran) for row in rows)
    ran = any(row.ran not in ("not run", "not applicable") for row in rows)
    tally = f"{compiled} of {sum(r.compiled != 'not applicable' for r in rows)} compiled"
    tally += f", {validated} of {apply} validated" if ran else ""
    tally += f", {advice} advice" if advice else ""
    mark, style = ("✗ faults", "bold red") if errors else ("✓ ok", "bold green")
    painter.print(painter.text((mark, style), f": {tally} in {report.seconds:.0f} s"))
