"""The rules on nodes, on each node of a fleet: no two nodes share their hardware."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gpufix.checks.judge import Selection
from gpufix.diagnosis.node import judge_node, node_rules
from gpufix.fleet.ranges import fold
from gpufix.model import SCHEMA_VERSION, Facts, Finding
from gpufix.model.base import Invalid, from_json
from gpufix.model.fleet_report import FleetFinding, FleetUnseen

_PARTS = ("host", "drivers", "environment", "network", "node")  # what these rules read


class NodeHealth:
    """What `add` was given, judged: alike findings and gaps of several nodes are one."""

    def __init__(self, selection: Selection) -> None:
        self._rules = node_rules(selection)
        self._found: dict[tuple[str, str, str], tuple[Finding, list[str]]] = {}
        self._unseen: dict[str, list[str]] = {}

    def add(self, name: str, facts: Mapping[str, Any] | None, whole: bool = True) -> None:
        """One node's answer. One without a node, from before there were any, is passed over.

        `whole`: what it lacks was not seen; another version's may not have looked for it.
        """
        if facts is None or not facts.get("node") or facts.get("schema_version") != SCHEMA_VERSION:
            return
        try:
            read = from_json(Facts, {part: facts[part] for part in _PARTS if part in facts})
        except Invalid as error:
            self._unseen.setdefault(f"not a node: {error}", []).append(name)
            return
        judged = judge_node(read, self._rules)
        for finding in judged.findings:
            key = finding.code, finding.subject, finding.message
            self._found.setdefault(key, (finding, []))[1].append(name)
        for gap in judged.gaps if whole else ():
            self._unseen.setdefault(f"{gap.subject}: {gap.reason}", []).append(name)

    def findings(self) -> list[FleetFinding]:
        """Worst first."""
        ordered = sorted(
            self._found.values(), key=lambda f: (-f[0].severity.rank, f[0].code, -len(f[1]))
        )
        return [_finding(finding, names) for finding, names in ordered]

    def unseen(self) -> Iterator[FleetUnseen]:
        """What nobody could look at, and where."""
        for reason, names in self._unseen.items():
            yield FleetUnseen(section="node", nodes=fold(names), count=len(names), reason=reason)


def _finding(finding: Finding, names: Sequence[str]) -> FleetFinding:
    return FleetFinding(
        code=finding.code,
        severity=finding.severity,
        subject=finding.subject,
        message=finding.message,
        nodes=fold(names),
        count=len(names),
    )
