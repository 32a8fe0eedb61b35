"""`gpufix undo`: put back what a run of fix did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from gpufix.cli.fix import Format, FormatOption

if TYPE_CHECKING:
    from gpufix.engine.runs import Run

_WAIT = 900.0  # seconds for an installer that outlived a killed run


def undo(
    run: Annotated[
        Optional[str], typer.Argument(metavar="ID", help="The run. Default: the last one.")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the runs.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also overwrite what was changed since.")
    ] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Give up the kept files of the run instead.")
    ] = False,
    format: FormatOption = Format.text,
) -> None:
    """Put back, byte for byte, what `gpufix fix --apply` changed; also after it was cut off.

    Exit code 0: done. 1: not everything could be put back, or files were changed since. 2: usage.
    """
    from gpufix.cli.patient import fail
    from gpufix.engine.errors import EngineError, NothingToUndo
    from gpufix.report import runs as report

    as_json = format is Format.json
    if show_list:
        report.show_list(_rows(), as_json)
        return
    try:
        problems, done = _forget(run) if forget else _undo(run, force)
    except NothingToUndo as error:
        report.show_nothing(str(error), as_json)
        return
    except (EngineError, OSError) as error:
        raise fail(str(error)) from None
    state = "incomplete" if problems else "forgotten" if forget else "undone"
    report.show_one({**_row(done), "state": state}, problems, as_json)
    raise typer.Exit(1 if problems else 0)


def _rows() -> list[dict[str, Any]]:
    from gpufix.engine import runs
    from gpufix.facts.overlay import state_dir

    return [_row(run) for run in runs.every(state_dir()) if run.state != "empty"]


def _row(run: Run) -> dict[str, Any]:
    import time

    from gpufix.engine import runs

    started = float(run.begin.get("time") or 0.0)
    return {
        "id": run.id,
        "state": run.state,
        "prefix": run.prefix,
        "project": run.begin.get("project"),
        "title": str(run.begin.get("title", "")),
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "bytes_kept": runs.kept_bytes(run),
    }


def _undo(name: str | None, force: bool) -> tuple[list[str], Run]:
    from gpufix.cli.fix import INTERRUPTED, _say
    from gpufix.engine import lock, runs, undo
    from gpufix.engine.apply import termination
    from gpufix.facts.overlay import state_dir

    state = state_dir()
    chosen = runs.find(state, name)
    try:
        with (
            termination(),
            lock.held(state, chosen.prefix, "gpufix undo", wait=_WAIT, say=_say),
        ):
            chosen = runs.load(chosen.folder)  # whoever held the lock may have gone on
            return undo.undo(chosen, force), chosen
    except undo.Changed as error:
        return [*error.paths[:20], "changed since that run: --force overwrites it"], chosen
    except KeyboardInterrupt:
        _say("interrupted; run `gpufix undo` again")
        raise typer.Exit(INTERRUPTED) from None


def _forget(name: str | None) -> tuple[list[str], Run]:
    from gpufix.engine import runs
    from gpufix.facts.overlay import state_dir

    chosen = runs.find(state_dir(), name)
    runs.forget(chosen)
    return [], chosen
