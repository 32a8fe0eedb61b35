"""The rules, once on each distinct environment."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gpufix.checks.judge import Selection
from gpufix.diagnosis.diagnose import Request, examine
from gpufix.diagnosis.unjudged import unjudged
from gpufix.diagnosis.verdict import summarised
from gpufix.fleet.collected import ENVIRONMENTS, Collected
from gpufix.fleet.ranges import fold
from gpufix.knowledge.gpus.models import resolve
from gpufix.model import Facts, Finding
from gpufix.model.base import Invalid, from_json
from gpufix.model.facts import conda_apart
from gpufix.model.fleet_report import FleetEnvironment, FleetFinding
from gpufix.plugins import all_rules


class Judged(NamedTuple):
    """The environments, and what was found in them: alike findings of several are one."""

    environments: list[FleetEnvironment]
    findings: list[FleetFinding]


def judge(collected: Collected, gpus: Sequence[str], selection: Selection) -> Judged:
    """Raises GpuNameError and UnknownCode for what the user mistyped."""
    for gpu in gpus:
        resolve(gpu)
    selection.apply(all_rules()[0])
    nodes = _nodes(collected)
    request = Request(tuple(gpus), selection)
    environments: list[FleetEnvironment] = []
    found: dict[tuple[str, str, str], tuple[Finding, list[str]]] = {}
    for number, distinct in enumerate(collected.environments):
        names = nodes[number]
        environment, findings = _one(distinct.node, distinct.packed, names, request)
        environments.append(environment)
        for finding in findings:
            key = finding.code, finding.subject, finding.message
            found.setdefault(key, (finding, []))[1].extend(names)
    rest = [name for number, names in nodes.items() if number >= ENVIRONMENTS for name in names]
    environments += _rest(rest)
    ordered = sorted(found.values(), key=lambda f: (-f[0].severity.rank, f[0].code, -len(f[1])))
    return Judged(environments, [_finding(finding, names) for finding, names in ordered])


def _nodes(collected: Collected) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for node in collected.nodes:
        if node.environment is not None:
            found.setdefault(node.environment, []).append(node.name)
    return found


def _one(
    node: str, packed: bytes, names: Sequence[str], request: Request
) -> tuple[FleetEnvironment, list[Finding]]:
    nodes, count = fold(names), len(names)
    try:
        facts = from_json(Facts, conda_apart(json.loads(zlib.decompress(packed))))
    except Invalid as error:
        wrong = FleetEnvironment(
            judged_on=node,
            nodes=nodes,
            count=count,
            verdict="incomplete",
            problem=f"not a snapshot: {error}",
        )
        return wrong, []
    judgement = examine(facts, request)
    gaps = list(dict.fromkeys([*facts.gaps, *judgement.view.gaps]))
    why = unjudged(facts, gaps, judgement.judged, judgement.findings)
    summary = summarised(
        judgement.findings, gaps, judgement.view.targets, judgement.ignored, why_unjudged=why
    )
    environment = FleetEnvironment(
        judged_on=node,
        nodes=nodes,
        count=count,
        verdict=summary.verdict,
        unjudged=summary.unjudged,
        gaps=len(gaps),
    )
    return environment, judgement.findings


def _rest(names: list[str]) -> Iterator[FleetEnvironment]:
    if names:
        yield FleetEnvironment(
            judged_on="",
            nodes=fold(names),
            count=len(names),
            verdict="incomplete",
            problem=f"not judged: there are more than {ENVIRONMENTS} distinct environments",
        )


def _finding(finding: Finding, names: Sequence[str]) -> FleetFinding:
    return FleetFinding(
        code=finding.code,
        severity=finding.severity,
        subject=finding.subject,
        message=finding.message,
        nodes=fold(names),
        count=len(set(names)),
    )
