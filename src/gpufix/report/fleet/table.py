"""The report for people: who gave no answer, what differs and where, what the rules say."""

from __future__ import annotations

from collections.abc import Sequence

from gpufix.fleet.ranges import fold
from gpufix.fleet.report import natural
from gpufix.model.finding import Severity
from gpufix.model.fleet_report import Difference, FleetNode, FleetReport, FleetValue
from gpufix.report import styles
from gpufix.report.lines import Lines, Part
from gpufix.text.clean import counted

_STATES = ("no answer", "other version", "nothing judged")
_STYLES = {
    Severity.error: f"bold {styles.BAD}",
    Severity.warning: f"bold {styles.WARN}",
    Severity.advice: styles.NOTE,
}
_LONG = 160  # characters of one value
_GAPS = 5  # reasons of things that were not seen


def lines(report: FleetReport) -> Lines:
    """The whole report, from the verdict down."""
    out = Lines()
    _head(out, report)
    for state in _STATES:
        _without_answer(out, state, [node for node in report.nodes if node.state == state])
    if report.differences:
        out.add("")
        out.add(("What differs", "bold"))
        _differences(out, report.differences)
    if report.findings:
        out.add("")
        out.add(("What the rules say", "bold"))
        _findings(out, report)
    _unseen(out, report)
    _foot(out, report)
    return out


def _head(out: Lines, report: FleetReport) -> None:
    summary = report.summary
    told = [f"{summary.answered} answered"]
    for state in _STATES:
        number = sum(node.state == state for node in report.nodes)
        told += [f"{number} {state}"] if number else []
    kinds = counted(len(report.environments), "distinct environment")
    told += [kinds] if kinds else []
    out.add((counted(summary.nodes, "node") or "no node", "bold"), f": {' · '.join(told)}")
    if report.reference != "majority":
        out.add(f"compared with {report.reference}")


def _without_answer(out: Lines, state: str, nodes: Sequence[FleetNode]) -> None:
    """Nodes with the same problem share a line."""
    by_problem: dict[str, list[str]] = {}
    for node in nodes:
        by_problem.setdefault(node.problem or "", []).append(node.name)
    for problem, names in by_problem.items():
        told = f": {problem}" if problem else ""
        out.add(
            ("✗ ", f"bold {styles.BAD}"), (f"{state} ", styles.BAD), (fold(names), "bold"), told
        )


def _differences(out: Lines, differences: Sequence[Difference]) -> None:
    for difference in differences:
        note = f" ({difference.note})" if difference.note else ""
        what: list[Part] = [f"{difference.section} ", (difference.name, "bold"), ": "]
        code = f" {difference.code}" if difference.code else ""
        out.add(
            ("≠ ", f"bold {styles.WARN}"), *what, *_values(difference.values), note, (code, "dim")
        )
        if difference.also:
            more = difference.also_count - len(difference.also)
            rest = f" and {more} more" if more > 0 else ""
            out.add(f"    between the same nodes also: {', '.join(difference.also)}{rest}")


def _values(values: Sequence[FleetValue]) -> list[Part]:
    parts: list[Part] = []
    for number, value in enumerate(values):
        parts += [" · "] if number else []
        shown = (shortened(value.value), "" if value.reference else styles.WARN)
        parts += [shown, " on ", (value.nodes, "" if value.reference else "bold")]
    return parts


def shortened(value: str | None) -> str:
    """A value as it is shown: long ones are cut in the middle."""
    if value is None:
        return "absent"
    if value == "":
        return "empty"
    half = _LONG // 2
    return value if len(value) <= _LONG else f"{value[:half]} … {value[-half:]}"


def _findings(out: Lines, report: FleetReport) -> None:
    for finding in report.findings:
        out.add(
            (f"{finding.severity.value} ", _STYLES[finding.severity]),
            (f"{finding.code} ", "bold"),
            f"{finding.message} ",
            (f"[{finding.nodes}]", "dim"),
        )


def _unseen(out: Lines, report: FleetReport) -> None:
    shown = report.unseen[:_GAPS]
    for one in shown:
        out.add(("? ", "bold"), f"{one.section} not seen on {one.nodes}: {one.reason}")
    if len(report.unseen) > len(shown):
        out.add(f"  {len(report.unseen) - len(shown)} further reasons: --format json has them")
    for environment in report.environments:
        if environment.problem or environment.unjudged:
            why = environment.problem or environment.unjudged or ""
            out.add(("? ", "bold"), f"not judged on {environment.nodes}: {why}")


def _foot(out: Lines, report: FleetReport) -> None:
    out.add("")
    for inside in report.containers:
        out.add(f"judged inside a container ({inside.kind}): {inside.nodes}")
    for copy in report.copies:
        out.add(f"one copy of the environment ({copy.storage}) on {copy.nodes}")
    compared = report.summary.answered + (report.reference != "majority")
    if report.alike and compared > 1:
        out.add(f"alike: {', '.join(report.alike)}")
    odd = sorted((node.name for node in report.nodes if node.odd), key=natural)
    if odd:
        out.add("odd: ", (fold(odd), "bold"))
    sign = "✓" if report.summary.verdict == "alike" else "✗"
    out.add((f"{sign} {report.summary.verdict}", "bold"))
