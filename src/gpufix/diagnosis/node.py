"""The diagnosis of a node: the machine itself, without any environment."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import gpufix
from gpufix.checks.judge import Selection, judge
from gpufix.diagnosis.looked_at import looked_at
from gpufix.diagnosis.verdict import summarised
from gpufix.evidence.view import View
from gpufix.frozen import Frozen
from gpufix.model import Diagnosis, Facts, Finding, Gap, Node, NodeGpu, PatientSummary, PciGpu
from gpufix.plugins import all_rules
from gpufix.text.clean import counted


class NodeJudgement(Frozen):
    """What the rules on nodes say of one."""

    view: View
    findings: list[Finding]
    gaps: list[Gap]
    ignored: int
    judged: tuple[str, ...]


def judge_node(facts: Facts, selection: Selection) -> NodeJudgement:
    """Raises UnknownCode for what the user mistyped."""
    view = View(facts)
    rules, broken = all_rules(project=False, scope="node")
    chosen, ignored = selection.within(rules, "node")
    findings = [*broken, *judge(view, chosen)]
    gaps = list(dict.fromkeys([*facts.gaps, *view.gaps]))
    return NodeJudgement(view, findings, gaps, ignored, tuple(r.code for r in chosen if r.doctor))


def diagnose_node(facts: Facts, selection: Selection) -> Diagnosis:
    """The whole report of `gpufix doctor --node`."""
    found = judge_node(facts, selection)
    counts = summarised(
        found.findings, found.gaps, (), found.ignored, why_unjudged=unjudged_node(facts)
    )
    return Diagnosis(
        gpufix_version=gpufix.__version__,
        patient=PatientSummary(
            platform=f"{facts.host.os} {facts.host.machine}",
            node=_described(facts, facts.node) if facts.node else "not looked at",
        ),
        findings=_with_plans(found) if found.findings else [],
        gaps=found.gaps,
        summary=replace(counts, no_target=False),
        judged=found.judged,
        looked_at=looked_at(facts, len(found.judged)),
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
