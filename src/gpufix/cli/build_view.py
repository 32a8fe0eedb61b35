"""The patient with its targets and environment file, as `build`, `env` and `run` share it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpufix.engine.builds.order import Order
    from gpufix.evidence.view import View


def overlay_of(python: str | None, project: str | None) -> dict[str, str | None]:
    """The file's variables; none, and a line on standard error, without an environment.

    A file that cannot be used exits with 2.
    """
    from gpufix.cli.examine import fail, no_patient
    from gpufix.diagnosis.unjudged import NAME_ONE, NO_ENVIRONMENT
    from gpufix.facts.context import CollectContext
    from gpufix.facts.project.project import locate
    from gpufix.facts.python import environment, interpreter
    from gpufix.facts.python.environment import overlay_path

    # Only the environment file is wanted: no profile is read.
    ctx = CollectContext(home=Path(os.devnull))
    try:
        root = locate(project, Path.cwd())
        patient = interpreter.collect(ctx, python, root)
    except (interpreter.NoInterpreter, NotADirectoryError) as error:
        raise fail(str(error)) from None
    if patient is None:
        if ctx.gaps:
            raise no_patient(ctx.gaps)
        print(f"gpufix: no variables: {NO_ENVIRONMENT}: {NAME_ONE}", file=sys.stderr)
        return {}
    path = overlay_path(patient.prefix, root, ctx.environ)
    found = environment.collect(ctx, path).overlay
    broken = next((g for g in ctx.gaps if g.subject == str(path)), None)
    if broken:
        raise fail(f"{path}: {broken.reason}")
    return found


_WAIT = 60.0  # seconds for another run on the same patient


def view_of(python: str | None, gpu: list[str] | None, project: str | None = None) -> View:
    """The patient with its targets. What the user mistyped exits with 2."""
    from gpufix.cli.config import settings
    from gpufix.cli.examine import examine, fail, no_patient
    from gpufix.evidence.targets import choose
    from gpufix.evidence.view import View
    from gpufix.knowledge.gpus.models import GpuNameError

    patient = examine(python, project)
    chosen = settings(patient.facts, gpu, None, None, None)
    if patient.facts.python is None:
        raise no_patient(patient.facts.gaps)
    try:
        targets = choose(patient.facts, chosen.request.gpus, chosen.request.project_gpus)
    except GpuNameError as error:
        raise fail(str(error)) from None
    return View(patient.facts, targets, patient.ask)


@contextmanager
def locked(order: Order) -> Iterator[Order]:
    """The order with the patient's lock; SIGTERM ends the builds as Ctrl-C does."""
    import typer

    from gpufix.cli.examine import fail
    from gpufix.engine.journal.lock import folders, held
    from gpufix.engine.run_context import Busy
    from gpufix.facts.python.environment import state_dir

    python, project = order.view.facts.python, order.view.facts.project
    assert python is not None  # view_of has seen to it
    patient = folders(python.prefix, project.root if project else None)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        say = _say(typer)
        with held(state_dir(), patient, "gpufix build", wait=_WAIT, say=say) as fds:
            yield replace(order, pass_fds=fds)
    except Busy as error:
        raise fail(str(error)) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(typer: Any) -> Any:
    def say(text: str) -> None:
        typer.echo(f"gpufix: {text}", err=True)

    return say


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
