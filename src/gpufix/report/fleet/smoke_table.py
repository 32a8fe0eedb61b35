"""`gpufix fleet smoke` for people, within 80 columns: a table a section, then what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from gpufix.fleet.ranges import fold
from gpufix.model.fleet_smoke import (
    FleetSmoke,
    SmokeAllReduce,
    SmokeCopy,
    SmokeGpu,
    SmokeRounds,
    SmokeSpread,
)
from gpufix.report import styles
from gpufix.report.fleet.table import shortened
from gpufix.report.lines import Lines
from gpufix.text.clean import counted

_ROWS = 16  # GPUs, copies and groups that have a row each
_WIDE = 8  # GPUs of a matrix
_PHASES = {"inside": "inside nodes", "between": "between nodes"}
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def lines(report: FleetSmoke) -> Lines:
    """The whole report."""
    out = Lines()
    _head(out, report)
    if report.gpus:
        _section(out, "GPUs", "what smoke --quick gives on each", _gpus(report))
    if report.copies:
        _section(out, "Copies inside nodes", "GB/s from row to column", _copies(report.copies))
    if report.allreduces:
        what = "all ranks wait for all; bus bandwidth, latency at 8 B"
        _section(out, "All-reduce", what, _allreduces(report.allreduces))
    if report.rounds:
        _section(out, "Pairs", "ranks exchange by twos; GB/s each way", _rounds(report.rounds))
    _found(out, report)
    return out


def _section(out: Lines, title: str, what: str, rows: Iterator[str]) -> None:
    out.add("")
    out.add((title, "bold"), (f" {what}", "dim"))
    for row in rows:
        out.add(f"  {row}".rstrip())


def _head(out: Lines, report: FleetSmoke) -> None:
    summary = report.summary
    told = [f"{summary.answered} answered"]
    told += [counted(summary.ranks, "rank")] if summary.ranks else []
    told += sorted({f"torch {node.torch}" for node in report.nodes if node.torch})[:3]
    out.add((counted(summary.nodes, "node") or "no node", "bold"), f": {' · '.join(told)}")
    if report.transports:
        out.add((f"by {', '.join(report.transports)}", "dim"))
    problems: dict[str, list[str]] = {}
    for node in report.nodes:
        if node.problem:
            problems.setdefault(node.problem, []).append(node.name)
    for problem, names in problems.items():
        out.add(("✗ ", f"bold {styles.BAD}"), (fold(names), "bold"), f": {problem}")


def _gpus(report: FleetSmoke) -> Iterator[str]:
    """A row each where they are few; else those that do not work, and the spreads."""
    few = len(report.gpus) <= _ROWS
    for gpu in report.gpus:
        if few or gpu.status != "ok":
            yield _gpu(gpu)
    if not few:
        well = sum(gpu.status == "ok" for gpu in report.gpus)
        yield f"{well} of {len(report.gpus)} work"
    yield from map(_spread, report.spreads)


def _gpu(gpu: SmokeGpu) -> str:
    name = f"{gpu.node} GPU {gpu.ordinal}"
    if gpu.status != "ok":
        return f"{name:<24} ✗ {shortened(gpu.cause or gpu.status)}"
    copy = f"{gpu.copy_gb_s:,.0f} GB/s" if gpu.copy_gb_s else ""
    product = f"{gpu.matmul_tflop_s:,.1f} TFLOP/s" if gpu.matmul_tflop_s else ""
    return f"{name:<24.24} {gpu.name:<22.22} {copy:>11} {product:>14}"


def _spread(row: SmokeSpread) -> str:
    return (
        f"{row.case:<7} {row.kind:<20.20} median of {row.gpus} {_time(row.median_ms / 1e3)}; "
        f"slowest {row.slowest}: {row.ratio:.3f} ×"
    )


def _copies(copies: Sequence[SmokeCopy]) -> Iterator[str]:
    """By the way between them; the matrix of one node."""
    ways: dict[tuple[str, bool | None], list[float]] = {}
    for copy in copies:
        ways.setdefault((copy.way, copy.access), []).append(copy.gb_s or 0.0)
    for (way, access), rates in ways.items():
        peer = {True: "peer access", False: "through the host", None: ""}[access]
        low, middle, high = min(rates), median(rates), max(rates)
        pairs = counted(len(rates), "pair")
        yield f"{way or 'unknown way':<22} {peer:<17} {pairs:<9} {low:,.1f} … {middle:,.1f} … {high:,.1f}"
    nodes = {copy.node for copy in copies}
    ends = sorted({copy.source for copy in copies})
    if len(nodes) == 1 and len(ends) <= _WIDE:
        rates_of = {(copy.source, copy.target): copy.gb_s for copy in copies}
        yield "      " + "".join(f"{f'GPU {end}':>8}" for end in ends)
        for one in ends:
            cells = (rates_of.get((one, two)) for two in ends)
            yield f"GPU {one:<2}" + "".join(f"{f'{c:,.1f}' if c else '–':>8}" for c in cells)


def _allreduces(rows: Sequence[SmokeAllReduce]) -> Iterator[str]:
    sizes = sorted({row.bytes for row in rows})
    yield f"{'':<20} {'ranks':>5}" + "".join(f"{_size(size):>13}" for size in sizes)
    groups = list(dict.fromkeys(row.group for row in rows))
    for group in sorted(groups[:_ROWS], key=lambda g: g != "all"):
        own = {row.bytes: row for row in rows if row.group == group}
        ranks = next(iter(own.values())).ranks
        name = "all ranks" if group == "all" else group
        yield f"{name:<20.20} {ranks:>5}" + "".join(f"{_reduced(own.get(s)):>13}" for s in sizes)
    if len(groups) > _ROWS:
        yield f"{len(groups) - _ROWS} more nodes: --format json has them"


def _reduced(row: SmokeAllReduce | None) -> str:
    if row is None:
        return ""
    shown = _time(row.seconds) if row.bytes <= 8 else f"{_rate(row.bus_gb_s)} GB/s"
    return shown if row.right else f"✗ {shown}"


def _rounds(rows: Sequence[SmokeRounds]) -> Iterator[str]:
    for row in rows:
        yield (
            f"{_PHASES[row.phase]:<14} {counted(row.pairs, 'pair')} of {row.ranks} ranks in "
            f"{counted(row.rounds, 'round')}; median {_rate(row.median_gb_s)}, "
            f"least {_rate(row.slowest_gb_s)}"
        )
        yield f"{'':<14} {row.slowest}; named from {row.limit:.2f} × on (noise {row.noise:.0%})"


def _found(out: Lines, report: FleetSmoke) -> None:
    out.add("")
    for finding in report.findings:
        out.add(
            (f"{finding.severity.value} ", styles.SEVERITY[finding.severity]),
            (f"{finding.code} ", "bold"),
            finding.message,
        )
    for note in report.notes:
        out.add(("note: ", styles.NOTE), note)
    summary = report.summary
    good = summary.verdict in ("well", "nothing compared")
    out.add(
        (
            f"{'✓' if good else '✗'} {summary.verdict}",
            f"bold {styles.GOOD if good else styles.BAD}",
        ),
        f" in {summary.seconds:.0f} s",
    )


def _rate(gb_s: float) -> str:
    return f"{gb_s:,.1f}" if gb_s >= 10 else f"{gb_s:.3f}"


def _size(size: int) -> str:
    return next((f"{size // unit} {name}" for unit, name in _UNITS if size >= unit), f"{size} B")


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.1f} s"
