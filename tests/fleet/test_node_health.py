"""Each node of a fleet is judged by the rules on nodes; alike findings of several are one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "checks"))

import nodes as n
from answers import alike, made, node

from gpufix.checks.judge import Selection
from gpufix.diagnosis.verdict import Gate
from gpufix.fleet.report import FleetRequest, exit_code
from gpufix.model import FabricManager
from gpufix.model.base import to_json
from gpufix.model.finding import Severity
from gpufix.report.fleet import table

GPUS = [n.gpu(0, ecc_uncorrected=1), n.gpu(1)]
BROKEN = to_json(n.node(GPUS, pci=[], fabric=FabricManager(switches=0)))


def broken(data: dict[str, Any]) -> None:
    data["node"] = BROKEN


def closed(data: dict[str, Any]) -> None:
    data["node"] |= {"gpus": BROKEN["gpus"][1:], "log": None, "unread": {"log": "closed"}}


def test_alike_findings_are_one_line() -> None:
    readings = [*alike(2), node("node03", broken), node("node04", broken)]
    report = made(*readings)
    found = [f for f in report.findings if f.code == "NOD1111"]
    assert [(f.subject, f.nodes, f.count) for f in found] == [("GPU 0", "node[03-04]", 2)]
    assert report.summary.error == 1
    assert exit_code(report, Gate(Severity.error)) == 1
    text = table.lines(report).plain()
    assert "error NOD1111 GPU 0: 1 uncorrected memory error since the driver was loaded." in text


def test_what_could_not_be_read_is_not_seen() -> None:
    report = made(*alike(2), node("node03", closed))
    seen = [(one.section, one.nodes, one.reason) for one in report.unseen]
    assert ("node", "node03", "kernel log: closed") in seen
    assert exit_code(report, Gate(None, strict=True)) == 1


def test_the_users_selection_holds() -> None:
    ignored = FleetRequest(selection=Selection(ignore=("NOD",)))
    assert made(node("node01", broken), request=ignored).findings == []


def test_an_answer_from_before_there_were_nodes() -> None:
    report = made(*alike(2), node("node03", lambda data: data.pop("node")))
    assert report.findings == []
    assert [u.reason for u in report.unseen] == ["the snapshot does not hold it"]


def test_what_is_no_node_is_not_judged() -> None:
    report = made(node("node01", lambda data: data["node"].update(uptime="never")))
    assert report.findings == []
    assert [u.section for u in report.unseen] == ["node"]
    assert "node.uptime" in report.unseen[0].reason
