"""`gpufix undo` touches a run of the patient at hand, or one that is named; nothing else.

The runs are made by the engine, on real environments; the command runs as a program.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import venvs
from test_fix import snapshot
from venvs import Venv

from gpufix.engine import apply, runs
from gpufix.engine.context import Context
from gpufix.facts.context import Context as Look
from gpufix.facts.python import collect
from gpufix.model import Facts, Host, Project, WriteFile

HOST = Host(os="Linux", kernel="6", machine="x86_64")
UNDONE, ELSEWHERE = ("undone", 0), ("elsewhere", 1)


@dataclass(frozen=True)
class Scene:
    """Two environments of one user; `a` has a file that runs have changed."""

    a: Venv
    b: Venv
    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "state" / "gpufix"

    @property
    def project(self) -> Path:
        return self.folder / "project"

    def run(
        self, venv: Venv, title: str = "mend it", cut_off: bool = False, file: Path | None = None
    ) -> str:
        """One run that writes one file (default: in the environment); its id."""
        facts = Facts(
            host=HOST,
            python=collect(Look(), str(venv.python)),
            project=Project(root=str(self.project)),
        )
        path = file or venv.site / f"mended{len(runs.every(self.state))}.py"
        step = WriteFile(path=str(path), content=f"{title}\n")
        made = apply.apply([step], Context(facts), self.state, title)
        if not cut_off:
            apply.finish(made)
        return made.name

    def environ(self, env: dict[str, str]) -> dict[str, str]:
        own = {"XDG_STATE_HOME": str(self.folder / "state"), "NO_COLOR": "1", "COLUMNS": "300"}
        return self.b.environ({**own, **env})

    def gpufix(
        self, *arguments: str, cwd: Path | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "gpufix", *arguments], env=self.environ(env),
            cwd=cwd or self.folder, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def undo(self, *arguments: str, cwd: Path | None = None, **env: str) -> dict[str, Any]:
        """The JSON report; `exit` holds the exit code."""
        done = self.gpufix("undo", "--format", "json", *arguments, cwd=cwd, **env)
        assert done.stdout, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return {**report, "exit": done.returncode, "said": done.stderr}

    def trees(self) -> dict[str, Any]:
        return snapshot(self.a.path, self.b.path, self.project)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    (tmp_path / "project").mkdir()
    return Scene(venvs.create(tmp_path / "a"), venvs.create(tmp_path / "b"), tmp_path)


Naming = Callable[[Scene], tuple[list[str], dict[str, str]]]


def link(scene: Scene) -> Path:
    path = scene.folder / "link"
    path.symlink_to(scene.a.path)
    return path


def conda(scene: Scene) -> Path:
    """`a` as conda has it: an interpreter of its own, found by what lies around it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (scene.a.path / "pyvenv.cfg").unlink()
    (scene.a.path / "conda-meta").mkdir()
    scene.a.python.unlink()
    shutil.copy2(os.path.realpath(sys.executable), scene.a.python)
    library = scene.a.path / "lib" / version
    for path in Path(sysconfig.get_path("stdlib")).iterdir():
        if path.name != "site-packages":
            (library / path.name).symlink_to(path)
    if subprocess.run([scene.a.python, "-c", ""], capture_output=True, check=False).returncode:
        pytest.skip("this Python cannot be copied")
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
        for part in (kept, cut, str(scene.a.path), "mend it", f"gpufix undo {forget}{kept}"):
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
    assert [line[0] for line in told] == [" ", "*", "*"]
    assert other in told[1]


GONE = "which is no longer there"


@pytest.mark.parametrize("cut_off", [False, True])
def test_an_environment_that_is_gone(cut_off: bool, scene: Scene) -> None:
    name = scene.run(scene.a, cut_off=cut_off)
    scene.a.path.rename(scene.folder / "moved")
    before = snapshot(scene.folder / "moved", scene.b.path)
    stale = {"VIRTUAL_ENV": str(scene.a.path)}
    for arguments, env in (([], stale), (["--python", str(scene.a.python)], {}), ([name], {})):
        done = scene.gpufix("undo", *arguments, **env)
        assert done.returncode == 2
        assert f"run {name} changed the environment {scene.a.path}, {GONE}" in done.stderr
        assert f"gpufix undo --forget {name}" in done.stderr
    assert "(no longer there)" in scene.gpufix("undo", "--list").stdout
    moved = scene.undo(VIRTUAL_ENV=str(scene.folder / "moved"))
    assert (moved["state"], moved["runs"][0]["environment"]) == ("elsewhere", "gone")
    assert snapshot(scene.folder / "moved", scene.b.path) == before
    assert not scene.a.path.exists()
    assert scene.gpufix("undo", "--forget", name).returncode == 0
    assert scene.undo(**stale)["state"] == "nothing"


