"""`gpufix undo` touches a run of the patient at hand, or one that is named; nothing else."""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest
from undo_scene import Scene

import needs
from gpufix.engine.journal import runs

UNDONE, ELSEWHERE = ("undone", 0), ("elsewhere", 1)
Naming = Callable[[Scene], tuple[list[str], dict[str, str]]]


def link(scene: Scene) -> Path:
    path = scene.folder / "link"
    path.symlink_to(scene.a.path)
    return path


def conda(scene: Scene) -> Path:
    """`a` as conda has it: an interpreter of its own, found by what lies around it."""
    needs.require("a Python that can be copied")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (scene.a.path / "pyvenv.cfg").unlink()
    (scene.a.path / "conda-meta").mkdir()
    scene.a.python.unlink()
    shutil.copy2(os.path.realpath(sys.executable), scene.a.python)
    library = scene.a.path / "lib" / version
    for path in Path(sysconfig.get_path("stdlib")).iterdir():
        if path.name != "site-packages":
            (library / path.name).symlink_to(path)
    return scene.a.path


def break_interpreter(scene: Scene) -> None:
    """What a repair that was cut off can leave."""
    for path in (scene.a.path / "bin").iterdir():
        path.unlink()


OWN: dict[str, Naming] = {
    "the folder": lambda s: (["--python", str(s.a.path)], {}),
    "the interpreter": lambda s: (["--python", str(s.a.python)], {}),
    "active": lambda s: ([], {"VIRTUAL_ENV": str(s.a.path)}),
    "active conda": lambda s: ([], {"CONDA_PREFIX": str(conda(s))}),
    "conda by its interpreter": lambda s: (["--python", f"{conda(s)}/bin/python"], {}),
    "named, another active": lambda s: (
        ["--python", str(s.a.path)],
        {"VIRTUAL_ENV": str(s.b.path)},
    ),
    "a relative path": lambda s: (["--python", "project/../a"], {}),
    "through a link": lambda s: (["--python", f"{link(s)}/bin/python"], {}),
    "active through a link": lambda s: ([], {"VIRTUAL_ENV": str(link(s))}),
    "an interpreter that is gone": lambda s: (["--python", str(s.a.python)], {}),
    "active, its interpreter gone": lambda s: ([], {"VIRTUAL_ENV": str(s.a.path)}),
}
OTHERS: dict[str, Naming] = {
    "the folder": lambda s: (["--python", str(s.b.path)], {}),
    "active": lambda s: ([], {"VIRTUAL_ENV": str(s.b.path)}),
    "active in an active conda": lambda s: (
        [],
        {"VIRTUAL_ENV": str(s.b.path), "CONDA_PREFIX": str(s.a.path)},
    ),
    "the environment that runs gpufix": lambda s: ([], {}),
    "an active one that is gone": lambda s: ([], {"VIRTUAL_ENV": "/no/such/place"}),
}


@pytest.mark.some(4)
@pytest.mark.parametrize("naming", OWN)
def test_the_patients_own_run_is_undone(naming: str, scene: Scene) -> None:
    arguments, env = OWN[naming](scene)
    before = scene.trees()
    name = scene.run(scene.a)
    scene.run(scene.b, "another's, later")
    if "gone" in naming:
        break_interpreter(scene)
    changed = {k: v for k, v in scene.trees().items() if k.startswith(f"{scene.b.path}/")}
    undone = scene.undo(*arguments, **env)
    assert (undone["state"], undone["exit"]) == UNDONE, undone
    assert (undone["id"], undone["prefix"]) == (name, str(scene.a.path))
    assert not list(scene.a.site.glob("mended*"))
    assert {k: v for k, v in scene.trees().items() if k.startswith(f"{scene.b.path}/")} == changed
    if "gone" not in naming:
        after = {k: v for k, v in scene.trees().items() if k.startswith(f"{scene.a.path}/")}
        assert after == {k: v for k, v in before.items() if k.startswith(f"{scene.a.path}/")}


