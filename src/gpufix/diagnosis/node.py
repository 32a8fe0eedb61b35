"""The diagnosis of a node: the machine itself, without any environment."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import gpufix
from gpufix.checks.judge import Selection, judge
from gpufix.checks.registry import Rule
from gpufix.diagnosis.looked_at import looked_at
from gpufix.diagnosis.verdict import summarised
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import Diagnosis, Facts, Finding, Gap, Node, NodeGpu, PatientSummary, PciGpu
from gpufix.plugins import all_rules
from gpufix.text.clean import counted


class NodeRules(Frozen):
    """Those that were chosen, how many were not, and plugins that do not load."""

    chosen: tuple[Rule, ...]
    ignored: int
    broken: tuple[Finding, ...]


class NodeJudgement(Frozen):
    """What the rules on nodes say of one."""

    view: View
    findings: list[Finding]
    gaps: list[Gap]


def node_rules(selection: Selection) -> NodeRules:
    """Raises UnknownCode for what the user mistyped."""
    rules, broken = all_rules(project=False, scope="node")
    chosen, ignored = selection.within(rules, "node")
    return NodeRules(tuple(rule for rule in chosen if rule.doctor), ignored, tuple(broken))


def judge_node(facts: Facts, rules: NodeRules) -> NodeJudgement:
    """One node, by rules that hold for all of a fleet."""
    view = View(facts)
    findings = [*rules.broken, *judge(view, rules.chosen)]
    return NodeJudgement(view, findings, list(dict.fromkeys([*facts.gaps, *view.gaps])))


def diagnose_node(facts: Facts, selection: Selection) -> Diagnosis:
    """The whole report of `gpufix doctor --node`. Raises UnknownCode."""
    rules = node_rules(selection)
    found = judge_node(facts, rules)
    why = unjudged_node(facts) if rules.chosen else "none of the selected rules judges a node"
    counts = summarised(found.findings, found.gaps, (), rules.ignored, why_unjudged=why)
    judged = tuple(rule.code for rule in rules.chosen)
    return Diagnosis(
        gpufix_version=gpufix.__version__,
        patient=PatientSummary(
            platform=f"{facts.host.os} {facts.host.machine}",
            node=_described(facts, facts.node) if facts.node else "not looked at",
        ),
        findings=_with_plans(found) if found.findings else [],
        gaps=found.gaps,
        summary=replace(counts, no_target=False),
        judged=judged,
        looked_at=looked_at(facts, len(judged)),
    )


def unjudged_node(facts: Facts) -> str | None:
    """Why there was nothing to judge; None where there was, or nobody could look."""
    node = facts.node
    if node is None:
        return "the snapshot holds no node: make one by `gpufix snapshot --node`"
    ports = facts.network.infiniband if facts.network else None
    empty = node.gpus == [] and node.pci == [] and not ports
    return "neither a GPU nor an InfiniBand port is in this machine" if empty else None


def _with_plans(found: NodeJudgement) -> list[Finding]:
    from gpufix.diagnosis.diagnose import planned

    return planned(found.findings, found.view)


def _described(facts: Facts, node: Node) -> str:
    """ "8 × NVIDIA H200, driver 570.86.15, 9 RDMA ports"."""
    names = Counter(_model(gpu) for gpu in node.gpus or node.pci or ())
    parts = [f"{number} × {name}" for name, number in names.items()] or ["no GPU"]
    versions = (driver.kernel_version or driver.version for driver in facts.drivers)
    parts += [f"driver {version}" for version in versions if version]
    ports = facts.network.infiniband if facts.network else None
    parts += [counted(len(ports), "RDMA port")] if ports else []
    return ", ".join(parts)


def _model(gpu: NodeGpu | PciGpu) -> str:
    named = gpu.name if isinstance(gpu, NodeGpu) else None
    return named or {"nvidia": "NVIDIA GPU", "amd": "AMD GPU"}[gpu.vendor]
