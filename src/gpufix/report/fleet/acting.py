"""What schedulers take: a drain reason, a list to exclude, labels and taints. Printed, never run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from gpufix.fleet.ranges import fold
from gpufix.fleet.report import odd_nodes
from gpufix.model.fleet_report import FleetNode, FleetReport
from gpufix.report.fleet.table import shortened
from gpufix.text.clean import clean

_REASON = 200  # characters of a drain reason
_SHORT = 80  # node-problem-detector's max_output_length by default
OK, PROBLEM, UNKNOWN = 0, 1, 2  # of a plug-in of node-problem-detector


def exclude(report: FleetReport) -> str:
    """For `sbatch --exclude=$(…)`: one line, empty where every node is well."""
    return f"{fold(node.name for node in odd_nodes(report.nodes))}\n"


def drain(report: FleetReport) -> str:
    """Commands of scontrol: nodes with the same reason in one."""
    by_reason: dict[str, list[str]] = {}
    for node in odd_nodes(report.nodes):
        by_reason.setdefault(reason(report, node), []).append(node.name)
    lines = [
        f"scontrol update NodeName={shlex.quote(fold(names))} State=DRAIN Reason={shlex.quote(why)}"
        for why, names in by_reason.items()
    ]
    return "".join(f"{line}\n" for line in lines)


def reason(report: FleetReport, node: FleetNode, most: int = _REASON) -> str:
    """Why somebody should look at a node: "gpufix: driver NVIDIA driver 550.54 (usual: 570.86)"."""
    told: list[str] = [node.state if node.state != "answered" else ""]
    told += [node.problem or ""]
    told += list(_told(report, node.name))
    text = clean(f"gpufix: {'; '.join(filter(None, told)) or 'differs'}")
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _told(report: FleetReport, name: str) -> Iterator[str]:
    for difference in report.differences:
        for value in difference.values:
            if difference.compared and not value.reference and name in value.names:
                has = shortened(value.value)
                yield f"{difference.name} {has} (usual: {shortened(difference.usual)})"


_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
LABEL, TAINT = "gpufix.dev/odd", "gpufix.dev/odd=true:NoSchedule"


def kubernetes(report: FleetReport) -> str:
    """Commands of kubectl, a label and a taint for each node; those that are well lose theirs."""
    lines = ["# Nothing of this has been run. Undo: kubectl taint nodes NODE gpufix.dev/odd-"]
    odd = {node.name for node in odd_nodes(report.nodes)}
    for node in report.nodes:
        if not _NAME.fullmatch(node.name):
            lines.append(f"# {clean(node.name)} is no name of a Kubernetes node")
        elif node.name in odd:
            sections = ".".join(node.odd)[:63].strip(".") or node.state.replace(" ", "-")
            why = shlex.quote(f"gpufix.dev/reason={reason(report, node)}")
            lines.append(f"kubectl label nodes {node.name} --overwrite {LABEL}={sections}")
            lines.append(f"kubectl annotate nodes {node.name} --overwrite {why}")
            lines.append(f"kubectl taint nodes {node.name} --overwrite {TAINT}")
    return "".join(f"{line}\n" for line in lines)


def detector(report: FleetReport, nodes: Sequence[FleetNode]) -> tuple[str, int]:
    """One line of at most 80 characters, and the exit code that goes with it.

    https://github.com/kubernetes/node-problem-detector/blob/master/docs/custom_plugin_monitor.md
    """
    for node in nodes:
        if node.odd:
            return _cut(reason(report, node, _SHORT)), PROBLEM
    errors = [finding for finding in report.findings if finding.severity.value == "error"]
    if errors:
        return _cut(f"gpufix: {errors[0].code} {clean(errors[0].message)}"), PROBLEM
    for node in nodes:
        if node.state != "answered":
            return _cut(reason(report, node, _SHORT)), UNKNOWN
    if not nodes:
        return "gpufix: no node", UNKNOWN
    return "gpufix: as the others", OK


def _cut(text: str) -> str:
    return text if len(text) <= _SHORT else f"{text[: _SHORT - 3]}..."
