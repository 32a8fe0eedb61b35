"""Builds side by side: what fails is taken back by itself, and undo brings everything back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import trees
from steps_for import Built, use_local_programs
from trees import Patient, unpack, wheel

from gpufix.engine.builds import step as build
from gpufix.engine.journal import lock, runs, undo_run
from gpufix.engine.run import apply
from gpufix.engine.run.apply import FailureIsolation
from gpufix.engine.run_context import RunContext
from gpufix.model import Build, SetVariables, Step

NAMES = ("one", "two", "three")


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch, patient: Patient) -> None:
    use_local_programs(monkeypatch, patient, 5)


Together = Callable[[Sequence[Build], RunContext], list[Built]]


def builds(patient: Patient, bad: dict[str, bool]) -> Together:
    """`bad`: the folders that fail, and whether they have installed something by then."""
    begun: list[list[str]] = []

    def together(steps: Sequence[Build], context: RunContext) -> list[Built]:
        names = [Path(step.path).name for step in steps]
        begun.append(names)
        found = []
        for step, name in zip(steps, names, strict=True):
            (Path(step.path) / f"{name}.o").write_text("object")
            made = Built()
            if bad.get(name, True):
                unpack(patient.site, wheel(name, "1.0", 2))
            if name in bad:
                made.ok, made.reason = False, f"{name} fails"
                made.libraries = ("x.so",) if bad[name] else ()
            found.append(made)
        return found

    together.begun = begun  # type: ignore[attr-defined]
    return together


def steps(patient: Patient) -> list[Step]:
    folders = [patient.project / name for name in NAMES]
    for folder in folders:
        folder.mkdir()
    return [Build(path=str(folder)) for folder in folders]


def run(patient: Patient, wanted: list[Step]) -> tuple[Path, FailureIsolation]:
    isolation = FailureIsolation(wanted)
    with lock.held(patient.state, [str(patient.prefix)], "a test") as fds:
        context = RunContext(patient.facts(), environ={}, lock_fds=fds)
        folder = apply.apply(wanted, context, patient.state, "test", isolation)
        apply.finish(folder)
    return folder, isolation


@pytest.mark.parametrize(
    ("bad", "rounds"),
    [
        ({}, [["one", "two", "three"]]),
        ({"two": False}, [["one", "two", "three"]]),
        ({"two": True}, [["one", "two", "three"], ["one", "three"]]),
        ({"one": True, "three": False}, [["one", "two", "three"], ["two"]]),
    ],
)
def test_failures_stand_for_themselves(
    bad: dict[str, bool],
    rounds: list[list[str]],
    patient: Patient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together = builds(patient, bad)
    monkeypatch.setattr(build, "run_together", together)
    wanted = steps(patient)
    before = trees.state(patient)
    folder, isolation = run(patient, wanted)
    assert together.begun == rounds  # type: ignore[attr-defined]
    assert [str(e).rpartition(": ")[2] for e in isolation.failures] == [f"{n} fails" for n in bad]
    for name in NAMES:
        assert (patient.project / name / f"{name}.o").exists() is (name not in bad)
        assert bool(list(patient.site.glob(f"{name}-*"))) is (name not in bad)
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(patient)) == {}


def test_a_round_is_taken_back_and_the_run_goes_on(patient: Patient) -> None:
    wanted = steps(patient)
    before = trees.state(patient)
    isolation = FailureIsolation(wanted)
    with lock.held(patient.state, [str(patient.prefix)], "a test") as fds:
        context = RunContext(patient.facts(), environ={}, lock_fds=fds)
        first = [SetVariables(variables={"A": "1"})]
        folder = apply.apply(first, context, patient.state, "test", isolation)
        kept = trees.state(patient)
        number = apply.count(folder)
        apply.extend(folder, wanted[:1], context, isolation)
        assert trees.differences(kept, trees.state(patient)) != {}
        assert apply.withdraw(folder, number).problems == ()
        assert trees.differences(kept, trees.state(patient)) == {}
        apply.extend(folder, wanted[1:2], context, isolation)
        apply.finish(folder)
    assert runs.load(folder).state == "kept"
    assert undo_run.undo(runs.load(folder)).problems == ()
    assert trees.differences(before, trees.state(patient)) == {}
