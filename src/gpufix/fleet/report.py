"""From readings to the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace

import gpufix
from gpufix.checks.judge import INTERNAL_CODES, Selection
from gpufix.diagnosis.verdict import FINDINGS, INTERNAL, Gate
from gpufix.fleet.collected import DAMAGED, Collected
from gpufix.fleet.compare import compare
from gpufix.fleet.inputs import Reading
from gpufix.fleet.judging import judge
from gpufix.fleet.node_health import NodeHealth
from gpufix.fleet.ranges import fold
from gpufix.fleet.sections import SECTIONS, rows
from gpufix.frozen import Frozen
from gpufix.model.finding import Severity
from gpufix.model.fleet_report import (
    FleetContainer,
    FleetCopy,
    FleetNode,
    FleetReport,
    FleetSummary,
    FleetUnseen,
)


class FleetRequest(Frozen):
    """What the user asked. `reference`: what to compare with, None = the majority."""

    gpus: tuple[str, ...] = ()
    selection: Selection = field(default_factory=Selection)
    reference: Reading | None = None


class NoReference(ValueError):
    """The reference that was named holds no snapshot."""


def report(readings: Iterable[Reading], request: FleetRequest) -> FleetReport:
    """Raises NoReference, and GpuNameError and UnknownCode for what the user mistyped."""
    wanted = _reference(request.reference)
    collected, health = Collected(), NodeHealth(request.selection)
    for reading in readings:
        collected.add(reading)
        last = collected.nodes[-1]
        health.add(last.name, reading.facts, whole=last.state != "other version")
    found = compare(collected, wanted)
    judged = judge(collected, request.gpus, request.selection)
    nodes = [
        replace(node, odd=found.odd.get(profile, [])) if profile is not None else node
        for node, profile in zip(collected.nodes, collected.profile_of, strict=True)
    ]
    nodes.sort(key=lambda node: natural(node.name))
    findings = sorted([*judged.findings, *health.findings()], key=lambda f: -f.severity.rank)
    counts = {s: sum(f.severity is s for f in findings) for s in Severity}
    differing = {difference.section for difference in found.differences}
    made = FleetReport(
        gpufix_version=gpufix.__version__,
        reference=request.reference.node if request.reference else "majority",
        nodes=nodes,
        differences=found.differences,
        alike=[section for section in SECTIONS if section not in differing],
        unseen=[*_unseen(collected), *health.unseen()],
        findings=findings,
        environments=judged.environments,
        copies=list(_copies(collected)),
        containers=list(_containers(collected)),
        summary=FleetSummary(
            verdict="alike",
            nodes=len(nodes),
            answered=sum(node.state == "answered" for node in nodes),
            odd=sum(bool(node.odd) for node in nodes),
            error=counts[Severity.error],
            warning=counts[Severity.warning],
            advice=counts[Severity.advice],
        ),
    )
    return replace(made, summary=_judged(made))


def _reference(reading: Reading | None) -> dict[str, dict[str, str]] | None:
    if reading is None:
        return None
    if reading.facts is None:
        raise NoReference(f"{reading.node}: {reading.problem}")
    try:
        return {section: rows(section, reading.facts) for section in SECTIONS}
    except DAMAGED as error:
        raise NoReference(f"{reading.node}: not a snapshot: {error}") from None


def _judged(made: FleetReport) -> FleetSummary:
    """What stands first decides: a node without an answer is never passed over."""
    summary = made.summary
    if not made.nodes or all(node.state == "nothing judged" for node in made.nodes):
        return replace(summary, verdict="nothing judged")
    if summary.answered < summary.nodes or any(e.problem for e in made.environments):
        return replace(summary, verdict="incomplete")
    if summary.error or summary.warning:
        return replace(summary, verdict="faults")
    return replace(summary, verdict="differs" if made.differences else "alike")


def natural(name: str) -> tuple[tuple[str, int], ...]:
    """node2 before node10."""
    found = re.findall(r"(\D*)(\d{0,18})", name)
    return tuple((text, int(number or 0)) for text, number in found)


def _unseen(collected: Collected) -> Iterator[FleetUnseen]:
    for (section, reason), names in collected.unseen.items():
        yield FleetUnseen(section=section, nodes=fold(names), count=len(names), reason=reason)


def _copies(collected: Collected) -> Iterator[FleetCopy]:
    for (_, storage), names in collected.copies.items():
        if len(names) > 1:
            yield FleetCopy(storage=storage, nodes=fold(names), count=len(names))


def _containers(collected: Collected) -> Iterator[FleetContainer]:
    place = list(SECTIONS).index("image")
    found: dict[str, list[str]] = {}
    for node, profile in zip(collected.nodes, collected.profile_of, strict=True):
        if profile is not None:
            variant = collected.profiles[profile][place].variant
            kind = collected.variants["image"][variant].get("container")
            if kind is not None:
                found.setdefault(kind, []).append(node.name)
    for kind, names in found.items():
        yield FleetContainer(kind=kind, nodes=fold(names), count=len(names))


def exit_code(made: FleetReport, gate: Gate) -> int:
    """As doctor's: 0 clean, 1 findings, a node that is odd or gave no answer, 3 a crashed rule."""
    if any(finding.code in INTERNAL_CODES for finding in made.findings):
        return INTERNAL
    if gate.least is None and not gate.strict:
        return 0
    if made.summary.answered < made.summary.nodes or made.differences or not made.nodes:
        return FINDINGS
    least = gate.least.rank if gate.least is not None else None
    if least is not None and any(f.severity.rank >= least for f in made.findings):
        return FINDINGS
    unseen = bool(made.unseen) or any(e.gaps or e.problem for e in made.environments)
    return FINDINGS if gate.strict and unseen else 0


def odd_nodes(nodes: Sequence[FleetNode]) -> list[FleetNode]:
    """Those that somebody should look at."""
    return [node for node in nodes if node.odd or node.state != "answered"]
