"""What fix asks on a terminal, and what it then does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gpufix.cli import dialogue
from gpufix.model import Held, PatientSummary, Plan, Proposal, Remove, StepPreview

STEP = StepPreview(kind="remove", title="remove it", commands=["rm -- /x"])


def plan(safety: Any, title: str) -> Plan:
    step = Remove(path="/x")
    return Plan(fix="f", codes=["WHL503"], title=title, safety=safety, steps=[step])


ONE, OTHER, BY_HAND = plan("unsafe", "one"), plan("unsafe", "other"), plan("manual", "by hand")
PROPOSAL = Proposal(
    gpufix_version="0",
    patient=PatientSummary(),
    plans=[plan("safe", "safe")],
    steps=[STEP],
    held=[
        Held(plan=ONE, reason="r", steps=[STEP]),
        Held(plan=OTHER, reason="r", steps=[STEP]),
        Held(plan=BY_HAND, reason="r"),
    ],
)


def typed(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """What is asked while somebody types these."""
    asked: list[str] = []
    waiting: Iterator[str] = iter(answers)

    def answer(question: str) -> str:
        asked.append(question)
        try:
            return next(waiting)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", answer)
    return asked


@pytest.mark.parametrize(
    ("answers", "wanted", "unsafe"),
    [
        (["y", "n", "n"], True, []),
        (["n", "y", "n"], False, [ONE]),
        (["", "", ""], False, []),
        (["YES", "no", "y"], True, [OTHER]),
        (["maybe", "d", "y", "d", "y", "y"], True, [ONE, OTHER]),
    ],
)
def test_each_plan_is_asked_for(
    answers: list[str], wanted: bool, unsafe: list[Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = typed(monkeypatch, *answers)
    assert dialogue.consent(PROPOSAL, lambda _: None) == (wanted, unsafe)
    assert len(asked) == len(answers)
    assert not any("by hand" in question for question in asked)


@pytest.mark.parametrize("answers", [["q"], ["y", "quit"], []])
def test_who_quits_gets_nothing_done(answers: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    typed(monkeypatch, *answers)
    with pytest.raises(dialogue.Quit):
        dialogue.consent(PROPOSAL, lambda _: None)


@pytest.mark.parametrize("variable", [{"CI": "true"}, {"TERM": "dumb"}])
def test_nobody_is_asked_in_ci(variable: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert dialogue.can_ask()
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    assert not dialogue.can_ask()
