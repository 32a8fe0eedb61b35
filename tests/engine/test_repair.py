"""One run of `gpufix fix --apply`: what is kept, undone, tried again without, and left to the user."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import builders as b
import pytest
from steps_for import Built
from trees import Patient

from gpufix.diagnosis.diagnose import Request
from gpufix.engine.builds import step as build
from gpufix.engine.journal import runs, undo_run
from gpufix.engine.journal.undo_run import Undone
from gpufix.engine.run import apply
from gpufix.engine.run import repair as engine
from gpufix.engine.run.propose import FixRequest, Proposed, propose
from gpufix.engine.run.repair import Repair, nothing_to_do, repair
from gpufix.engine.run_context import RunContext, StepFailed
from gpufix.model import (
    Advise,
    Build,
    Environment,
    Facts,
    Finding,
    FindingKey,
    Held,
    Outcome,
    PatientSummary,
    Plan,
    SetVariables,
    Severity,
    Step,
    WriteFile,
)

HIDDEN, FORCED = "CUDA_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION"
STUBS = {"LD_LIBRARY_PATH": "/usr/lib/stubs"}
HARM = {HIDDEN: "", FORCED: "9.0.0"}  # no NVIDIA GPU is seen, and code of another AMD one runs


def file_of(patient: Patient) -> Path:
    return patient.state / "env" / "abc.json"


def facts(patient: Patient, **overlay: str | None) -> Facts:
    environment = Environment(
        process=dict(HARM), overlay=overlay, overlay_path=str(file_of(patient))
    )
    gpus = [b.gpu("sm_89"), b.gpu("gfx1100", 1)]
    return replace(patient.facts(), environment=environment, gpus=gpus, project=None)


def seen(patient: Patient, *blind: str, **more: str | None) -> Facts:
    """What the collectors would find now, but for some variables of the file."""
    path = file_of(patient)
    written = json.loads(path.read_text())["variables"] if path.exists() else {}
    return facts(patient, **{n: v for n, v in written.items() if n not in blind}, **more)


def carry_out(
    patient: Patient,
    look: Callable[[], Facts],
    change: Callable[[Proposed], Proposed] = lambda proposed: proposed,
    **how: Any,
) -> Outcome:
    proposed = change(propose(facts(patient), None, FixRequest(Request())))
    wish = Repair(patient.state, Request(), lambda: (look(), None), **how)
    return repair(proposed, RunContext(facts(patient), environ={}), wish)


def _written(patient: Patient, name: str) -> bool:
    path = file_of(patient)
    return path.exists() and name in json.loads(path.read_text())["variables"]


def subjects(findings: Sequence[Finding]) -> list[str]:
    return sorted(f.subject for f in findings)


def with_plan(*steps: Step, first: bool = False) -> Callable[[Proposed], Proposed]:
    """A plan more."""
    more = Plan(
        fix="f", codes=["RUN805"], subjects=["more"], title="more", safety="safe", steps=list(steps)
    )

    def change(proposed: Proposed) -> Proposed:
        plans = proposed.choice.plans
        plans = [more, *plans] if first else [*plans, more]
        return replace(proposed, choice=replace(proposed.choice, plans=plans))

    return change


class EveryCode:
    """What was asked for, where nothing was selected."""

    def __contains__(self, code: object) -> bool:
        return True


def left(outcome: Outcome) -> list[Finding]:
    return engine.left(outcome, EveryCode())


def test_what_helps_is_kept_and_can_be_undone(patient: Patient) -> None:
    outcome = carry_out(patient, lambda: seen(patient))
    assert (outcome.state, outcome.reason, outcome.held) == ("kept", None, [])
    assert subjects(outcome.fixed) == [HIDDEN, FORCED]
    assert (outcome.remaining, outcome.introduced, outcome.revealed) == ([], [], [])
    assert [p.title for p in outcome.plans] == [f"unset {FORCED}", f"unset {HIDDEN}"]
    assert any("gpufix env" in note for note in outcome.notes)
    (run,) = runs.every(patient.state)
    assert (run.id, run.state) == (outcome.run, "kept")
    assert left(outcome) == []
    assert undo_run.undo(run).problems == ()
    assert not file_of(patient).exists()


def test_what_does_not_help_is_undone(patient: Patient) -> None:
    outcome = carry_out(patient, lambda: facts(patient))
    assert outcome.state == "undone"
    assert outcome.reason == f"RUN805 ({FORCED}), RUN805 ({HIDDEN}) is still there"
    assert [(h.tried, h.reason) for h in outcome.held] == []
    assert subjects(left(outcome)) == [HIDDEN, FORCED]
    assert not file_of(patient).exists()
    assert [run.state for run in runs.every(patient.state)] == ["undone"]


def test_what_does_not_help_and_was_changed_meanwhile_is_left_to_undo(patient: Patient) -> None:
    def look() -> Facts:
        file_of(patient).write_text('{"variables": {"MINE": "1"}}')
        return facts(patient)

    outcome = carry_out(patient, look)
    (run,) = runs.every(patient.state)
    assert (outcome.state, run.state) == ("failed", "interrupted")
    assert "is still there; not everything could be restored (changed since" in str(outcome.reason)
    assert str(outcome.reason).endswith(f"run `gpufix undo {run.id}`")
    assert "MINE" in file_of(patient).read_text()


def test_it_is_kept_all_the_same_where_that_is_wanted(patient: Patient) -> None:
    outcome = carry_out(patient, lambda: facts(patient), keep=True)
    assert (outcome.state, outcome.run is not None) == ("kept", True)
    assert "still there" in str(outcome.reason)
    assert file_of(patient).exists()


def test_what_helps_is_tried_again_without_what_does_not(patient: Patient) -> None:
    outcome = carry_out(patient, lambda: seen(patient, FORCED))
    assert outcome.state == "kept"
    assert [(h.plan.title, h.reason, h.tried) for h in outcome.held] == [
        (f"unset {FORCED}", "did not remove its finding", True)
    ]
    assert subjects(outcome.fixed) == [HIDDEN]
    assert subjects(outcome.remaining) == subjects(left(outcome)) == [FORCED]
    assert json.loads(file_of(patient).read_text()) == {"variables": {HIDDEN: None}}
    assert [run.state for run in runs.every(patient.state)] == ["undone", "kept"]


def test_what_it_brings_is_mended_with_it(patient: Patient) -> None:
    """The second attempt has the plan for what the first had brought; one undo takes back both."""

    def look() -> Facts:
        return seen(patient, **({} if _written(patient, "LD_LIBRARY_PATH") else STUBS))

    outcome = carry_out(patient, look)
    assert (outcome.state, outcome.reason, outcome.held) == ("kept", None, [])
    assert [p.title for p in outcome.plans][2:] == ["unset LD_LIBRARY_PATH"]
    assert (outcome.introduced, left(outcome)) == ([], [])
    assert [run.state for run in runs.every(patient.state)] == ["undone", "kept"]
    assert undo_run.undo(runs.every(patient.state)[-1]).problems == ()
    assert not file_of(patient).exists()


def test_what_brings_harm_is_undone_as_a_whole(patient: Patient) -> None:
    """Where a plan for it does not help either."""

    def look() -> Facts:
        return seen(patient, "LD_LIBRARY_PATH", **STUBS)

    outcome = carry_out(patient, look)
    assert outcome.state == "undone"
    assert outcome.reason == "RUN805 (LD_LIBRARY_PATH) is new"
    assert [h.plan.title for h in outcome.held] == ["unset LD_LIBRARY_PATH"]
    assert subjects(outcome.introduced) == ["LD_LIBRARY_PATH"]
    assert subjects(left(outcome)) == [HIDDEN, FORCED, "LD_LIBRARY_PATH"]
    assert not file_of(patient).exists()


@pytest.mark.parametrize("first", [True, False])
def test_a_plan_that_is_refused_is_left_out(first: bool, patient: Patient) -> None:
    setup = patient.site / "pkg" / "part1" / "mod1.py"
    wrong = WriteFile(path=str(setup), content="x", expect="0" * 64)
    outcome = carry_out(patient, lambda: seen(patient), with_plan(wrong, first=first))
    assert outcome.state == "kept"
    ((plan, tried),) = [(h.plan.title, h.tried) for h in outcome.held]
    assert (plan, tried) == ("more", True)
    assert "has changed since" in outcome.held[0].reason
    assert subjects(outcome.fixed) == [HIDDEN, FORCED]


@pytest.mark.parametrize(
    ("error", "state"),
    [(StepFailed("no such version"), "kept"), (OSError(28, "No space left on device"), "failed")],
    ids=["of its own", "of the machine"],
)
def test_a_plan_that_fails_midway(
    error: Exception, state: str, patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is put back, and the others are tried without it unless the machine is to blame."""
    new = patient.site / "new.py"

    def fail(*_: object) -> None:
        new.touch()
        raise error

    monkeypatch.setattr("gpufix.engine.steps.write.run", fail)
    more = with_plan(WriteFile(path=str(new), content="x"))
    outcome = carry_out(patient, lambda: seen(patient), more)
    assert (outcome.state, new.exists()) == (state, False)
    said = outcome.held[0].reason if outcome.held else str(outcome.reason)
    assert "everything was restored" in said and error.args[-1] in said
    assert "None" not in said
    assert [h.plan.title for h in outcome.held] == (["more"] if state == "kept" else [])
    assert {f.subject for f in left(outcome)} == (set() if state == "kept" else {HIDDEN, FORCED})


