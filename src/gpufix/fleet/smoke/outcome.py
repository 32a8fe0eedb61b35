"""What has been found so far, the report made of it, and the exit code."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import gpufix
from gpufix.checks.registry import Rule
from gpufix.diagnosis.verdict import FINDINGS, Gate
from gpufix.fleet.ranges import fold
from gpufix.fleet.report import natural
from gpufix.fleet.smoke.answers import Looked
from gpufix.model.finding import Severity
from gpufix.model.fleet_report import FleetFinding
from gpufix.model.fleet_smoke import (
    FleetSmoke,
    FleetSmokeSummary,
    SmokeAllReduce,
    SmokeCopy,
    SmokeGpu,
    SmokeLost,
    SmokeNode,
    SmokeRounds,
    SmokeSlow,
    SmokeSpread,
)


@dataclass
class Outcome:
    """Filled step by step. `unfit`: nodes that answered and take no part; `gone`: that did once."""

    device: Literal["cuda", "cpu"]
    nodes: list[Looked]
    gpus: list[SmokeGpu] = field(default_factory=list)
    spreads: list[SmokeSpread] = field(default_factory=list)
    copies: list[SmokeCopy] = field(default_factory=list)
    transports: list[str] = field(default_factory=list)
    allreduces: list[SmokeAllReduce] = field(default_factory=list)
    rounds: list[SmokeRounds] = field(default_factory=list)
    slow: list[SmokeSlow] = field(default_factory=list)
    lost: list[SmokeLost] = field(default_factory=list)
    findings: list[FleetFinding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unfit: dict[str, str] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    ways: dict[str, tuple[str, str]] = field(default_factory=dict)  # node -> interface, address
    ranks: dict[str, int] = field(default_factory=dict)
    met: bool = False

    def find(
        self, rule: Rule, severity: Severity, subject: str, message: str, nodes: list[str]
    ) -> None:
        """A finding about some nodes."""
        self.findings.append(
            FleetFinding(
                code=rule.code,
                severity=severity,
                subject=subject,
                message=message,
                nodes=fold(nodes),
                count=len(set(nodes)),
            )
        )


def assembled(found: Outcome, seconds: float) -> FleetSmoke:
    """The report."""
    nodes = [_node(found, one) for one in found.nodes]
    counts = {s: sum(f.severity is s for f in found.findings) for s in Severity}
    return FleetSmoke(
        gpufix_version=gpufix.__version__,
        device=found.device,
        nodes=sorted(nodes, key=lambda node: natural(node.name)),
        gpus=found.gpus,
        spreads=found.spreads,
        copies=found.copies,
        transports=found.transports,
        allreduces=found.allreduces,
        rounds=found.rounds,
        slow=found.slow,
        lost=found.lost,
        findings=sorted(found.findings, key=lambda f: -f.severity.rank),
        notes=found.notes,
        summary=FleetSmokeSummary(
            verdict=_verdict(found, nodes),
            nodes=len(nodes),
            answered=sum(node.problem is None for node in nodes),
            ranks=sum(node.ranks for node in nodes),
            slow=len(found.slow),
            lost=len(found.lost),
            error=counts[Severity.error],
            warning=counts[Severity.warning],
            advice=counts[Severity.advice],
            seconds=round(seconds, 1),
        ),
    )


def _node(found: Outcome, one: Looked) -> SmokeNode:
    problem = one.problem or found.unfit.get(one.node) or found.gone.get(one.node)
    interface, address = found.ways.get(one.node, ("", ""))
    return SmokeNode(
        name=one.node,
        problem=problem,
        torch=one.torch,
        gpus=one.devices,
        ranks=found.ranks.get(one.node, 0),
        interface=interface or None,
        address=address or None,
    )


def _verdict(
    found: Outcome, nodes: list[SmokeNode]
) -> Literal["well", "faults", "incomplete", "nothing compared", "nothing run"]:
    if not found.gpus and not found.met:
        return "nothing run"
    if found.findings or found.slow:
        return "faults"
    if found.lost or any(node.problem for node in nodes):
        return "incomplete"
    return "well" if found.rounds or found.allreduces or found.spreads else "nothing compared"


def exit_code(made: FleetSmoke, gate: Gate) -> int:
    """0 all well; 1 a node or rank is lost, somebody is slow, or a finding is severe enough."""
    if gate.least is None:
        return 0
    summary = made.summary
    if summary.answered < summary.nodes or summary.lost or summary.slow:
        return FINDINGS
    if any(f.severity.rank >= gate.least.rank for f in made.findings):
        return FINDINGS
    return FINDINGS if summary.verdict == "nothing run" else 0
