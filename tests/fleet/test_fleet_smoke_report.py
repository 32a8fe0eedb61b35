"""`fleet smoke` from an engine's answers to the report, without torch: who takes part, what is printed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gpufix.diagnosis.verdict import Gate
from gpufix.fleet.engines import Answer, CannotReach, Work, words
from gpufix.fleet.smoke.answers import looked, ranks, samples
from gpufix.fleet.smoke.drive import SECTIONS, Wanted, smoke
from gpufix.fleet.smoke.outcome import exit_code
from gpufix.fleet.smoke.rank_rows import bus_bandwidth
from gpufix.fleet.wire import encode
from gpufix.model import ERROR
from gpufix.model.fleet_smoke import FleetSmoke, SmokeCopy, SmokeGpu
from gpufix.report.fleet import json as as_json
from gpufix.report.fleet import smoke_table

SCHEMA = Path(__file__).parents[2] / "docs/schema/fleet_smoke.json"
TORCH = {"version": "2.9.0", "cuda": None, "gloo": True, "nccl": False, "devices": 0}
NETWORK = {"hostname": "n", "resolved": "10.0.0.1", "addresses": ["10.0.0.1"], "port": 4000}
WELL = {"torch": TORCH, "topology": {"problem": "no driver"}, "network": NETWORK, "quick": []}


class Scripted:
    """An engine whose nodes answer what a test wants."""

    def __init__(
        self, looks: Mapping[str, Any], meetings: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._looks, self._meetings = looks, list(meetings)
        self.asked: list[tuple[str, list[str]]] = []

    def nodes(self) -> list[str]:
        return list(self._looks)

    def submit(self, work: Work, nodes: Sequence[str]) -> Iterator[Answer]:
        what = words(work, "")[-2]
        self.asked.append((what, list(nodes)))
        told = self._looks if what == "look" else self._meetings.pop(0)
        for node in nodes:
            answer = told[node]
            if isinstance(answer, str):
                yield Answer(node, problem=answer)
            else:
                line = encode({"gpufix_fleet_smoke": 1, "node": "its own name", **answer})
                yield Answer(node, f"motd\n{line}\n".encode(), code=0)

    def close(self) -> None: ...


def ended(*lines: Mapping[str, Any], code: int | None = 0) -> dict[str, Any]:
    out = "\n".join(map(json.dumps, lines))
    return {"code": code, "state": "", "seconds": 3.0, "out": out, "err": ""}


def run(engine: Scripted, **more: Any) -> FleetSmoke:
    wanted = Wanted("", **{"device": "cpu", "ranks": 1, **more})
    made = smoke(engine, engine.nodes(), wanted)
    jsonschema.validate(json.loads(as_json.smoke(made)), json.loads(SCHEMA.read_text()))
    shown = smoke_table.lines(made).plain()
    assert (
        max(map(len, shown.splitlines())) <= 80
        or made.findings
        or made.notes
        or any(node.problem for node in made.nodes)
    )
    return made


def reduced(size: int, seconds: float) -> dict[str, Any]:
    return {"allreduce": "all", "bytes": size, "seconds": seconds, "ranks": 2, "right": True}


def rows(first: int) -> dict[str, Any]:
    """Two nodes of one rank, the second of which all is well with."""
    lines = [reduced(8, 2e-5), reduced(1 << 20, 1e-3), {"transport": ["gloo, TCP over eth0"]}]
    members = {"members": [0, 1]} if first == 0 else {}
    return {"ranks": {str(first): ended(*lines, {"done": True})}, "interface": "eth0",
            "address": "10.0.0.1", **members}  # fmt: skip


def test_two_nodes_that_are_well() -> None:
    made = run(Scripted({"a": WELL, "b": WELL}, [{"a": rows(0), "b": rows(1)}]))
    assert made.summary.verdict == "well" and made.summary.ranks == 2
    assert [(r.bytes, r.bus_gb_s) for r in made.allreduces] == [(8, 0.0004), (1 << 20, 1.0486)]
    assert exit_code(made, Gate(ERROR, False)) == 0
    assert "all ranks                2      20.0 µs   1.049 GB/s" in smoke_table.lines(made).plain()


def test_the_bus_bandwidth_is_nccl_tests() -> None:
    """8 ranks, 1 GiB in 4 ms: algbw 268.4 GB/s, busbw 469.8 GB/s."""
    assert bus_bandwidth(1 << 30, 4e-3, 8) / 1e9 == pytest.approx(469.76, abs=0.01)
    assert bus_bandwidth(1 << 20, 1e-3, 2) == (1 << 20) / 1e-3


@pytest.mark.parametrize(
    ("look", "says"),
    [
        ("ssh: No route to host", "ssh: No route to host"),
        ({**WELL, "torch": {"problem": "ImportError: libcudart.so.13"}}, "torch: ImportError: lib"),
        ({**WELL, "torch": {**TORCH, "gloo": False}}, "torch 2.9.0 has no gloo"),
        ({"problem": "the plan has no node"}, "the plan has no node"),
    ],
)
def test_a_node_without_an_answer_is_a_row_and_the_others_meet(look: Any, says: str) -> None:
    engine = Scripted({"a": WELL, "x": look, "b": WELL}, [{"a": rows(0), "b": rows(1)}])
    made = run(engine)
    (row,) = [node for node in made.nodes if node.problem]
    assert row.name == "x" and says in str(row.problem)
    assert engine.asked[1] == ("ranks", ["a", "b"])
    assert made.summary.verdict == "incomplete" and exit_code(made, Gate(ERROR, False)) == 1
    assert exit_code(made, Gate(None, False)) == 0


def test_another_node_keeps_the_store_where_the_first_has_gone() -> None:
    missed = {"unreachable": "a: 10.0.0.1:4000 no answer"}
    meetings = [
        {"a": rows(0), "b": missed, "c": missed},
        {"b": rows(0), "c": rows(1)},
    ]
    made = run(Scripted({"a": WELL, "b": WELL, "c": WELL}, meetings))
    assert [n.name for n in made.nodes if n.problem] == ["a"]
    assert "no other node reaches it" in str(made.nodes[0].problem) and not made.lost


def test_without_a_gpu_ranks_on_processors_are_offered() -> None:
    engine = Scripted({"a": WELL, "b": WELL})
    made = run(engine, device=None)
    assert made.summary.verdict == "nothing run" and "--device cpu" in made.notes[0]
    assert len(engine.asked) == 1 and exit_code(made, Gate(ERROR, False)) == 1


def test_one_rank_has_nothing_to_compare() -> None:
    made = run(Scripted({"a": WELL}))
    assert made.notes == ["one rank: there are no copies, all-reduces or pairs to compare"]


def test_a_name_that_leads_to_loopback_is_noted() -> None:
    look = {**WELL, "network": {**NETWORK, "resolved": "127.0.1.1"}}
    made = run(Scripted({"a": look, "b": WELL}, [{"a": rows(0), "b": rows(1)}]))
    assert made.notes and made.notes[0].startswith("on a the host's own name resolves to loopback")


def test_no_node_is_an_engine_that_cannot_be_used() -> None:
    with pytest.raises(CannotReach):
        smoke(Scripted({}), [], Wanted(""))


@pytest.mark.parametrize(
    "data",
    [
        {}, {"torch": 1}, {"torch": {"version": 7}}, {"ranks": []}, {"ranks": {"x": 1, "-1": {}}},
        {"quick": [None, {"out": 3}], "torch": {"version": "2", "devices": 1 << 80}},
        {"torch": TORCH, "topology": {"pairs": [1, {"from": 2, "nvlinks": "x"}]}, "network": []},
    ],
)  # fmt: skip
def test_answers_are_not_trusted(data: dict[str, Any]) -> None:
    one = Answer("n", encode({"gpufix_fleet_smoke": 1, **data}).encode(), code=0)
    assert looked(one).node == ranks(one).node == "n"
    assert looked(one).devices <= 64


@pytest.mark.parametrize(
    "row",
    [[0, 1], [0, 9, 1.0, "k", True, 0], [0, 1, -1.0, "k", True, 0], [1, 1, 1.0, "k", True, 0],
     ["0", 1, 1.0, "k", True, 0], [0, 1, None, "k", True, 0], [0, 1, 1.0, "k", True, "x"]],
)  # fmt: skip
def test_samples_are_not_trusted(row: list[Any]) -> None:
    assert samples([{"sample": row, "phase": "inside"}], 2, "inside") == []


def test_many_gpus_have_no_row_each_and_a_matrix_fits_80_columns() -> None:
    made = run(Scripted({"a": WELL}))
    gpus = [
        SmokeGpu(node=f"node{n:02}", ordinal=g, name="NVIDIA H200 141GB HBM3e", status="ok",
                 copy_gb_s=4067.2, matmul_tflop_s=665.2) for n in range(4) for g in range(8)
    ]  # fmt: skip
    pairs = [(a, b) for a in range(8) for b in range(8) if a != b]
    copies = [
        SmokeCopy(node="node01", source=a, target=b, way="NVLink × 18", access=True, gb_s=391.2)
        for a, b in pairs
    ]
    shown = smoke_table.lines(replace(made, gpus=gpus, copies=copies)).plain().splitlines()
    assert "  32 of 32 work" in shown and not any("node03 GPU" in line for line in shown)
    assert "  GPU 7    391.2" in "\n".join(shown)
    few = smoke_table.lines(replace(made, gpus=gpus[:8], copies=copies)).plain().splitlines()
    assert max(map(len, shown + few)) <= 80


def test_the_sections_are_those_of_the_command() -> None:
    from gpufix.cli.fleet_smoke import Section

    assert tuple(section.value for section in Section) == SECTIONS
