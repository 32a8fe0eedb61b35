"""The programs of a run: which they are, who waits for them, and how they are named."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from gpufix.engine.journal import programs
from gpufix.engine.journal.runs import Run, State
from gpufix.engine.run_context import Busy

RUN = Run(Path("/runs/one"), [{"type": "begin"}], "interrupted")


class Machine:
    """Processes as /proc shows them, and a clock that only sleep moves."""

    def __init__(self, proc: Path) -> None:
        self.proc, self.now = proc, 0.0
        self.lives: dict[int, float] = {}  # until when

    def start(self, pid: int, name: str, *variables: str, until: float = 1e9) -> None:
        folder = self.proc / str(pid)
        folder.mkdir()
        (folder / "environ").write_bytes(b"".join(f"{v}\0".encode() for v in variables))
        (folder / "comm").write_text(f"{name}\n")
        self.lives[pid] = until

    def folders(self) -> Iterator[Path]:
        return (self.proc / str(pid) for pid in self.lives)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for pid in [pid for pid, until in self.lives.items() if until <= self.now]:
            self.end(pid)

    def end(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid))
        del self.lives[pid]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    clock = SimpleNamespace(monotonic=lambda: made.now, sleep=made.sleep)
    monkeypatch.setattr(programs, "time", clock)
    monkeypatch.setattr(programs, "processes", made.folders)
    return made


def test_whose_variable_names_another_run_is_none_of_this_one(machine: Machine) -> None:
    machine.start(1, "init")
    machine.start(2, "sh", "GPUFIX_RUN=other")
    machine.start(3, "sh", "GPUFIX_RUN=one-more", "XGPUFIX_RUN=one", "A=GPUFIX_RUN=one")
    machine.lives[4] = 1e9  # it has just ended
    assert programs.living(RUN) == []
    machine.start(5, "cc1plus", "HOME=/", "GPUFIX_RUN=one")
    assert [(p.pid, p.name) for p in programs.living(RUN)] == [(5, "cc1plus")]


def test_where_none_lives_nobody_waits(machine: Machine) -> None:
    said: list[str] = []
    programs.wait(RUN, 10, said.append)
    programs.end(RUN)
    assert (said, machine.now) == ([], 0)


def test_it_is_said_once_for_what_an_undo_waits(machine: Machine) -> None:
    said: list[str] = []
    machine.start(7, "pip", "GPUFIX_RUN=one", until=3)
    programs.wait(RUN, 10, said.append)
    assert said == ["waiting for programs of run one: pip (process 7)"]
    assert 3 <= machine.now < 4


def test_nobody_waits_longer_than_was_asked_for(machine: Machine) -> None:
    machine.start(7, "pip", "GPUFIX_RUN=one")
    with pytest.raises(Busy, match=r"are still at work: pip \(process 7\); --force ends them"):
        programs.wait(RUN, 10, lambda _: None)
    assert 10 <= machine.now < 11


@pytest.mark.parametrize(("count", "last"), [(1, 1), (5, 5), (6, 5), (90, 5)])
def test_of_many_programs_five_are_named(count: int, last: int, machine: Machine) -> None:
    for pid in range(1, count + 1):
        machine.start(pid, "cc", "GPUFIX_RUN=one")
    with pytest.raises(Busy) as caught:
        programs.wait(RUN, 0, lambda _: None)
    assert str(caught.value).count("(process ") == last
    assert f"(process {last});" in str(caught.value)


def test_all_are_ended(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    for pid in (7, 8):
        machine.start(pid, "cc", "GPUFIX_RUN=one")
    machine.start(9, "sh", "GPUFIX_RUN=other")

    def kill(folder: Path, *_: object) -> None:
        machine.end(int(folder.name))

    monkeypatch.setattr(programs, "signal_if", kill)
    programs.end(RUN)
    assert list(machine.lives) == [9]


def test_one_that_cannot_be_ended_is_named(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.start(7, "stuck", "GPUFIX_RUN=one")
    machine.start(8, "other", "GPUFIX_RUN=one")
    monkeypatch.setattr(programs, "signal_if", lambda *_: None)
    with pytest.raises(Busy, match=r"process 7 \(stuck\) cannot be ended"):
        programs.end(RUN)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> dict[int, int]:
    """When each process was started; those that are not in it are gone."""
    ticks: dict[int, int] = {7: 100, os.getpid(): 200}

    def status(folder: Path) -> list[bytes]:
        if int(folder.name) not in ticks:
            raise FileNotFoundError(folder)
        return [*[b"0"] * 19, str(ticks[int(folder.name)]).encode()]

    monkeypatch.setattr(programs, "status", status)
    return ticks


def test_a_number_that_is_given_again_means_another_process(started: dict[int, int]) -> None:
    first = programs.identity(7)
    assert first is not None and first == programs.identity(7)
    del started[7]
    assert programs.identity(7) is None
    started[7] = 300
    assert programs.identity(7) not in (None, first)


@pytest.mark.parametrize(
    ("told", "state", "lives"),
    [
        (None, "interrupted", False),  # of an older gpufix
        ([6, 100], "interrupted", False),  # it is gone
        ([7, 99], "interrupted", False),  # the number is another process's by now
        ([os.getpid(), 200], "interrupted", False),  # an undo within the run
        ([7, 100], "kept", False),
        ([7, 100], "interrupted", True),
    ],
)
@pytest.mark.usefixtures("started")
def test_a_run_that_is_still_carried_out_is_left_alone(
    told: list[int] | None, state: State, lives: bool
) -> None:
    run = Run(Path("/runs/one"), [{"type": "begin", "process": told}], state)
    if not lives:
        programs.refuse_running(run)
        return
    with pytest.raises(Busy, match=r"run one is still running \(process 7\)"):
        programs.refuse_running(run)
