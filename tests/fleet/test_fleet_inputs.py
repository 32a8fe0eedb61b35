"""Answers from files, folders and streams, as people collect them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from answers import BASE, lost, node

from gpufix.fleet import wire
from gpufix.fleet.inputs import Reading, expected, line, read_all
from gpufix.fleet.wire import BadLine, decode, encode

LINE = line(node("node01"))
OTHER = line(node("node02"))
BARE = json.dumps(BASE)

FORMS = {
    "a snapshot over several lines": (json.dumps(BASE, indent=1), ["file"]),
    "a snapshot on one line": (BARE, ["file"]),
    "lines of fleet probe": (f"{LINE}\n{OTHER}\n", ["node01", "node02"]),
    "pdsh": (f"n1: {LINE}\nn2: {OTHER}\n", ["node01", "node02"]),
    "pdsh, bare snapshots": (f"n1: {BARE}\nn2: {BARE}\n", ["n1", "n2"]),
    "kubectl logs --prefix": (f"[pod/gpufix-x/gpufix] {LINE}\n", ["node01"]),
    "messages between": (f"Welcome!\n{LINE}\nLast login: today\n", ["node01"]),
    "Windows line ends": (f"{LINE}\r\n{OTHER}\r\n", ["node01", "node02"]),
    "where the look failed": ("gpufix-fleet:0:n3:the look ended with 98\n", ["n3"]),
    "damaged": (f"n1: {LINE[:200]}\n", ["n1"]),
    "empty": ("", ["file"]),
    "no JSON": ("{ not", ["file"]),
    "a list": ("[1]", ["file"]),
}
PROBLEMS = {
    "where the look failed": "the look ended with 98",
    "damaged": "a damaged answer",
    "empty": "invalid JSON",
    "no JSON": "invalid JSON",
    "a list": "no JSON object",
}


@pytest.mark.parametrize("case", FORMS)
def test_forms(case: str, tmp_path: Path) -> None:
    text, names = FORMS[case]
    file = tmp_path / "file.jsonl"
    file.write_bytes(text.encode())
    found = list(read_all([str(file)]))
    assert [reading.node for reading in found] == names
    problem = PROBLEMS.get(case)
    for reading in found:
        assert (reading.facts is None) == (problem is not None)
        assert (problem or "") in (reading.problem or "")


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text(BARE)
    (tmp_path / "a.txt").write_text(LINE)
    (tmp_path / "notes.md").write_text("no answer")
    assert [reading.node for reading in read_all([str(tmp_path)])] == ["node01", "b"]


def test_a_reading_survives_as_a_line(tmp_path: Path) -> None:
    for reading in (node("n1"), lost("n2")):
        (tmp_path / "f").write_text(line(reading))
        (again,) = read_all([str(tmp_path / "f")])
        assert (again.node, again.facts, again.problem) == (
            reading.node,
            reading.facts,
            reading.problem,
        )


def test_who_is_expected_and_missing() -> None:
    found = expected([node("n1")], ["n1", "n2"])
    assert [(r.node, r.problem) for r in found] == [
        ("n1", None), ("n2", "no answer of it is among the inputs"),
    ]  # fmt: skip


def test_an_answer_without_xz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "lzma", None)
    assert encode({"a": 1}).startswith("gpufix-fleet:1:z:")
    assert decode(encode({"a": 1})) == {"a": 1}


@pytest.mark.parametrize("kind", ["x", "z"])
@pytest.mark.parametrize("body", ["AAAA", "A", "====", "eJwDAAAAAAE="])
def test_damaged_lines(kind: str, body: str) -> None:
    with pytest.raises(BadLine):
        decode(f"gpufix-fleet:1:{kind}:{body}")


def test_a_bomb_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = encode({"a": "x" * 100_000})
    monkeypatch.setattr(wire, "_LIMIT", 1000)
    with pytest.raises(BadLine, match="larger than"):
        decode(packed)


def test_a_problem_of_the_probe() -> None:
    from gpufix.fleet.inputs import answer

    told = answer(
        encode({"gpufix_fleet": 1, "gpufix": "1", "node": "x", "problem": "no such file"}), "n5"
    )
    assert told == Reading("n5", problem="no such file", gpufix="1")
