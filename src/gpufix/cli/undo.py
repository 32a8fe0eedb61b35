"""`gpufix undo`: put back what a run of fix did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gpufix.cli import options
from gpufix.cli.choices import TextOrJson

if TYPE_CHECKING:
    from gpufix.cli.which_run import WantedRun
    from gpufix.engine.journal.runs import Run
    from gpufix.engine.journal.undo_run import Undone

_WAIT = 30.0  # seconds for what a killed run had started, and for another gpufix on the patient


def undo(
    run: Annotated[
        str | None,
        typer.Argument(metavar="ID", help="The run. Default: the environment's last one."),
    ] = None,
    python: options.Python = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the runs.")] = False,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Also where files changed since (they are kept aside) or programs of the run still live.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be restored.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete the kept files of the run instead.")
    ] = False,
    format: options.TextOrJsonFormat = TextOrJson.text,
) -> None:
    """Restore, byte for byte, what `gpufix fix --apply` changed; also after an interruption.

    Without ID: the environment's last run. Where it has none and other environments have, these are
    listed, and on a terminal you are asked which.
    """
    from gpufix.cli.examine import fail
    from gpufix.cli.which_run import WantedRun
    from gpufix.engine.run_context import EngineError, words

    as_json = format is TextOrJson.json
    try:
        if show_list:
            _list(python, as_json)
            return
        wanted = WantedRun(run, python, "forget" if forget else "undo", as_json)
        _preview(wanted) if dry_run else _carry_out(wanted, force)
    except (EngineError, OSError) as error:
        raise fail(words(error)) from None


def _list(python: str | None, as_json: bool) -> None:
    from gpufix.cli.which_run import patient, row, state_folder
    from gpufix.engine.journal import runs
    from gpufix.report import run_list as report

    prefix = patient(python)
    known = [run for run in runs.every(state_folder()) if run.state != "empty"]
    report.show_list([row(run, prefix) for run in known], as_json)


def _preview(wanted: WantedRun) -> None:
    """Raises EngineError, OSError."""
    from gpufix.cli.which_run import choose, row
    from gpufix.engine.journal import undo_run
    from gpufix.report import run_list as report

    chosen = choose(wanted)
    report.show_preview(row(chosen), undo_run.preview(chosen), wanted.as_json)


def _carry_out(wanted: WantedRun, force: bool) -> None:
    """Prints which environment before and after. Raises EngineError, OSError."""
    from gpufix.cli.fix import _say
    from gpufix.cli.which_run import choose, row
    from gpufix.engine.journal import runs
    from gpufix.engine.journal.undo_run import Undone
    from gpufix.report import run_list as report

    chosen = choose(wanted)
    shown = row(chosen)
    _say(f"{report.DOING[wanted.act]} {report.named(shown)}")
    if wanted.act == "forget":
        runs.forget(chosen, force)
        undone, state = Undone(), "forgotten"
    else:
        undone = _undo(chosen, force)
        state = "incomplete" if undone.problems else "undone"
    report.show_one({**shown, "state": state}, undone, wanted.as_json)
    raise typer.Exit(1 if undone.problems or undone.lost else 0)


def _undo(chosen: Run, force: bool) -> Undone:
    from gpufix.cli.fix import INTERRUPTED, _say
    from gpufix.cli.which_run import state_folder
    from gpufix.engine.journal import lock, programs, runs, undo_run
    from gpufix.engine.journal.runs import require_there
    from gpufix.engine.run.apply import termination

    try:
        with termination():
            programs.refuse_running(chosen)
            if force:
                programs.end(chosen)
            programs.wait(chosen, _WAIT, _say)
            folders = lock.folders(chosen.prefix, chosen.begin.get("project"))
            with lock.held(state_folder(), folders, "gpufix undo", wait=_WAIT, say=_say):
                chosen = runs.load(chosen.folder)  # whoever held the lock may have gone on
                require_there(chosen)
                # Whoever held the lock a moment ago may just have been started, and start others.
                programs.wait(chosen, _WAIT, _say)
                return undo_run.undo(chosen, force)
    except undo_run.Changed as error:
        since = "changed since that run; with --force it is put aside, and the run is undone"
        return undo_run.Undone((*error.paths[:20], since))
    except KeyboardInterrupt:
        _say(f"interrupted; run `gpufix undo {chosen.id}` again")
        raise typer.Exit(INTERRUPTED) from None
