"""Which run `gpufix undo` means: the named one, else the patient's last, else one that is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gpufix.frozen import Frozen

if TYPE_CHECKING:
    from gpufix.engine.journal.runs import Run

NOT_UNDONE = 1
_SHOWN = 20


class WantedRun(Frozen):
    """What the user asked for. `act`: "undo" or "forget"."""

    name: str | None
    python: str | None
    act: str
    as_json: bool


def state_folder() -> Path:
    """Where runs are kept."""
    from gpufix.facts.python.environment import state_dir

    return state_dir()


def patient(python: str | None) -> str | None:
    """The prefix of the named environment, or of the one at hand; None when there is none.

    One that is gone can still be named, when a run has changed it.
    """
    from gpufix.cli.examine import fail
    from gpufix.engine.journal import runs
    from gpufix.facts.context import CollectContext
    from gpufix.facts.project.project import locate
    from gpufix.facts.python.prefix import find

    ctx = CollectContext()
    found = find(ctx, python, locate(None, ctx.cwd))
    if python is not None and found.error is not None:
        known = {run.prefix for run in runs.every(state_folder())}
        if found.path is None or found.path not in known:
            raise fail(str(found.error))
    return found.path


def choose(wanted: WantedRun) -> Run:
    """The run; exits when there is none, or the user chooses none. Raises EngineError."""
    from gpufix.cli.examine import fail
    from gpufix.engine.journal import runs
    from gpufix.engine.run_context import NothingToUndo
    from gpufix.report import run_list as report

    state = state_folder()
    if wanted.name is not None:
        chosen = (runs.named if wanted.act == "forget" else runs.find)(state, wanted.name)
        if wanted.python is not None:
            prefix = patient(wanted.python)
            if prefix is None or not runs.of_patient(chosen, prefix):
                raise fail(f"run {chosen.id} changed {chosen.prefix}, not {prefix}")
        return chosen
    prefix, others = patient(wanted.python), runs.undoable(state)
    with suppress(NothingToUndo):
        if prefix is not None or not others:
            return runs.find(state, None, prefix)
    elsewhere = runs.marked(prefix) if prefix is not None else None
    if elsewhere is not None:
        raise fail(
            f"run {elsewhere.name} was cut off in {prefix}, and is kept in {elsewhere}: undo it as the "
            f"user, and with the XDG_STATE_HOME, that it was made with"
        )
    if not others:
        report.show_nothing(prefix, wanted.as_json)
        raise typer.Exit(0)
    return _one_of(others, prefix, wanted)


def _one_of(others: Sequence[Run], prefix: str | None, wanted: WantedRun) -> Run:
    """Of other environments: none is touched unless the user says which."""
    from gpufix.cli.examine import fail
    from gpufix.report import run_list as report

    shown = others[-_SHOWN:]
    asks = not wanted.as_json and sys.stdin.isatty() and sys.stdout.isatty()
    rows = [row(run) for run in shown]
    report.show_elsewhere(rows, len(others), prefix, wanted.act, wanted.as_json, commands=not asks)
    answer = _answer(f"{wanted.act} which one? its number or id [none]: ") if asks else ""
    if not answer:
        raise typer.Exit(NOT_UNDONE)
    by_answer = {name: run for n, run in enumerate(shown, 1) for name in (str(n), run.id)}
    if answer not in by_answer:
        raise fail(f"{answer!r} is neither a number from 1 to {len(shown)} nor one of these ids")
    return by_answer[answer]


def _answer(question: str) -> str:
    from gpufix.cli.fix import INTERRUPTED

    try:
        return input(question).strip()
    except EOFError:
        return ""
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def row(run: Run, prefix: str | None = None) -> dict[str, Any]:
    """A run for a report. `prefix`: the patient's at hand, whose runs are marked."""
    import time

    from gpufix.engine.journal import proof, runs
    from gpufix.engine.journal.runs import whereabouts

    started = float(run.begin.get("time") or 0.0)
    return {
        "id": run.id,
        "state": run.state,
        "prefix": run.prefix,
        "environment": whereabouts(run.prefix) if run.prefix else None,
        "this_patient": prefix is not None and runs.of_patient(run, prefix),
        "project": run.begin.get("project"),
        "title": str(run.begin.get("title", "")),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "bytes_kept": runs.kept_bytes(run),
        "aside": len(proof.remaining(runs.aside_folders(run))),
    }
