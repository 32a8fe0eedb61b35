"""What a run has brought to light is planned, shown and done in the same run."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from test_repair import FORCED, HIDDEN, STUBS, carry_out, file_of, left, seen, subjects
from trees import Patient

from gpufix.engine.journal import runs, undo_run
from gpufix.engine.run import comparison
from gpufix.engine.run.propose import Proposed
from gpufix.model import Facts, Finding


@pytest.fixture(autouse=True)
def hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """LD_LIBRARY_PATH's finding is one that the others had hidden."""

    def was_hidden(finding: Finding, fixed: Sequence[Finding]) -> bool:
        return finding.subject == "LD_LIBRARY_PATH"

    monkeypatch.setattr(comparison, "_was_hidden", was_hidden)


def test_it_is_done_after_it_was_shown(patient: Patient) -> None:
    shown: list[str] = []

    def look() -> Facts:
        written = file_of(patient).exists() and "LD_LIBRARY_PATH" in file_of(patient).read_text()
        return seen(patient, **({} if written else STUBS))

    def show(proposed: Proposed) -> None:
        assert "LD_LIBRARY_PATH" not in file_of(patient).read_text()
        shown.extend(plan.title for plan in proposed.choice.plans)

    outcome = carry_out(patient, look, show=show)
    assert (outcome.state, outcome.reason, outcome.held) == ("kept", None, [])
    assert shown == ["unset LD_LIBRARY_PATH"]
    assert [p.title for p in outcome.plans][2:] == shown
    assert subjects(outcome.fixed) == [HIDDEN, FORCED, "LD_LIBRARY_PATH"]
    assert (outcome.introduced, outcome.revealed, left(outcome)) == ([], [], [])
    (run,) = runs.every(patient.state)
    assert run.state == "kept"
    assert undo_run.undo(run).problems == ()
    assert not file_of(patient).exists()


def test_what_does_not_help_is_taken_back_and_the_rest_stays(patient: Patient) -> None:
    outcome = carry_out(patient, lambda: seen(patient, "LD_LIBRARY_PATH", **STUBS))
    assert (outcome.state, outcome.reason) == ("kept", None)
    assert subjects(outcome.fixed) == [HIDDEN, FORCED]
    assert subjects(outcome.revealed) == ["LD_LIBRARY_PATH"]
    ((title, reason, tried),) = [(h.plan.title, h.reason, h.tried) for h in outcome.held]
    assert (title, tried) == ("unset LD_LIBRARY_PATH", True)
    assert reason == "RUN805 (LD_LIBRARY_PATH) is still there; that was restored"
    assert "LD_LIBRARY_PATH" not in file_of(patient).read_text()
    (run,) = runs.every(patient.state)
    assert undo_run.undo(run).problems == ()
    assert not file_of(patient).exists()
