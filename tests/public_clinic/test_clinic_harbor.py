"""Exported tasks: Harbor's own package reads them, their verifier judges, no answer is in reach."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clinic.case import CASES, cases, load
from clinic.harbor import export

BROKEN = next(c for c in cases() if not c.healthy and c.remedy)


def test_what_the_agent_sees_holds_no_answer(tmp_path: Path) -> None:
    place = export(BROKEN, tmp_path)
    text = (place / "instruction.md").read_text("utf-8")
    assert BROKEN.id not in text
    assert BROKEN.title not in text
    image = (place / "environment" / "Dockerfile").read_text("utf-8")
    last = image.split("FROM ready\n")[-1]
    assert "clinic" not in last  # the last stage holds the patient alone
    assert load(place / "environment" / "clinic" / "cases" / BROKEN.id).id == BROKEN.id


def test_a_task_is_never_overwritten(tmp_path: Path) -> None:
    export(BROKEN, tmp_path)
    with pytest.raises(FileExistsError):
        export(BROKEN, tmp_path)


@pytest.mark.needs("harbor")
def test_harbor_reads_every_task(tmp_path: Path) -> None:
    from harbor.models.task.task import Task

    for path in CASES.iterdir():
        assert Task(export(load(path), tmp_path)).name == f"gpu-clinic/{path.name}"


CASE: dict[str, Any] = {
    "python": "3.11",
    "healthy": False,
    "cause": {"name": "library-missing", "also": [], "subject": ["libfoo"], "files": []},
    "recipe": {"environment": {}},
    "remedy": {"check": [["test", "-e", "{root}/mended"]]},
}
SOUND: dict[str, Any] = CASE | {"healthy": True, "cause": None, "remedy": None}
TREE: dict[str, Any] = CASE | {
    "cause": {"name": "arch-hard-coded", "also": [], "subject": [], "files": ["a/setup.py"]},
    "remedy": None,
}
RIGHT = {"healthy": False, "cause": "library-missing", "subject": "libfoo.so.1"}
IN_SETUP = {"healthy": False, "cause": "arch-hard-coded", "files": ["setup.py"]}


@pytest.mark.parametrize(
    ("case", "answer", "mended", "scores"),
    [
        (SOUND, {"healthy": True}, False, {"diagnose": 1.0, "reward": 1.0}),
        (SOUND, RIGHT, False, {"diagnose": 0.0, "reward": 0.0}),
        (CASE, RIGHT, True, {"diagnose": 1.0, "repair": 1.0, "reward": 1.0}),
        (CASE, RIGHT, False, {"diagnose": 1.0, "repair": 0.0, "reward": 0.5}),
        (CASE, {"healthy": True}, True, {"diagnose": 0.0, "repair": 1.0, "reward": 0.5}),
        (
            CASE,
            RIGHT | {"subject": "libbar"},
            False,
            {"diagnose": 0.0, "repair": 0.0, "reward": 0.0},
        ),
        (CASE, "no object", False, {"diagnose": 0.0, "repair": 0.0, "reward": 0.0}),
        (CASE, None, False, {"diagnose": 0.0, "repair": 0.0, "reward": 0.0}),
        (TREE, IN_SETUP, False, {"diagnose": 1.0, "reward": 1.0}),
        (TREE, IN_SETUP | {"files": ["b.cu"]}, False, {"diagnose": 0.0, "reward": 0.0}),
    ],
)
def test_the_verifier(
    tmp_path: Path, case: dict[str, Any], answer: Any, mended: bool, scores: dict[str, float]
) -> None:
    (tmp_path / "case.json").write_text(json.dumps(case))
    if answer is not None:
        (tmp_path / "answer.json").write_text(json.dumps(answer))
    if mended:
        (tmp_path / "mended").touch()
    verify = CASES.parent / "harbor_verify.py"
    reward = tmp_path / "logs" / "reward.json"
    command = [sys.executable, verify, tmp_path / "case.json", tmp_path, reward]
    subprocess.run(command, check=True)
    assert json.loads(reward.read_text()) == scores
