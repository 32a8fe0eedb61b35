"""What `build`, `env --build` and `run --build` share: the patient seen with its targets, locked."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gpufix.engine.build_order import Order
    from gpufix.view import View

_WAIT = 60.0  # seconds for another run on the same patient


def view_of(python: str | None, gpu: list[str] | None, project: str | None = None) -> View:
    """The patient with its targets. What the user mistyped exits with 2."""
    from gpufix.cli.config import settings
    from gpufix.cli.patient import examine, fail
    from gpufix.knowledge.gpus import GpuNameError
    from gpufix.targets import choose
    from gpufix.view import View

    patient = examine(python, project)
    chosen = settings(patient.facts, gpu, None, None, None)
    if patient.facts.python is None:
        raise fail("there is no Python to build for: name one with --python")
    try:
        targets = choose(patient.facts, chosen.request.gpus)
    except GpuNameError as error:
        raise fail(str(error)) from None
    return View(patient.facts, targets, patient.ask)


@contextmanager
def locked(order: Order) -> Iterator[Order]:
    """The order with the patient's lock; SIGTERM ends the builds as Ctrl-C does."""
    import typer

    from gpufix.cli.patient import fail
    from gpufix.engine.errors import Busy
    from gpufix.engine.lock import held
    from gpufix.facts.overlay import state_dir

    python = order.view.facts.python
    assert python is not None  # view_of has seen to it
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        say = _say(typer)
        with held(state_dir(), python.prefix, "gpufix build", wait=_WAIT, say=say) as fd:
            yield replace(order, pass_fds=(fd,))
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
