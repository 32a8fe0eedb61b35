"""A Build step: one extension folder, compiled and installed as the plan says, and read back."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from gpufix.engine.builds.build_all import build_folders
from gpufix.engine.builds.build_process import Ended, Running
from gpufix.engine.builds.folder import NotBuildable, inspect
from gpufix.engine.builds.order import Order
from gpufix.engine.journal.parts import heartbeat
from gpufix.engine.run_context import RunContext
from gpufix.evidence.view import View
from gpufix.fixes.build_environment.variables import Folder
from gpufix.knowledge.gpus.models import GpuNameError, resolve
from gpufix.model import Build
from gpufix.model.outcome import BuildResult

_EVERY = 30.0  # seconds
_LIMIT = 6 * 3600.0  # seconds: flash-attention takes hours on few cores


def run_together(steps: Sequence[Build], context: RunContext) -> list[BuildResult]:
    """Build, install and read back, side by side as far as memory goes; the results in the steps' order.

    Raises OSError; everything else is in the results.
    """
    results: dict[str, BuildResult] = {}
    # In the run's own temporary folder: what a killed run leaves there goes with its undo.
    with tempfile.TemporaryDirectory(
        prefix="gpufix-", dir=context.environ.get("TMPDIR")
    ) as scratch:
        folders: dict[str, Folder] = {}
        orders: dict[str, Order] = {}
        for number, step in enumerate(steps):
            try:
                folder = inspect(Path(step.path), context.facts)
                place = Path(scratch, str(number))
                place.mkdir()
                orders[folder.path] = _order(step, context, place)
                folders[step.path] = folder
            except (NotBuildable, GpuNameError) as error:
                results[step.path] = BuildResult(path=step.path, ok=False, reasons=[str(error)])
        if folders:
            first = next(iter(orders.values()))
            watch = Watched(context.say, heartbeat(first.logs))
            for result in build_folders(first, list(folders.values()), None, watch, orders):
                results[result.path] = result
    done = [results.get(f.path if (f := folders.get(s.path)) else s.path) for s in steps]
    found = [result for result in done if result is not None]
    for result in found:
        context.built(result)
    return found


def _order(step: Build, context: RunContext, scratch: Path) -> Order:
    """Raises GpuNameError."""
    return Order(
        view=View(context.facts, [resolve(name) for name in step.expect_archs]),
        logs=context.folder or scratch,
        scratch=scratch,
        base=context.environ,
        editable=step.editable,
        limit_s=_LIMIT,
        settings=step.environment,
        abi=step.abi,
        pass_fds=context.lock_fds,
    )


class Watched:
    """Says what is being built, and now and then how far it is; shows that the run lives."""

    def __init__(self, say: Callable[[str], None], beat: Path):
        self._say, self._beat = say, beat
        self._reported = self._touched = 0.0

    def started(self, folder: Folder, jobs: int) -> None:
        self._say(f"building {folder.path} with up to {jobs} compilers at once")

    def progress(self, running: Sequence[tuple[Folder, Running]]) -> None:
        if time.monotonic() - self._touched > 1.0:
            self._beat.touch()
            self._touched = time.monotonic()
        for folder, state in running:
            if state.seconds - self._reported < _EVERY:
                continue
            self._reported = state.seconds
            done = state.log.progress()
            files = f"{done[0]} of {done[1]} files after " if done else ""
            self._say(f"{folder.path}: {files}{state.seconds:.0f} s")

    def ended(self, ended: Ended) -> None:
        self._say(f"{ended.folder.path}: {ended.reason or 'built'} after {ended.seconds:.0f} s")