@pytest.mark.some(2)
@pytest.mark.parametrize("naming", OTHERS)
def test_anothers_run_is_listed_and_left(naming: str, scene: Scene) -> None:
    arguments, env = OTHERS[naming](scene)
    kept = scene.run(scene.a)
    cut = scene.run(scene.a, "cut off", cut_off=True)
    before = scene.trees()
    for more in ([], ["--force"], ["--forget"]):
        asked = scene.undo(*arguments, *more, **env)
        assert (asked["state"], asked["exit"]) == ELSEWHERE
        assert [(r["id"], r["state"]) for r in asked["runs"]] == [
            (kept, "kept"),
            (cut, "interrupted"),
        ]
        assert {r["prefix"] for r in asked["runs"]} == {str(scene.a.path)}
        forget = "--forget " if more == ["--forget"] else ""
        assert asked["runs"][0]["command"] == f"gpufix undo {forget}{kept}"
        told = scene.gpufix("undo", *arguments, *more, **env)
        assert told.returncode == 1
        for part in (kept, cut, str(scene.a.path), "repair it", f"gpufix undo {forget}{kept}"):
            assert part in told.stdout
    assert scene.trees() == before
    assert [r.state for r in runs.every(scene.state)] == ["kept", "interrupted"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_named_run_is_undone_from_anywhere(form: str, scene: Scene) -> None:
    before = scene.trees()
    name = scene.run(scene.a)
    done = scene.gpufix(
        "undo", name, "--format", form, cwd=Path("/"), VIRTUAL_ENV=str(scene.b.path)
    )
    assert done.returncode == 0, done.stderr
    assert scene.trees() == before
    for said in (done.stdout, done.stderr):  # after, and before
        assert str(scene.a.path) in said
        assert str(scene.project) in said
    assert "undoing" in done.stderr


def test_a_named_run_of_another_environment_than_named(scene: Scene) -> None:
    name = scene.run(scene.a)
    before = scene.trees()
    done = scene.gpufix("undo", name, "--python", str(scene.b.path))
    assert done.returncode == 2
    assert f"run {name} changed {scene.a.path}, not {scene.b.path}" in done.stderr
    assert scene.trees() == before


def test_the_last_interrupted_run_comes_first(scene: Scene) -> None:
    own = ["--python", str(scene.a.path)]
    first = scene.run(scene.a, "first")
    cut = scene.run(scene.a, "cut off", cut_off=True)
    last = scene.run(scene.a, "last")
    scene.run(scene.b, "another's", cut_off=True)
    assert [scene.undo(*own)["id"] for _ in range(3)] == [cut, last, first]
    assert (scene.undo(*own)["state"], len(scene.undo(*own)["runs"])) == ("elsewhere", 1)


def test_one_project_of_two_environments(scene: Scene) -> None:
    """Whose run it was decides, not which project it changed."""
    file = scene.project / "mended.py"
    name = scene.run(scene.a, file=file)
    asked = scene.undo(cwd=scene.project, VIRTUAL_ENV=str(scene.b.path))
    assert (asked["state"], asked["exit"]) == ELSEWHERE
    assert asked["runs"][0]["project"] == str(scene.project)
    assert file.exists()
    assert scene.undo(cwd=scene.project, VIRTUAL_ENV=str(scene.a.path))["id"] == name
    assert not file.exists()


def test_the_kept_files_of_the_patients_own_run_are_given_up(scene: Scene) -> None:
    mine, other = scene.run(scene.a), scene.run(scene.b)
    given_up = scene.undo("--forget", "--python", str(scene.a.path))
    assert (given_up["id"], given_up["state"], given_up["exit"]) == (mine, "forgotten", 0)
    assert [(r.id, r.state) for r in runs.every(scene.state)] == [
        (mine, "forgotten"),
        (other, "kept"),
    ]


def test_the_list_marks_the_patients_own(scene: Scene) -> None:
    mine, other = scene.run(scene.a), scene.run(scene.b)
    rows = json.loads(
        scene.gpufix("undo", "--list", "--format", "json", VIRTUAL_ENV=str(scene.a.path)).stdout
    )
    assert [(r["id"], r["this_patient"]) for r in rows] == [(mine, True), (other, False)]
    told = scene.gpufix("undo", "--list", "--python", str(scene.b.path)).stdout.splitlines()
    assert [line[0] for line in told] == [" ", " ", "*", " ", "*"]
    assert other in told[2]


def test_a_journal_that_cannot_be_read_is_anybodys(scene: Scene) -> None:
    """None before it is chosen: it may have been the patient's last one."""
    own = ["--python", str(scene.a.path)]
    damaged = scene.run(scene.b)
    (scene.state / "runs" / damaged / "journal").write_bytes(b"garbage\nof two lines\n")
    done = scene.gpufix("undo", *own)
    assert done.returncode == 2
    assert f"the journal of {damaged} cannot be read" in done.stderr
    assert scene.gpufix("undo", VIRTUAL_ENV="/no/such/place").returncode == 2
    later = scene.run(scene.a)
    assert scene.undo(*own)["id"] == later