def test_a_link_in_the_place_of_the_environment(scene: Scene) -> None:
    name = scene.run(scene.a)
    moved = scene.folder / "moved"
    scene.a.path.rename(moved)
    scene.a.path.symlink_to(moved)
    before = snapshot(moved)
    for env in ({"VIRTUAL_ENV": str(moved)}, {"VIRTUAL_ENV": str(scene.a.path)}):
        done = scene.gpufix("undo", **env)
        assert done.returncode == 2
        assert f"where there now is a link to {moved}" in done.stderr
    assert snapshot(moved) == before
    scene.a.path.unlink()
    moved.rename(scene.a.path)
    assert scene.undo(name)["state"] == "undone"


def test_a_folder_above_that_was_moved_and_left_a_link(scene: Scene) -> None:
    """The way leads to the same environment: it is put back there."""
    name = scene.run(scene.a)
    home = scene.folder.with_name(f"{scene.folder.name}-moved")
    state = home / "state"
    scene.folder.rename(home)
    scene.folder.symlink_to(home)
    try:
        env = {"XDG_STATE_HOME": str(state), "VIRTUAL_ENV": str(home / "a")}
        undone = scene.undo(cwd=home, **env)
        assert (undone["id"], undone["state"]) == (name, "undone")
        assert not list((home / "a").rglob("mended*.py"))
    finally:
        scene.folder.unlink()
        home.rename(scene.folder)


def test_the_environment_is_gone_and_the_project_is_not(scene: Scene) -> None:
    file = scene.project / "mended.py"
    name = scene.run(scene.a, file=file)
    shutil.rmtree(scene.a.path)
    undone = scene.undo(name)
    assert (undone["state"], undone["environment"]) == ("undone", "gone")
    assert not file.exists()
    other = scene.run(scene.b, file=file)
    shutil.rmtree(scene.project)
    done = scene.gpufix("undo", other)
    assert done.returncode == 2
    assert f"changed the project {scene.project}, {GONE}" in done.stderr
    assert not scene.project.exists()


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


# The first process of a session, its standard input made the session's terminal: Ctrl-C is a signal.
_ON_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def ask(scene: Scene, answer: bytes) -> tuple[int, str]:
    """Run `gpufix undo` for B on a terminal, and type the answer to its question."""
    terminal, end = pty.openpty()
    arguments = ["-m", "gpufix", "undo", "--python", str(scene.b.path)]
    with subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *arguments], env=scene.environ({"TERM": "dumb"}),
        stdin=end, stdout=end, stderr=end, cwd=scene.folder, start_new_session=True,
    ) as process, os.fdopen(terminal, "r+b", buffering=0) as file:  # fmt: skip
        os.close(end)
        said = b""
        while b"[none]: " not in said:
            said += file.read(1 << 16)
        file.write(answer)
        with suppress(OSError):  # the terminal's other end is closed
            while part := file.read(1 << 16):
                said += part
    return process.returncode, said.decode()


ANSWERS: dict[str, tuple[Callable[[list[str]], str], int, int | None]] = {
    "none": (lambda ids: "\n", 1, None),
    "blanks": (lambda ids: "  \n", 1, None),
    "Ctrl-D": (lambda ids: "\x04", 1, None),
    "Ctrl-C": (lambda ids: "\x03", 130, None),
    "a number": (lambda ids: "1\n", 0, 0),
    "another number": (lambda ids: "2\n", 0, 1),
    "an id": (lambda ids: f" {ids[0]} \n", 0, 0),
    "no number": (lambda ids: "0\n", 2, None),
    "too large": (lambda ids: "3\n", 2, None),
    "half an id": (lambda ids: f"{ids[0][:-1]}\n", 2, None),
    "yes": (lambda ids: "y\n", 2, None),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_on_a_terminal_it_asks(case: str, scene: Scene) -> None:
    typed, code, undone = ANSWERS[case]
    ids = [scene.run(scene.a, "first"), scene.run(scene.a, "second")]
    before = scene.trees()
    returned, said = ask(scene, typed(ids).encode())
    assert returned == code, said
    assert "Traceback" not in said
    for part in (*ids, str(scene.a.path), f"there is nothing to undo in {scene.b.path}"):
        assert part in said
    states = [r.state for r in runs.every(scene.state)]
    assert states == ["undone" if n == undone else "kept" for n in range(2)]
    if undone is None:
        assert scene.trees() == before


def test_on_a_terminal_json_does_not_ask(scene: Scene) -> None:
    scene.run(scene.a)
    read, write = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "gpufix", "undo", "--python", str(scene.b.path), "--format", "json"],
        env=scene.environ({}), stdin=write, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    os.close(read)
    os.close(write)
    assert done.returncode == 1
    assert json.loads(done.stdout)["state"] == "elsewhere"
