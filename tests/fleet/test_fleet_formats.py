"""Forms of the report for those who act: JSON, HTML, Prometheus, Slurm, Kubernetes, a plug-in."""

from __future__ import annotations

import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import pytest
from answers import alike, driver, lost, made, node, overwritten, variable, without

from gpufix.fleet.inputs import Reading
from gpufix.model.fleet_report import FleetReport
from gpufix.report.fleet import acting, page, prometheus
from gpufix.report.fleet import json as as_json

SCHEMA = Path(__file__).parents[2] / "docs/schema/fleet.json"


def mixed(*more: Reading) -> FleetReport:
    return made(*alike(4), node("node05", driver("550.54")), lost("node06"), *more)


def test_json_is_what_its_schema_says() -> None:
    data = json.loads(as_json.render(mixed()))
    jsonschema.validate(data, json.loads(SCHEMA.read_text()))
    assert data["summary"] == {
        "verdict": "incomplete", "nodes": 6, "answered": 5, "odd": 1, "error": 0, "warning": 0,
        "advice": 0,
    }  # fmt: skip
    assert data["differences"][0]["values"][1] == {
        "value": "550.54", "nodes": "node05", "count": 1, "reference": False,
    }  # fmt: skip


class Cells(HTMLParser):
    """Rows of the table, each cell as (class, text), and every tag that was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[tuple[str, str]]] = []
        self.tags: set[str] = set()
        self._cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        self._cell = tag in ("td", "th")
        if self._cell:
            self.rows[-1].append((dict(attrs).get("class") or "", ""))

    def handle_data(self, data: str) -> None:
        if self._cell and self.rows and self.rows[-1]:
            kind, text = self.rows[-1][-1]
            self.rows[-1][-1] = kind, text + data


def test_html_is_a_matrix_in_which_drift_stands_out() -> None:
    parser = Cells()
    parser.feed(page.render(mixed(node("<script>", variable("NCCL_X", "<b>")))))
    rows = {row[0][1]: row[1:] for row in parser.rows}
    assert ("odd", "550.54") in rows["node05"]
    assert all(kind == "" for kind, _ in rows["node01"])
    assert rows["node06"][0][1] == "no answer: no answer within 60 s"
    assert {kind for kind, _ in rows["node06"][1:]} == {"unseen"}
    assert ("odd", "<b>") in rows["<script>"]
    assert "script" not in parser.tags and "b" not in parser.tags


_SAMPLE = re.compile(r'[a-z_]+\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\} \d+')


def test_prometheus_text_format() -> None:
    text = prometheus.render(mixed(node('a"b\\c', variable("NCCL_X", "1"))))
    assert text.endswith("\n")
    for line in text.splitlines():
        assert line.startswith(
            ("# HELP gpufix_fleet_", "# TYPE gpufix_fleet_")
        ) or _SAMPLE.fullmatch(line)
    assert 'gpufix_fleet_nodes{state="answered"} 6' in text
    assert 'gpufix_fleet_node_odd{node="node05",state="answered"} 1' in text
    assert 'gpufix_fleet_section_odd{node="node05",section="driver"} 1' in text
    assert 'gpufix_fleet_differences{section="gpus"} 0' in text
    assert r'node="a\"b\\c"' in text


def test_slurm() -> None:
    found = mixed(lost("node07"), node("node08", overwritten))
    assert acting.exclude(found) == "node[05-08]\n"
    lines = [shlex.split(line) for line in acting.drain(found).splitlines()]
    assert [line[2:4] for line in lines] == [
        ["NodeName=node05", "State=DRAIN"],
        ["NodeName=node[06-07]", "State=DRAIN"],
        ["NodeName=node08", "State=DRAIN"],
    ]
    assert lines[0][4].startswith("Reason=gpufix: NVIDIA driver 550.54 (usual: 570.86)")
    assert lines[1][4] == "Reason=gpufix: no answer; no answer within 60 s"
    assert acting.exclude(made(*alike(3))) == "\n"


def test_a_reason_is_one_safe_word() -> None:
    bad = variable("NCCL_X", "'; reboot; \x1b[31m\n" + "x" * 400)
    line = acting.drain(made(*alike(3), node("node04", bad))).rstrip("\n")
    words = shlex.split(line)
    assert len(words) == 5 and len(words[4]) <= len("Reason=") + 200
    assert line.isprintable()


def test_kubernetes_commands() -> None:
    found = made(*alike(3), node("node04", driver("1")), lost("Not_A_Name"))
    lines = acting.kubernetes(found).splitlines()
    assert lines[1] == "# Not_A_Name is no name of a Kubernetes node"
    assert lines[2] == "kubectl label nodes node04 --overwrite gpufix.dev/odd=driver"
    assert lines[4] == "kubectl taint nodes node04 --overwrite gpufix.dev/odd=true:NoSchedule"
    assert not any("node01" in line for line in lines)


NOTHING = (
    without("python", None),
    without("torch", None),
    without("distributions", []),
    without("binaries", {}),
)


@pytest.mark.parametrize(
    ("reading", "line", "code"),
    [
        (node("a"), "gpufix: as the others", 0),
        (node("a", driver("1")), "gpufix: NVIDIA driver 1 (usual: 570.86); NVIDIA kernel module 1 (usual: 570.86)", 1),
        (lost("a"), "gpufix: no answer; no answer within 60 s", 2),
        (node("a", *NOTHING), "gpufix: nothing judged; no environment is active, and neither the project nor...", 2),
    ],
)  # fmt: skip
def test_node_problem_detector(reading: Reading, line: str, code: int) -> None:
    """Exit 0 is well, 1 a problem, 2 unknown; its line has 80 characters at most."""
    from gpufix.fleet.report import FleetRequest

    found = made(reading, request=FleetRequest(reference=node("good")))
    said, exited = acting.detector(found, found.nodes)
    assert (said, exited) == (line, code)
    assert len(said) <= 80
