"""Metrics for node_exporter's text-file collector.

https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gpufix.model.fleet_report import FleetReport
from gpufix.text.clean import clean

_STATES = ("answered", "no answer", "nothing judged", "other version")


def render(report: FleetReport) -> str:
    """Gauges alone: each run replaces the file."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: FleetReport) -> Iterator[str]:
    yield from _family("gpufix_fleet_nodes", "Nodes by what they answered.")
    for state in _STATES:
        count = sum(node.state == state for node in report.nodes)
        yield _sample("gpufix_fleet_nodes", {"state": state}, count)
    yield from _family("gpufix_fleet_node_odd", "1: the node differs, or gave no whole answer.")
    for node in report.nodes:
        labels = {"node": node.name, "state": node.state}
        yield _sample(
            "gpufix_fleet_node_odd", labels, int(bool(node.odd or node.state != "answered"))
        )
    yield from _family("gpufix_fleet_section_odd", "1: this section of the node differs.")
    for node in report.nodes:
        for section in node.odd:
            yield _sample("gpufix_fleet_section_odd", {"node": node.name, "section": section}, 1)
    yield from _family("gpufix_fleet_differences", "Things that are not alike on all nodes.")
    for section, count in _by_section(report):
        yield _sample("gpufix_fleet_differences", {"section": section}, count)
    yield from _family("gpufix_fleet_findings", "Nodes with a finding of a rule.")
    nodes: dict[tuple[str, str], int] = {}
    for finding in report.findings:
        key = finding.code, finding.severity.value
        nodes[key] = nodes.get(key, 0) + finding.count
    for (code, severity), count in nodes.items():
        yield _sample("gpufix_fleet_findings", {"code": code, "severity": severity}, count)


def _family(name: str, about: str) -> Iterable[str]:
    return f"# HELP {name} {about}", f"# TYPE {name} gauge"


def _by_section(report: FleetReport) -> Iterator[tuple[str, int]]:
    for section in report.alike:
        yield section, 0
    for section in dict.fromkeys(d.section for d in report.differences):
        shown = [d for d in report.differences if d.section == section]
        yield section, sum(1 + d.also_count for d in shown)


def _sample(name: str, labels: dict[str, str], value: int) -> str:
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{told}}} {value}"


def _escaped(text: str) -> str:
    return clean(text).replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