def test_after_a_step_that_could_not_be_put_back_nothing_else_is_tried(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StepFailed("no such version")

    monkeypatch.setattr("gpufix.engine.steps.write.run", fail)
    monkeypatch.setattr(undo_run, "rollback", lambda run: Undone(("/a is not as it was",)))
    more = with_plan(WriteFile(path=str(patient.site / "new.py"), content="x"), first=True)
    outcome = carry_out(patient, lambda: seen(patient), more)
    assert (outcome.state, outcome.held) == ("failed", [])
    assert "not everything could be restored (/a is not as it was)" in str(outcome.reason)
    assert len(runs.every(patient.state)) == 1 and not file_of(patient).exists()


def test_where_nothing_is_left_to_try_the_failure_is_the_outcome(patient: Patient) -> None:
    wrong = WriteFile(path=str(patient.site / "no" / "folder.py"), content="x", expect="0" * 64)

    def only(proposed: Proposed) -> Proposed:
        more = with_plan(wrong)(proposed)
        return replace(more, choice=replace(more.choice, plans=more.choice.plans[-1:]))

    outcome = carry_out(patient, lambda: seen(patient), only)
    assert (outcome.state, outcome.held, outcome.run) == ("failed", [], None)
    assert outcome.reason


def builds_alone(patient: Patient, names: Sequence[str]) -> Callable[[Proposed], Proposed]:
    """Plans that build a folder each, in the place of what else was proposed."""
    plans = []
    for name in names:
        folder = patient.prefix / "src" / name
        folder.mkdir(parents=True)
        (folder / "setup.py").write_text("x")
        step = Build(path=str(folder))
        plans.append(
            Plan(
                fix="f", codes=["RUN805"], subjects=[name], title=name, safety="safe", steps=[step]
            )
        )

    def change(proposed: Proposed) -> Proposed:
        return replace(proposed, choice=replace(proposed.choice, plans=plans))

    return change


@pytest.fixture
def no_build_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(step: Build, context: RunContext) -> Built:
        (Path(step.path) / "half.o").touch()
        built = Built()
        built.ok, built.reason = False, f"no kernel in {Path(step.path).name}"
        return built

    monkeypatch.setattr(build, "run_together", lambda steps, ctx: [fail(s, ctx) for s in steps])


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
@pytest.mark.usefixtures("no_build_succeeds")
def test_where_every_build_fails_each_failure_is_told_and_put_back(
    names: list[str], patient: Patient
) -> None:
    outcome = carry_out(patient, lambda: seen(patient), builds_alone(patient, names))
    assert (outcome.state, outcome.run) == ("failed", None)
    assert [row.plan.title for row in outcome.held] == names[:-1]
    told = [*(row.reason for row in outcome.held), str(outcome.reason)]
    for name, lying, reason in zip(names, range(len(names), 0, -1), told, strict=True):
        assert f"no kernel in {name}; " in reason
        assert reason.count("lies in") == 1 and f"somebody else's ({lying}) lies in" in reason
    assert list(patient.prefix.rglob("half.o")) == []
    assert {run.state for run in runs.every(patient.state)} == {"undone"}


@pytest.mark.usefixtures("no_build_succeeds")
def test_a_build_that_fails_beside_what_helps_is_held(patient: Patient) -> None:
    def change(proposed: Proposed) -> Proposed:
        (plan,) = builds_alone(patient, ["a"])(proposed).choice.plans
        return with_plan(*plan.steps)(proposed)

    outcome = carry_out(patient, lambda: seen(patient), change)
    assert (outcome.state, subjects(outcome.fixed)) == ("kept", [HIDDEN, FORCED])
    ((title, reason),) = [(row.plan.title, row.reason) for row in outcome.held]
    assert (title, reason.rpartition("; ")[2]) == ("more", "that was restored")
    assert "no kernel in a; what may be somebody else's (1) lies in" in reason


@pytest.mark.usefixtures("no_build_succeeds")
def test_what_is_not_back_after_failed_builds_is_told(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo_run, "rollback", lambda run: Undone(("/a is not as it was",)))
    outcome = carry_out(patient, lambda: seen(patient), builds_alone(patient, ["a"]))
    assert outcome.state == "failed"
    assert "not everything could be restored (/a is not as it was): run `gpufix undo " in str(
        outcome.reason
    )


def test_what_cannot_be_put_back_is_no_reason_to_try_again(
    patient: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo_run, "undo", lambda run: Undone(("/a is not as it was",)))
    outcome = carry_out(patient, lambda: seen(patient, FORCED))
    (run,) = runs.every(patient.state)
    assert outcome.state == "failed"
    assert outcome.reason == (
        f"RUN805 ({FORCED}) is still there; not everything could be restored (/a is not as it was): run "
        f"`gpufix undo {run.id}`"
    )


def test_a_run_that_was_cut_off_is_undone_first(patient: Patient) -> None:
    context = RunContext(facts(patient), environ={})
    apply.apply([SetVariables(variables={"A": "1"})], context, patient.state, "cut off")
    (waiting,) = runs.every(patient.state)
    outcome = carry_out(patient, lambda: seen(patient))
    assert outcome.state == "failed"
    assert outcome.reason == (
        f"run {waiting.id} was cut off: `gpufix undo {waiting.id}` restores what it had begun"
    )


def test_without_a_python_nothing_is_done(patient: Patient) -> None:
    proposed = propose(facts(patient), None, FixRequest(Request()))
    nobody = replace(facts(patient), python=None)
    wish = Repair(patient.state, Request(), lambda: (seen(patient), None))
    outcome = repair(proposed, RunContext(nobody, environ={}), wish)
    assert (outcome.state, outcome.reason) == ("failed", "there is no Python to repair")


def test_nothing_to_do_is_an_outcome(patient: Patient) -> None:
    proposed = propose(seen(patient, **dict.fromkeys(HARM)), None, FixRequest(Request()))
    outcome = nothing_to_do(proposed, facts(patient))
    assert (outcome.state, outcome.plans, outcome.remaining) == ("nothing", [], [])


def finding(subject: str, severity: str = "error") -> Finding:
    return Finding(
        code="RUN805", name="n", severity=Severity(severity), subject=subject, message="m"
    )


def planned(subject: str) -> Plan:
    key = FindingKey("RUN805", subject)
    return Plan(fix="f", codes=["RUN805"], title="t", safety="safe", steps=[], finding=key)


PATIENT = PatientSummary(platform="Linux x86_64")
FIXED, OTHER, ADVICE = finding("fixed"), finding("other"), finding("advice", "advice")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ({"state": "kept", "fixed": [FIXED]}, []),
        ({"state": "undone", "fixed": [FIXED]}, ["fixed"]),
        ({"state": "failed", "fixed": [FIXED]}, ["fixed"]),
        ({"state": "nothing", "remaining": [OTHER]}, ["other"]),
        ({"state": "kept", "introduced": [OTHER]}, ["other"]),
        ({"state": "kept", "revealed": [OTHER]}, ["other"]),
        ({"state": "kept", "remaining": [ADVICE]}, []),
        ({"state": "kept", "remaining": [ADVICE], "plans": [planned("advice")]}, ["advice"]),
        (
            {
                "state": "kept",
                "remaining": [ADVICE],
                "held": [Held(plan=planned("advice"), reason="r", tried=True)],
            },
            ["advice"],
        ),
        (
            {
                "state": "kept",
                "remaining": [ADVICE],
                "held": [Held(plan=planned("advice"), reason="unsafe")],
            },
            [],
        ),
    ],
)
def test_what_still_asks_for_something(outcome: dict[str, Any], expected: list[str]) -> None:
    made = Outcome(gpufix_version="1", patient=PATIENT, **outcome)
    assert subjects(left(made)) == expected


def test_the_journal_tells_of_the_steps_without_their_contents(patient: Patient) -> None:
    """Which may be secret, and are in the file."""
    step = WriteFile(path=str(patient.site / "new.py"), content="secret", mode=0o600)
    context = RunContext(facts(patient), environ={})
    folder = apply.apply([step, Advise(text="reboot")], context, patient.state, "two steps")
    begin = runs.load(folder).begin
    assert (begin["title"], begin["prefix"]) == ("two steps", str(patient.prefix.resolve()))
    assert [row["kind"] for row in begin["steps"]] == ["write", "advise"]
    assert begin["steps"][0]["mode"] == 0o600 and "content" not in begin["steps"][0]
    assert b"secret" not in (folder / "journal").read_bytes()


def test_signals_are_what_they_were_after_a_run() -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    with apply.termination():
        for number in numbers:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(number)
    assert [signal.getsignal(number) for number in numbers] == before
